import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import type { ConnectProblem } from "./connect-problem.ts";

/** The same problem is logged again at most this often, ms. */
const REPEAT_MS = 60_000;

/** Tells each new problem at once, and a lasting one once a minute with the number of attempts in between. */
export class ProblemLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  #last: { readonly message: string; readonly atMs: number } | null = null;
  #suppressed = 0;

  constructor(logger: Logger, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
  }

  report(problem: ConnectProblem, fields: object): void {
    const nowMs = this.#clock.monotonicMs();
    if (this.#last?.message === problem.message && nowMs - this.#last.atMs < REPEAT_MS) {
      this.#suppressed++;
      return;
    }
    this.#logger.warn({ ...fields, problem: problem.kind, suppressed: this.#suppressed }, problem.message);
    this.#last = { message: problem.message, atMs: nowMs };
    this.#suppressed = 0;
  }

  /** The problem is over: its next occurrence is news again. */
  clear(): void {
    this.#last = null;
    this.#suppressed = 0;
  }
}
