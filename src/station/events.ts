import type { Outcome } from "./outcome.ts";
import type { PlcState } from "./plc-state.ts";
import type { ReasonName } from "./reasons.ts";

/** The moment of an event, on both clocks (see shared/clock.ts). */
export interface Instant {
  readonly monotonicMs: number;
  readonly wallMs: number;
}

export interface StationSettings {
  /** `camera`: every frame is a part. `continuous`: the freshest frame is scored, others are skipped. */
  readonly mode: "continuous" | "camera";
  /** Capture to verdict less than this; at it the outcome is NO_VERDICT/late. */
  readonly deadlineMs: number;
  /**
   * Frames that may wait while others are scored. Mode `camera`: one more is NO_VERDICT/overrun at once. Mode
   * `continuous`: one at most waits (none with 0), and a newer frame takes its place.
   */
  readonly maxPending: number;
  /** Frames that may be with the inference process at once; 1 when absent. */
  readonly maxInFlight?: number;
  /** Every outcome carries flag 08. */
  readonly commissioning: boolean;
}

export type StationEvent =
  /** Capture, inference and bank are being started. */
  | { readonly type: "start" }
  | { readonly type: "bank-ready"; readonly bankId: string }
  /** The bank failed, was taken away, or (`warm-up`) is being loaded. */
  | { readonly type: "bank-unready"; readonly reason: "no-bank" | "self-test-failed" | "warm-up" }
  | { readonly type: "inference-ready" }
  /** The process ended: it reads no slot any more and answers nothing. */
  | { readonly type: "inference-lost" }
  | { readonly type: "camera-playing" }
  | { readonly type: "camera-lost" }
  /** A source with an end delivered its last frame. */
  | { readonly type: "camera-ended" }
  /** `frameId` is the daemon's name of the frame, never used twice; `captureSeq` counts a capture process from 1. */
  | { readonly type: "frame"; readonly frameId: number; readonly captureSeq: number; readonly capturedAtMs: number }
  /** The capture process had no room for the frame. */
  | { readonly type: "frame-dropped"; readonly captureSeq: number }
  | {
      readonly type: "scored";
      readonly frameId: number;
      readonly score: number;
      readonly threshold: number;
      readonly bankId: string;
    }
  | { readonly type: "score-failed"; readonly frameId: number; readonly reason: ReasonName }
  /** Time has passed; due at `nextDeadlineMs()`. */
  | { readonly type: "tick" }
  /** Decide what is open; nothing is accepted afterwards. */
  | { readonly type: "stop" };

export type Effect =
  /** Hand the frame to the inference process; it answers with `scored` or `score-failed`, or is lost. */
  | { readonly type: "request-score"; readonly frameId: number }
  /** Nobody needs the frame any more: its slot may be written again. Exactly once for each frame that arrived. */
  | { readonly type: "release"; readonly frameId: number }
  | { readonly type: "outcome"; readonly outcome: Outcome }
  /** A score that came after its part's outcome: for the record only, never a verdict. */
  | {
      readonly type: "late-score";
      readonly seq: number;
      readonly frameId: number;
      readonly score: number;
      readonly threshold: number;
    }
  | { readonly type: "plc-state"; readonly state: PlcState }
  | { readonly type: "faults-changed"; readonly faults: readonly Fault[] };

/** Why the station stands: shown in `state` until it is over. */
export interface Fault {
  readonly reason: ReasonName;
  readonly since: Instant;
}

export interface StationCounters {
  readonly total: number;
  readonly pass: number;
  readonly fail: number;
  /** NO_VERDICT by reason; a reason that never occurred is absent. */
  readonly noVerdict: Readonly<Partial<Record<ReasonName, number>>>;
  /** Mode `continuous`: frames that gave way to a newer one or came while nothing could score them. */
  readonly skipped: number;
  readonly lateScores: number;
  /** Answers for frames that nobody asks for any more. */
  readonly ignoredAnswers: number;
}
