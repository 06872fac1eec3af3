import { CaptureCount } from "./capture-count.ts";
import type { Challenge } from "./challenge.ts";
import { repeatOf, type FrameEvent, type Intake } from "./intake.ts";
import type { Instant } from "./instant.ts";
import { noVerdict } from "./judge.ts";
import type { Readiness } from "./readiness.ts";
import type { ReasonName } from "./reasons.ts";
import type { Scoring } from "./scoring.ts";

/**
 * Mode `camera`: every frame is a part from the moment it arrives, and so is every frame that the capture process
 * dropped or never delivered (a hole in its numbers).
 */
export class CameraIntake implements Intake {
  readonly skipped = 0;
  readonly #readiness: Readiness;
  readonly #scoring: Scoring;
  readonly #challenge: Challenge;
  readonly #obstacle: () => ReasonName | null;
  readonly #captureCount = new CaptureCount();

  /** @param obstacle why no part is inspected now, whatever the inference process could do */
  constructor(readiness: Readiness, scoring: Scoring, challenge: Challenge, obstacle: () => ReasonName | null) {
    this.#readiness = readiness;
    this.#scoring = scoring;
    this.#challenge = challenge;
    this.#obstacle = obstacle;
  }

  nextDeadlineMs(): number | null {
    return null;
  }

  frame(frame: FrameEvent, now: Instant): void {
    if (!this.#acceptMissing(frame.captureSeq, now)) {
      // Its number was already decided as missing: one part, one outcome.
      this.#scoring.release(frame.frameId);
      this.#scoring.ignore();
      return;
    }
    const obstacle = this.#obstacle();
    const { frameId, captureSeq, capturedAtMs } = frame;
    const challenge = obstacle === null && this.#challenge.claims("");
    const entry = this.#scoring.accept({ frameId, captureSeq, capturedAtMs }, now, challenge);
    const reason = obstacle ?? repeatOf(frame) ?? this.#scoring.obstacle();
    if (reason === null) this.#scoring.enqueue(entry);
    else this.#scoring.giveUp(entry, reason, now);
  }

  frameDropped(captureSeq: number, now: Instant): void {
    if (this.#acceptMissing(captureSeq, now)) this.#acceptLost(captureSeq, "overrun", now);
    else this.#scoring.ignore();
  }

  cameraReplaced(): void {
    this.#captureCount.reset();
  }

  expire(): void {
    // Every frame was accepted when it came.
  }

  requestScores(): void {
    this.#scoring.requestWaiting();
  }

  abandon(): void {
    // Every frame was accepted when it came.
  }

  /**
   * Gives every number that the capture process passed over an outcome of its own.
   *
   * @returns false when the number itself was already passed over
   */
  #acceptMissing(captureSeq: number, now: Instant): boolean {
    // A last word of a capture process that is already given up says nothing about the next one's numbers.
    if (this.#readiness.cameraLost) return true;
    const missing = this.#captureCount.advance(captureSeq);
    for (const seq of missing ?? []) this.#acceptLost(seq, "missed-acquisition", now);
    return missing !== null;
  }

  #acceptLost(captureSeq: number, reason: ReasonName, now: Instant): void {
    const entry = this.#scoring.accept({ frameId: null, captureSeq, capturedAtMs: now.monotonicMs }, now);
    this.#scoring.decide(entry, noVerdict(reason), now);
  }
}
