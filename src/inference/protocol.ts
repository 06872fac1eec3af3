import type { FrameReference, Region, Rotation } from "../shared/image.ts";
import type { ValiditySettings } from "./frame-check.ts";
import type { WireError } from "../shared/errors.ts";

export interface InferenceSettings {
  /** Threads of the backbone session and of the exact search. */
  readonly threads: number;
  /** ONNX Runtime's busy waiting: less latency, more CPU. */
  readonly spinning: boolean;
  readonly provider: "cpu" | "cuda" | "tensorrt";
  /** The CPU may stand in for a provider that cannot be had; absent: it may not. */
  readonly allowCpuFallback?: boolean;
}

/** The CPU stands in for the provider that was asked for. */
export interface ProviderFallback {
  readonly wanted: string;
  /** Why that one cannot be had. */
  readonly why: string;
}

export interface PictureSettings {
  readonly mask: boolean;
  readonly overlay: boolean;
  readonly overlayFormat: "jpeg" | "webp";
  /** 1–100. */
  readonly overlayQuality: number;
  /** Longer side of the pictures, pixels. */
  readonly size: number;
}

export interface LoadBank {
  readonly station: string;
  readonly bankPath: string;
  /** Folders that hold `<name>/manifest.json` beside the backbone's ONNX file. */
  readonly modelsFolders: readonly string[];
  readonly index: "auto" | "exact" | "hnsw";
  /** Absent: the threshold of the bank. */
  readonly threshold?: number;
  /** Absent: the mask threshold of the bank. */
  readonly maskThreshold?: number;
  /** Absent: the region and rotation of the bank. */
  readonly region?: Region;
  readonly rotation?: Rotation;
  readonly validity: ValiditySettings;
  readonly pictures: PictureSettings;
  /** A CPU that stands in for an accelerator may take so long for a frame; absent: however long. */
  readonly budgetMs?: number;
  /** The bank is loaded only if its golden frames come out right within these; absent: no golden frame is scored. */
  readonly gate?: GateLimits;
}

export interface BankSummary {
  readonly bankId: string;
  readonly rows: number;
  readonly dims: number;
  readonly backbone: string;
  readonly threshold: number;
  readonly maskThreshold: number;
  readonly index: "exact" | "hnsw";
  /** The execution provider that is really in use. */
  readonly provider: string;
  /** null: it is the one that was asked for. */
  readonly fallback: ProviderFallback | null;
  readonly warmUpMs: number;
  /** Backbone, search and score of one frame after the warm-up, ms: the median of a few. */
  readonly frameMs: number;
  /** null: no gate was asked for, or the bank has no golden frames. */
  readonly gate: GateReport | null;
}

/** Within what a bank's golden frames have to come out. */
export interface GateLimits {
  /** |score − the fit's score| as a share of the bank's threshold. */
  readonly largestDrift: number;
  /** Backbone, search and score of one frame. */
  readonly medianMs: number;
  /** Of the whole inference process with the bank in it. */
  readonly memoryBytes: number;
}

/** What came of the golden frames on this device. */
export interface GateReport {
  readonly frames: readonly {
    readonly name: string;
    readonly expect: "PASS" | "FAIL";
    readonly verdict: "PASS" | "FAIL";
    readonly expectedScore: number;
    readonly score: number;
  }[];
  readonly largestDrift: number;
  readonly medianMs: number;
  readonly memoryBytes: number;
  readonly limits: GateLimits;
}

/** Durations of one frame's stages, ms. */
export interface StageTimes {
  readonly read: number;
  readonly resize: number;
  readonly backbone: number;
  readonly search: number;
  readonly score: number;
}

export interface Scored {
  /** Image score, in the unit of the bank's distances. */
  readonly score: number;
  readonly threshold: number;
  readonly bankId: string;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly stages: StageTimes;
}

/** What a request to score says of the candidate that runs beside the station's bank. */
export interface ShadowRequest {
  /** Under this id the answer comes. */
  readonly id: number;
  /** A frame on which the two differ is to be drawn. */
  readonly wantsThumbnail: boolean;
}

/** What the candidate says of a frame that the station's bank has scored. */
export interface ShadowScored {
  readonly bankId: string;
  readonly score: number;
  readonly threshold: number;
  /** Preparation to score, ms; a verdict that came meanwhile has waited so long at most. */
  readonly tookMs: number;
  /** null: not wanted, or the two do not differ. */
  readonly thumbnail: Picture | null;
}

/** Pictures of a scored frame; absent ones were not asked for. */
export interface Pictures {
  readonly mask?: Picture;
  readonly overlay?: Picture;
  /** ms: anomaly map and mask, encoding. */
  readonly mapMs: number;
  readonly encodeMs: number;
}

export interface Picture {
  readonly contentType: "image/png" | "image/jpeg" | "image/webp";
  readonly data: Uint8Array;
  /** Lower-case hex. */
  readonly sha256: string;
}

export type ToInference =
  /** Answered at once, beside all work: an idle process that does not answer hangs. */
  | { readonly type: "ping"; readonly id: number }
  | { readonly type: "start"; readonly id: number; readonly settings: InferenceSettings }
  | { readonly type: "load-bank"; readonly id: number; readonly load: LoadBank }
  /** The bank stays as it is loaded; thresholds, frame limits and pictures are those of `load` from the next frame on. */
  | { readonly type: "adjust-bank"; readonly id: number; readonly load: LoadBank }
  /** The station leaves: what its bank takes is given up. */
  | { readonly type: "unload-bank"; readonly id: number; readonly station: string }
  /** A candidate that runs beside the station's bank, in the place of one that did; it never gives a score of `scored`. */
  | { readonly type: "load-shadow"; readonly id: number; readonly load: LoadBank }
  | { readonly type: "unload-shadow"; readonly id: number; readonly station: string }
  | {
      readonly type: "score";
      readonly id: number;
      /** Under this id the pictures come; null: none are wanted. */
      readonly picturesId: number | null;
      /** null: the candidate is not asked. */
      readonly shadow: ShadowRequest | null;
      readonly station: string;
      readonly frame: FrameReference;
      /** Monotonic ms, of the machine's clock, at which the frame's part is late; null: it is no part's. */
      readonly deadlineAtMs: number | null;
    };

export type FromInference =
  | { readonly type: "alive"; readonly id: number }
  | { readonly type: "started"; readonly id: number; readonly versions: Readonly<Record<string, string>> }
  | { readonly type: "bank-loaded"; readonly id: number; readonly summary: BankSummary }
  | { readonly type: "bank-unloaded"; readonly id: number }
  /** The slot has been read: its credit may go back. */
  | { readonly type: "scored"; readonly id: number; readonly scored: Scored }
  /** Follows `scored` when pictures were asked for; null when they were dropped, so as not to hold up a newer frame. */
  | { readonly type: "pictures"; readonly id: number; readonly pictures: Pictures | null }
  /** Follows `scored` when the candidate was asked; null when something else needed the time. */
  | { readonly type: "shadow-scored"; readonly id: number; readonly scored: ShadowScored | null }
  | { readonly type: "failed"; readonly id: number; readonly error: WireError };
