import { Challenge } from "./challenge.ts";
import type { Effect, Fault, LiveSettings, StationSettings } from "./events.ts";
import { FailWatch } from "./fail-watch.ts";
import type { Instant } from "./instant.ts";
import type { Judgement } from "./judge.ts";
import { noVerdict } from "./judge.ts";
import type { Entry } from "./ledger.ts";
import { FLAG } from "./outcome.ts";
import type { Readiness } from "./readiness.ts";

/**
 * What is said of a part beyond its own score: whether the station itself can be believed (challenges), whether the line
 * should stop, and under which conditions the outcome came about.
 */
export class Oversight {
  readonly challenge: Challenge;
  #commissioning: boolean;
  readonly #readiness: Readiness;
  readonly #failWatch: FailWatch;
  readonly #emit: (effect: Effect) => void;

  constructor(settings: StationSettings, readiness: Readiness, now: Instant, emit: (effect: Effect) => void) {
    this.challenge = new Challenge(settings.challenge, now);
    this.#commissioning = settings.commissioning;
    this.#readiness = readiness;
    this.#failWatch = new FailWatch(settings.lineStop);
    this.#emit = emit;
  }

  faults(): readonly Fault[] {
    return [...this.challenge.faults(), ...this.#failWatch.faults()];
  }

  configure({ commissioning, challenge, lineStop }: LiveSettings, now: Instant): void {
    this.#commissioning = commissioning;
    this.challenge.configure(challenge, now);
    this.#failWatch.configure(lineStop);
  }

  /** A person takes the request for a line stop back. */
  resume(): void {
    this.#failWatch.reset();
  }

  /** The last word on a part, in the order of publishing; see Finish. */
  finish(entry: Entry, judgement: Judgement, now: Instant): { judgement: Judgement; flags: number } {
    const last = entry.challenge ? this.#finishChallenge(judgement, now) : this.#underChallenge(judgement);
    if (!entry.challenge) this.#failWatch.note(last.verdict, now);
    const flags =
      (this.#commissioning ? FLAG.NOT_FOR_CONTROL : 0) |
      (this.#readiness.degraded ? FLAG.DEGRADED : 0) |
      (this.#failWatch.asksForStop ? FLAG.LINE_STOP : 0);
    return { judgement: last, flags };
  }

  #finishChallenge(judgement: Judgement, now: Instant): Judgement {
    const { judgement: last, met } = this.challenge.judge(judgement, now);
    if (met !== null) this.#emit({ type: "challenge-done", at: now, met });
    return last;
  }

  /** A station that owes a challenge gives no verdicts. */
  #underChallenge(judgement: Judgement): Judgement {
    const reason = this.challenge.obstacle;
    return reason === null || judgement.verdict === "NO_VERDICT" ? judgement : noVerdict(reason);
  }
}
