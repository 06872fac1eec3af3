import type { ChallengeSettings, Fault } from "./events.ts";
import type { Instant } from "./instant.ts";
import type { Judgement } from "./judge.ts";
import { noVerdict } from "./judge.ts";

const NONE: ChallengeSettings = { everyMs: 0, partId: "" };

/**
 * Known bad parts, shown now and then, that the station must recognise. One that is not recognised, or not shown in
 * time, takes the station's verdicts away until one is: a station that is blind says PASS to everything.
 */
export class Challenge {
  #settings: ChallengeSettings;
  /** Monotonic ms at which the last one was recognised, or counts as such. */
  #metAtMs: number;
  #armed = false;
  #passedAt: Instant | null = null;
  #dueSince: Instant | null = null;

  constructor(settings: ChallengeSettings | undefined, now: Instant) {
    this.#settings = settings ?? NONE;
    this.#metAtMs = now.monotonicMs;
  }

  /** A former run knows when the last one was recognised, and whether the last one shown was. A time in the future (a clock that was set) counts as now. */
  recover(challengedAtWallMs: number | null, passed: boolean, now: Instant): void {
    if (challengedAtWallMs !== null) {
      this.#metAtMs = now.monotonicMs - Math.max(0, now.wallMs - challengedAtWallMs);
    }
    this.#passedAt = passed ? now : null;
    this.#dueSince = null;
    this.advance(now);
  }

  /** A challenge that is asked for from now on is due one interval from now, and not at once. */
  configure(settings: ChallengeSettings | undefined, now: Instant): void {
    const begins = this.#settings.everyMs === 0;
    this.#settings = settings ?? NONE;
    if (begins) this.#metAtMs = now.monotonicMs;
    if (this.#settings.everyMs === 0) this.#dueSince = null;
    this.advance(now);
  }

  arm(): void {
    this.#armed = true;
  }

  /** @returns whether the part that comes now is a known bad one */
  claims(part: string): boolean {
    const named = this.#settings.partId !== "" && part === this.#settings.partId;
    const claimed = this.#armed || named;
    this.#armed = false;
    return claimed;
  }

  /** Looks at the time. */
  advance(now: Instant): void {
    const dueAtMs = this.#dueAtMs();
    this.#dueSince = dueAtMs !== null && now.monotonicMs >= dueAtMs ? (this.#dueSince ?? now) : null;
  }

  nextDeadlineMs(): number | null {
    return this.#dueSince === null ? this.#dueAtMs() : null;
  }

  /** Why no other part has a verdict now. */
  get obstacle(): "challenge-passed" | "challenge-due" | null {
    if (this.#passedAt !== null) return "challenge-passed";
    return this.#dueSince === null ? null : "challenge-due";
  }

  faults(): readonly Fault[] {
    const since = this.#passedAt ?? this.#dueSince;
    return this.obstacle === null || since === null ? [] : [{ reason: this.obstacle, since }];
  }

  /**
   * The outcome of a known bad part. One that was not recognised gets no PASS: it is bad.
   *
   * @returns what is published, and whether it was recognised; null: it was not looked at
   */
  judge(judgement: Judgement, now: Instant): { readonly judgement: Judgement; readonly met: boolean | null } {
    if (judgement.verdict === "PASS") {
      this.#passedAt = now;
      return { judgement: noVerdict("challenge-passed"), met: false };
    }
    if (judgement.verdict !== "FAIL") return { judgement, met: null };
    this.#passedAt = null;
    this.#dueSince = null;
    this.#metAtMs = now.monotonicMs;
    return { judgement, met: true };
  }

  #dueAtMs(): number | null {
    return this.#settings.everyMs > 0 ? this.#metAtMs + this.#settings.everyMs : null;
  }
}
