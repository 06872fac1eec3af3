import type { ReasonName } from "./reasons.ts";

/** What a reason means when it is not a part's but the station's own: a row in `state`, under `faults`. */
export interface FaultKind {
  /** The station gives no verdicts while it stands, `plc/state` is 8; else it is only shown. */
  readonly stops: boolean;
  /** Key of `state` that says more. */
  readonly see: string;
  /** When it is over, in words that follow "when". */
  readonly over: string;
}

/** Every fault, once. Code, text and remedy are those of the reason of the same name. */
export const FAULTS = {
  "camera-lost": { stops: true, see: "camera", over: "the camera plays again" },
  "no-bank": { stops: true, see: "bank", over: "a bank has loaded; it is tried again each 30 s" },
  "self-test-failed": { stops: true, see: "bank", over: "a bank's golden frames come out right" },
  "inference-lost": { stops: true, see: "bank", over: "the process is back and the bank loaded" },
  "challenge-due": { stops: true, see: "counters", over: "a known bad part was recognised" },
  "challenge-passed": { stops: true, see: "counters", over: "a known bad part was recognised" },
  "admission-refused": { stops: true, see: "admission", over: "takt and deadline can be met beside the others" },
  "storage-failed": { stops: false, see: "storage", over: "the disk takes results again" },
  overbooked: { stops: false, see: "admission", over: "takt and deadline of all stations can be met" },
  "fail-streak": { stops: false, see: "counters", over: "`cmd/resume` came" },
  "fail-rate": { stops: false, see: "counters", over: "`cmd/resume` came" },
  "memory-low": { stops: false, see: "host", over: "a tenth more than the limit is free, and nothing waits for it" },
  "disk-low": { stops: false, see: "host", over: "a tenth more than the limit is free" },
  "host-hot": { stops: false, see: "host", over: "it is 3 °C cooler than the limit" },
  "clock-throttled": { stops: false, see: "host", over: "a minute has passed without it" },
  "clock-unsynchronised": { stops: false, see: "host", over: "the clock is synchronised" },
  "inference-unsteady": { stops: false, see: "bank", over: "it has not been lost for 2 minutes" },
  "provider-fallback": { stops: false, see: "executionProvider", over: "a bank has loaded on the accelerator" },
  "camera-unsteady": { stops: false, see: "camera", over: "it has not been lost for 2 minutes" },
} as const satisfies Readonly<Partial<Record<ReasonName, FaultKind>>>;

export type FaultName = keyof typeof FAULTS;

export const FAULT_NAMES = Object.keys(FAULTS) as readonly FaultName[];
