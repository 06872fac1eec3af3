import type { FrameReference } from "../shared/image.ts";
import type { WireError } from "../shared/errors.ts";

/** Where frames come from. `live` sources deliver by themselves; a folder waits for us. */
export type CaptureSource =
  | { readonly kind: "test"; readonly pattern: string }
  | {
      readonly kind: "folder";
      readonly path: string;
      /** Start again at the first file after the last; else the source ends after the last. */
      readonly loop: boolean;
      /** Deliver at `framerate`; else as fast as the slots come back. */
      readonly paced: boolean;
    }
  | { readonly kind: "v4l2"; readonly device: string }
  | { readonly kind: "aravis"; readonly camera: string; readonly features: string }
  | {
      readonly kind: "rtsp";
      /** Without user and password. */
      readonly url: string;
      readonly username: string | null;
      /** Read by the capture process alone; a path, or `credential:NAME` of systemd. */
      readonly passwordFile: string | null;
      readonly transport: "tcp" | "udp";
      /** How long packets are held to put them in order, ms. */
      readonly bufferMs: number;
    }
  /** A camera on a Jetson's CSI connector, through Argus. */
  | { readonly kind: "csi"; readonly sensor: string }
  /** A whole launch string of the device's own configuration, with an appsink named `sink`. */
  | { readonly kind: "pipeline"; readonly launch: string };

/** Everything a capture process needs to know, sent once. */
export interface CaptureSettings {
  readonly station: string;
  readonly source: CaptureSource;
  /** Pixels; absent: what the source offers. */
  readonly width?: number;
  readonly height?: number;
  /** Frames per second; absent: what the source offers. */
  readonly framerate?: number;
  /**
   * `freshest`: only the newest frame counts. `every`: each frame is a part; what finds no slot is reported. `newest`: as
   * `freshest`, but each frame is taken the moment it comes and one that finds no slot is reported: none lies in a buffer
   * until there is a slot, so its time of delivery tells when it was taken.
   */
  readonly delivery: "freshest" | "every" | "newest";
  /** `freshest` only: at most this many frames a second. */
  readonly maxRateHz?: number;
  /** Folder of this process's slots; exists, empty, and is removed by the daemon. */
  readonly slotFolder: string;
  readonly slotCount: number;
  readonly captureLatencyMs: number;
  /** Start to first frame at most this. */
  readonly firstFrameTimeoutMs: number;
  /** Frame to frame at most this (0: no limit, for triggered cameras). */
  readonly frameTimeoutMs: number;
}

export type ToCapture =
  | { readonly type: "start"; readonly settings: CaptureSettings }
  /** The slot has been read and may be written again. */
  | { readonly type: "credit"; readonly slot: number };

export type FromCapture =
  /** Every second: the process answers. Frames alone cannot tell this of a triggered camera. */
  | { readonly type: "alive" }
  | {
      readonly type: "playing";
      readonly launch: string;
      /** Of what the process loaded: gstreamer. */
      readonly versions: Readonly<Record<string, string>>;
    }
  | { readonly type: "frame"; readonly frame: FrameReference }
  /** A frame came and no slot was free (`every` on a live source). */
  | { readonly type: "dropped"; readonly seq: number; readonly deliveredAtMs: number }
  /** A source with an end (folder without loop) has delivered its last frame. */
  | { readonly type: "ended"; readonly frames: number }
  /** The source failed; the process ends itself after this. */
  | { readonly type: "fault"; readonly error: WireError };

/** To a process that looks for elements: names such as `v4l2src`. */
export interface ToElements {
  readonly names: readonly string[];
}

export type FromElements =
  /** In the order of `names`; the version as `gstreamerVersion` gives it. */
  | { readonly missing: readonly string[]; readonly gstreamer: string | null }
  /** The binding does not load. */
  | { readonly problem: string };
