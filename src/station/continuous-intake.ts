import type { Challenge } from "./challenge.ts";
import type { StationSettings } from "./events.ts";
import { repeatOf, type FrameEvent, type Intake } from "./intake.ts";
import type { Instant } from "./instant.ts";
import type { ReasonName } from "./reasons.ts";
import type { Scoring } from "./scoring.ts";

/**
 * Mode `continuous`: a frame becomes a part when it is handed to the inference process; until then a newer frame takes
 * its place and it counts as skipped.
 */
export class ContinuousIntake implements Intake {
  readonly #settings: StationSettings;
  readonly #scoring: Scoring;
  readonly #challenge: Challenge;
  readonly #obstacle: () => ReasonName | null;
  /** The freshest frame, not yet accepted. */
  #fresh: FrameEvent | null = null;
  #skipped = 0;

  constructor(settings: StationSettings, scoring: Scoring, challenge: Challenge, obstacle: () => ReasonName | null) {
    this.#settings = settings;
    this.#scoring = scoring;
    this.#challenge = challenge;
    this.#obstacle = obstacle;
  }

  get skipped(): number {
    return this.#skipped;
  }

  nextDeadlineMs(): number | null {
    return this.#fresh === null ? null : this.#freshDeadlineMs(this.#fresh);
  }

  /** The capture time is bounded here and not only when the frame becomes a part: see Ledger.accept. */
  frame(frame: FrameEvent, now: Instant): void {
    this.abandon();
    const repeat = this.#obstacle() === null ? repeatOf(frame) : null;
    if (repeat !== null) {
      const { frameId, captureSeq, capturedAtMs } = frame;
      this.#scoring.giveUp(this.#scoring.accept({ frameId, captureSeq, capturedAtMs }, now), repeat, now);
      return;
    }
    this.#fresh = { ...frame, capturedAtMs: Math.min(frame.capturedAtMs, now.monotonicMs) };
  }

  frameDropped(): void {
    this.#skipped++;
  }

  cameraReplaced(): void {
    // Frames are not counted.
  }

  expire(now: Instant): void {
    if (this.#fresh !== null && now.monotonicMs >= this.#freshDeadlineMs(this.#fresh)) this.abandon();
  }

  requestScores(now: Instant): void {
    const fresh = this.#fresh;
    if (fresh === null) return;
    if (this.#obstacle() !== null || !this.#scoring.canRequest) {
      this.abandon();
    } else if (this.#scoring.freePlaces > 0) {
      this.#fresh = null;
      const { frameId, captureSeq, capturedAtMs } = fresh;
      const challenge = this.#challenge.claims("");
      this.#scoring.request(this.#scoring.accept({ frameId, captureSeq, capturedAtMs }, now, challenge));
    } else if (this.#settings.maxPending === 0) {
      this.abandon();
    }
  }

  abandon(): void {
    if (this.#fresh === null) return;
    this.#scoring.release(this.#fresh.frameId);
    this.#skipped++;
    this.#fresh = null;
  }

  #freshDeadlineMs(frame: FrameEvent): number {
    return frame.capturedAtMs + this.#settings.deadlineMs;
  }
}
