import type { Instant } from "./instant.ts";
import type { ReasonName } from "./reasons.ts";

/** On the wire 1, 2, 3; 0 never occurs, so that zeroed PLC memory cannot read as PASS. */
export type Verdict = "PASS" | "FAIL" | "NO_VERDICT";

export const VERDICT_DIGIT: Readonly<Record<Verdict, "1" | "2" | "3">> = { PASS: "1", FAIL: "2", NO_VERDICT: "3" };

/** Bits of `flags` in `plc/result` and in the record. */
export const FLAG = {
  /** The same result was sent before. */
  SENT_AGAIN: 0x01,
  /** Decided because the daemon stopped or restarted. */
  DECIDED_BY_RESTART: 0x02,
  /** Results before this one were lost. */
  RESULTS_LOST: 0x04,
  /** Commissioning: not for control. */
  NOT_FOR_CONTROL: 0x08,
  /** Accelerator lost, disk full. */
  DEGRADED: 0x10,
  LINE_STOP: 0x20,
} as const;

/** What each flag says, as the documentation shows it. */
export const FLAG_TEXTS: Readonly<Record<keyof typeof FLAG, string>> = {
  SENT_AGAIN: "a copy: the same result was sent before, or may have been",
  DECIDED_BY_RESTART: "decided because the daemon stopped or was restarted",
  RESULTS_LOST: "results before this one were lost in an outage; a repeated trigger brings them back",
  NOT_FOR_CONTROL: "commissioning: not for control",
  DEGRADED: "degraded: results are not kept on the disk, or the CPU stands in for the accelerator",
  LINE_STOP: "so much fails that the line should stop; until `cmd/resume`",
};

/** What the station says about one part. Exactly one for each accepted part, in order of `ordinal`. */
export interface Outcome {
  /** Counts the station's outcomes of this run from 1, without gaps. */
  readonly ordinal: number;
  /** The PLC's session; null where the station counts by itself. */
  readonly session: string | null;
  /** The PLC's number of the part, or the station's own count from 1. */
  readonly seq: number;
  /** `[0-9A-Za-z._-]{0,32}`; empty where no PLC names the part. */
  readonly part: string;
  /** `[0-9A-Za-z._-]{0,16}`; empty where no PLC names it. */
  readonly recipe: string;
  readonly verdict: Verdict;
  /** Set exactly when the verdict is NO_VERDICT. */
  readonly reason: ReasonName | null;
  /** Image score, in the unit of the bank's distances; null exactly when the verdict is NO_VERDICT. */
  readonly score: number | null;
  readonly threshold: number | null;
  /** The bank that scored the part, else the bank active when it was decided; null without one. */
  readonly bankId: string | null;
  /** When the trigger arrived; null without one, and for a trigger of a former run. */
  readonly triggeredAt: Instant | null;
  /** Monotonic ms. For a frame that was lost on its way: when the loss was noticed. null: no frame for a trigger. */
  readonly capturedAtMs: number | null;
  readonly decidedAtMs: number;
  /** Unix ms of the decision. */
  readonly decidedAtWallMs: number;
  /** The daemon's name of the frame; null for a frame that never arrived. */
  readonly frameId: number | null;
  /** The capture process's number of the frame; null: no frame for a trigger. */
  readonly captureSeq: number | null;
  /** A known bad part that had to be recognised. */
  readonly challenge: boolean;
  /** Bits of `FLAG`. */
  readonly flags: number;
}
