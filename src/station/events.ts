import type { FaultName } from "./faults.ts";
import type { Instant } from "./instant.ts";
import type { Outcome } from "./outcome.ts";
import type { PlcState, StationMode } from "./plc-state.ts";
import type { ReasonName } from "./reasons.ts";

export interface StationSettings {
  readonly mode: StationMode;
  /** Trigger, or capture, to verdict less than this; at it the outcome is NO_VERDICT/late. */
  readonly deadlineMs: number;
  /**
   * Parts that may wait while others are scored, for a frame or for their turn. Modes `triggered` and `camera`: one
   * more is NO_VERDICT/overrun at once. Mode `continuous`: one at most waits (none with 0), and a newer frame takes its
   * place.
   */
  readonly maxPending: number;
  /** Frames that may be with the inference process at once; 1 when absent. */
  readonly maxInFlight?: number;
  /** Every outcome carries flag 08. */
  readonly commissioning: boolean;
  readonly challenge?: ChallengeSettings;
  readonly lineStop?: LineStopSettings;
}

/** What may change between two parts. */
export type LiveSettings = Omit<StationSettings, "mode">;

/** A known bad part has to be recognised now and then. */
export interface ChallengeSettings {
  /** From one recognised bad part to the next at most this; 0: none is due. */
  readonly everyMs: number;
  /** A trigger with this part id shows a known bad part; empty: none does. */
  readonly partId: string;
}

/** When so much fails, flag 20 asks for a stop of the line. */
export interface LineStopSettings {
  /** So many FAILs in a row; 0: never. */
  readonly consecutiveFails: number;
  /** Share of FAIL in the last `windowParts` parts with a verdict, 0 to 1; above it. 1: never. */
  readonly failRate: number;
  readonly windowParts: number;
}

/** A part as the PLC announces it. */
export interface TriggerFields {
  /** `[0-9A-Za-z._-]{1,8}`, drawn by the PLC at each of its starts. */
  readonly session: string;
  /** 1 to 9,999,999,999, growing within a session. */
  readonly seq: number;
  readonly part: string;
  readonly recipe: string;
}

/** What a former run of the daemon left on the disk. */
export interface Recovered {
  /** Accepted triggers without an outcome, oldest first. */
  readonly open: readonly TriggerFields[];
  /** The newest accepted triggers with an outcome, oldest first. */
  readonly answered: readonly Pick<TriggerFields, "session" | "seq">[];
  /** Unix ms at which a known bad part was last recognised; null: never. */
  readonly challengedAtWallMs: number | null;
  /** The last known bad part was not recognised. */
  readonly challengePassed: boolean;
}

export type StationEvent =
  /** Capture, inference and bank are being started. What a former run left open gets its outcome now. */
  | { readonly type: "start"; readonly recovered?: Recovered }
  | ({ readonly type: "trigger" } & TriggerFields)
  /** Parts get NO_VERDICT/paused until `resume`. */
  | { readonly type: "pause" }
  /** What may change at work does so from here on: parts that were accepted keep their deadline. */
  | { readonly type: "configure"; readonly settings: LiveSettings }
  /** Ends a pause, and takes a request for a line stop back. */
  | { readonly type: "resume" }
  /** The next part is a known bad one. */
  | { readonly type: "challenge" }
  /** Results cannot be made durable. */
  | { readonly type: "storage-lost" }
  | { readonly type: "storage-ready" }
  | { readonly type: "bank-ready"; readonly bankId: string }
  /** The bank failed, was taken away, or (`warm-up`) is being loaded. */
  | { readonly type: "bank-unready"; readonly reason: "no-bank" | "self-test-failed" | "admission-refused" | "warm-up" }
  /** Whether all that is asked of the inference process can be met. */
  | { readonly type: "booked"; readonly over: boolean }
  /** Whether the CPU stands in for the accelerator that was asked for. */
  | { readonly type: "provider"; readonly fallback: boolean }
  | { readonly type: "inference-ready" }
  /** The process ended: it reads no slot any more and answers nothing. */
  | { readonly type: "inference-lost" }
  | { readonly type: "camera-playing" }
  | { readonly type: "camera-lost" }
  /** A source with an end delivered its last frame. */
  | { readonly type: "camera-ended" }
  /**
   * `frameId` is the daemon's name of the frame, never used twice; `captureSeq` counts a capture process from 1;
   * `repeated`: a live camera gave the frame before it again, so it shows no part.
   */
  | {
      readonly type: "frame";
      readonly frameId: number;
      readonly captureSeq: number;
      readonly capturedAtMs: number;
      readonly repeated?: boolean;
    }
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
  /**
   * Answer a trigger: accepted without a reason, refused with one. `isNew`: it has to be made durable before the answer
   * leaves.
   */
  | {
      readonly type: "trigger-answer";
      readonly trigger: TriggerFields;
      readonly refusal: ReasonName | null;
      readonly isNew: boolean;
    }
  /** The trigger was answered before: its stored result is to be sent again. */
  | { readonly type: "outcome-again"; readonly session: string; readonly seq: number }
  /** A known bad part was recognised, or not; to be remembered over a restart. */
  | { readonly type: "challenge-done"; readonly at: Instant; readonly met: boolean }
  /**
   * Hand the frame to the inference process; it answers with `scored` or `score-failed`, or is lost. At `deadlineAtMs`,
   * monotonic, the part is late.
   */
  | { readonly type: "request-score"; readonly frameId: number; readonly deadlineAtMs: number }
  /** Nobody needs the frame any more: its slot may be written again. Exactly once for each frame that arrived. */
  | { readonly type: "release"; readonly frameId: number }
  | { readonly type: "outcome"; readonly outcome: Outcome }
  /** A score that came after its part's outcome: for the record only, never a verdict. */
  | {
      readonly type: "late-score";
      readonly ordinal: number;
      readonly frameId: number;
      readonly score: number;
      readonly threshold: number;
    }
  | { readonly type: "plc-state"; readonly state: PlcState }
  | { readonly type: "faults-changed"; readonly faults: readonly Fault[] };

/** What is wrong with the station: shown in `state` until it is over. */
export interface Fault {
  readonly reason: FaultName;
  readonly since: Instant;
}

export interface StationCounters {
  readonly total: number;
  readonly pass: number;
  readonly fail: number;
  /** NO_VERDICT by reason; a reason that never occurred is absent. */
  readonly noVerdict: Readonly<Partial<Record<ReasonName, number>>>;
  /**
   * Mode `continuous`: frames that gave way to a newer one or came while nothing could score them. Mode `triggered`:
   * frames that no trigger waited for.
   */
  readonly skipped: number;
  /** Triggers that were not accepted, by reason; a reason that never occurred is absent. */
  readonly refused: Readonly<Partial<Record<ReasonName, number>>>;
  /** Triggers that came again. */
  readonly repeated: number;
  /** Parts that had no decision, or none that was published, at their deadline. */
  readonly deadlineMisses: number;
  readonly lateScores: number;
  /** Answers for frames that nobody asks for any more. */
  readonly ignoredAnswers: number;
}
