import type { Fault, LineStopSettings } from "./events.ts";
import type { Instant } from "./instant.ts";
import type { Verdict } from "./outcome.ts";

const NEVER: LineStopSettings = { consecutiveFails: 0, failRate: 1, windowParts: 1 };

/**
 * Asks for a stop of the line when too much fails: that many parts cannot all be bad by chance. The request stands until
 * a person takes it back, so that it does not flicker with each good part.
 */
export class FailWatch {
  #settings: LineStopSettings;
  /** The last verdicts, oldest first; true is FAIL. */
  #window: boolean[] = [];
  #streak = 0;
  #fault: Fault | null = null;

  constructor(settings: LineStopSettings | undefined) {
    this.#settings = settings ?? NEVER;
  }

  get asksForStop(): boolean {
    return this.#fault !== null;
  }

  faults(): readonly Fault[] {
    return this.#fault === null ? [] : [this.#fault];
  }

  /** A part has its outcome. One without a verdict says nothing about the parts. */
  note(verdict: Verdict, now: Instant): void {
    if (verdict === "NO_VERDICT") return;
    const failed = verdict === "FAIL";
    const { consecutiveFails, failRate, windowParts } = this.#settings;
    this.#streak = failed ? this.#streak + 1 : 0;
    this.#window = [...this.#window, failed].slice(-windowParts);
    const fails = this.#window.filter((fail) => fail).length;
    if (consecutiveFails > 0 && this.#streak >= consecutiveFails) {
      this.#fault ??= { reason: "fail-streak", since: now };
    }
    // Only a full window has a rate: one bad part of one is no share of anything.
    if (this.#window.length === windowParts && fails / windowParts > failRate) {
      this.#fault ??= { reason: "fail-rate", since: now };
    }
  }

  /** A request that stands goes on to stand: a person takes it back. */
  configure(settings: LineStopSettings | undefined): void {
    this.#settings = settings ?? NEVER;
    this.#window = this.#window.slice(-this.#settings.windowParts);
  }

  reset(): void {
    this.#window = [];
    this.#streak = 0;
    this.#fault = null;
  }
}
