import type { StateDocument } from "../mqtt/state-document.ts";
import type { LoopDelay } from "../ops/event-loop-delay.ts";
import type { StoreStatus } from "../store/store-client.ts";

/** What the daemon counts anyway, as it is now. Counts are since the start of the daemon. */
export interface DeviceFigures {
  readonly site: string;
  readonly device: string;
  readonly versions: Readonly<Record<string, string>>;
  /** Unix seconds. */
  readonly startedAtS: number;
  readonly cpuS: number;
  readonly processes: readonly ProcessFigures[];
  readonly eventLoop: LoopDelay;
  readonly store: StoreStatus;
  readonly inferenceRestarts: number;
  readonly host: StateDocument["host"];
  readonly runs: StateDocument["runs"];
  /** The device's own connection. */
  readonly broker: { readonly connected: boolean; readonly connects: number };
  readonly stations: readonly StationFigures[];
}

export interface ProcessFigures {
  readonly process: "daemon" | "inference" | "capture";
  /** Empty for those that belong to no station. */
  readonly station: string;
  readonly residentBytes: number;
}

export interface StationFigures {
  /** `line/name` */
  readonly id: string;
  readonly ready: boolean;
  readonly connected: boolean;
  readonly state: StateDocument;
  /** Accepted parts without an outcome. */
  readonly openParts: number;
  /** Frames in slots. */
  readonly heldFrames: number;
}
