import type { StationEvent } from "./events.ts";
import type { Instant } from "./instant.ts";
import type { ReasonName } from "./reasons.ts";

export type FrameEvent = Extract<StationEvent, { type: "frame" }>;

/** @returns why a frame that its camera repeated is not inspected; null for any other */
export function repeatOf(frame: FrameEvent): ReasonName | null {
  return frame.repeated === true ? "repeated-frame" : null;
}

/** How parts come into being: one for each mode of a station. */
export interface Intake {
  /** Frames that became no part. */
  readonly skipped: number;
  /** The time at which a part that is not accepted yet changes by itself; null when none does. */
  nextDeadlineMs(): number | null;
  frame(event: FrameEvent, now: Instant): void;
  frameDropped(captureSeq: number, now: Instant): void;
  /** Another capture process counts from 1. */
  cameraReplaced(): void;
  /** What is not accepted yet and cannot wait any longer goes. */
  expire(now: Instant): void;
  /** Places with the inference process are free again. */
  requestScores(now: Instant): void;
  /** Gives up what is not accepted yet. */
  abandon(): void;
}
