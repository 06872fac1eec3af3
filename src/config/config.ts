import type { Region, Rotation } from "../shared/image.ts";

/** One file describes one device: what is device-wide, and its stations. All values are checked and complete. */
export interface DeviceConfig {
  /** Topic segments, `[a-z0-9_-]{1,32}`. */
  readonly site: string;
  readonly device: string;
  readonly stateFolder: string;
  readonly sharedMemoryFolder: string;
  /** Folders that are searched for backbones, beside the models that come with nominald. */
  readonly modelsFolders: readonly string[];
  readonly broker: BrokerConfig;
  readonly inference: {
    /** Inference processes; each has its own threads. */
    readonly processes: number;
    readonly threads: number;
    readonly spinning: boolean;
    readonly provider: "cpu" | "cuda" | "tensorrt";
    /** The CPU stands in for a provider that cannot be had, if it is fast enough. */
    readonly allowCpuFallback: boolean;
    /** Start of the child and load of a bank at most this. */
    readonly startTimeoutMs: number;
    /** One frame at most this; past it the child is killed. */
    readonly frameTimeoutMs: number;
  };
  /** What becomes of a station whose takt or deadline cannot be met beside the others. */
  readonly admission: "refuse" | "warn";
  /** The history of an outage: records that no broker has taken. */
  readonly history: {
    readonly maxRecords: number;
    readonly maxRateHz: number;
  };
  /** Where monitors ask how the device does. */
  readonly http: HttpConfig;
  readonly log: { readonly level: "debug" | "info" | "warn" | "error" };
  readonly host: HostConfig;
  readonly security: {
    /** Signed documents may come without a signature. */
    readonly allowUnsigned: boolean;
  };
  readonly twin: {
    /** A configuration on trial is taken back unless it has proved itself within this, s. */
    readonly confirmWithinS: number;
  };
  /** Banks that come over the broker. */
  readonly delivery: DeliveryConfig;
  readonly stations: readonly StationConfig[];
}

export interface HttpConfig {
  readonly enabled: boolean;
  /** An IP address. */
  readonly address: string;
  readonly port: number;
  /** Names in Host and Origin that are served, beside the address and those of loopback. */
  readonly hosts: readonly string[];
}

/** Beyond these the computer itself is a fault, which stops nothing. */
export interface HostConfig {
  readonly minFreeMemoryMebibytes: number;
  /** On the disk of stateFolder. */
  readonly minFreeDiskMebibytes: number;
  readonly maxCelsius: number;
}

export interface DeliveryConfig {
  readonly maxMebibytes: number;
  readonly minFreeMebibytes: number;
  readonly maxKibibytesPerS: number;
  /** `HOST` or `HOST:PORT` from which files are taken over HTTPS. */
  readonly httpsHosts: readonly string[];
  /** Certificate authorities of those hosts, PEM; null: those of the system. */
  readonly caFile: string | null;
  /** Share of the threshold. */
  readonly maxDrift: number;
  readonly maxMemoryMebibytes: number;
  readonly probationParts: number;
  readonly probationS: number;
  /** Shares of the parts. */
  readonly maxNoVerdictRise: number;
  readonly maxFailRise: number;
  readonly maxLatencyRatio: number;
}

export interface BrokerConfig {
  /** mqtt:// or mqtts:// */
  readonly url: string;
  readonly version: "5" | "3.1.1";
  readonly username: string | null;
  /** Files, never the secret itself, or `credential:NAME` of systemd; read again at every connect. */
  readonly passwordFile: string | null;
  readonly caFile: string | null;
  readonly certFile: string | null;
  readonly keyFile: string | null;
  readonly connectTimeoutMs: number;
}

export interface StationConfig {
  readonly line: string;
  readonly name: string;
  readonly mode: "triggered" | "camera" | "continuous";
  readonly bank: string;
  readonly index: "auto" | "exact" | "hnsw";
  /** null: the bank's. */
  readonly threshold: number | null;
  readonly maskThreshold: number | null;
  readonly region: Region | null;
  readonly rotation: Rotation | null;
  /** Trigger, or frame, to verdict at most this; past it NO_VERDICT/late. */
  readonly deadlineMs: number;
  /** The shortest time between two parts; null: nobody says. */
  readonly taktMs: number | null;
  /** Parts that may wait for their frame or for scoring; beyond it NO_VERDICT/overrun at once. */
  readonly maxPending: number;
  /** Mode `continuous`: at most this many frames a second. */
  readonly maxRateHz: number;
  /** Every result carries flag 08: not for control. */
  readonly commissioning: boolean;
  /** Frames that show nothing get NO_VERDICT; limits of null are the bank's. */
  readonly validity: {
    readonly check: boolean;
    /** Mean luminance, 0 to 255. */
    readonly minBrightness: number | null;
    /** Share of pixels, 0 to 1. */
    readonly maxSaturated: number | null;
    readonly minSharpness: number | null;
  };
  readonly challenge: {
    /** A known bad part is due so often; 0: none is. */
    readonly everyHours: number;
    /** Part id of a known bad part; empty: none has one. */
    readonly partId: string;
  };
  readonly lineStop: {
    readonly consecutiveFails: number;
    /** 0 to 1. */
    readonly failRate: number;
    readonly windowParts: number;
  };
  readonly camera: CameraConfig;
  readonly pictures: {
    readonly mask: boolean;
    readonly overlay: boolean;
    readonly overlayFormat: "jpeg" | "webp";
    readonly overlayQuality: number;
    readonly size: number;
  };
}

export interface CameraConfig {
  readonly source: "test" | "folder" | "v4l2" | "aravis" | "rtsp" | "csi" | "pipeline";
  /** test: videotestsrc's pattern. */
  readonly pattern: string;
  /** folder */
  readonly path: string | null;
  readonly loop: boolean;
  readonly paced: boolean;
  /** v4l2: /dev/video0; aravis: name, serial number or IP address; csi: number of the sensor. */
  readonly device: string | null;
  /** aravis: GenICam features, "TriggerMode=On TriggerSource=Line0". */
  readonly features: string;
  /** rtsp: the stream, without user and password. */
  readonly url: string | null;
  readonly username: string | null;
  /** A file, never the password itself, or `credential:NAME` of systemd; read at each start of the camera. */
  readonly passwordFile: string | null;
  readonly transport: "tcp" | "udp";
  readonly bufferMs: number;
  /** pipeline: GStreamer's launch string, with an appsink named `sink`. */
  readonly pipeline: string | null;
  readonly width: number | null;
  readonly height: number | null;
  readonly framerate: number | null;
  readonly slots: number;
  readonly captureLatencyMs: number;
  readonly firstFrameTimeoutMs: number;
  readonly frameTimeoutMs: number;
}
