import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../shared/clock.ts";

/** One thing that a configuration on trial must not lose. */
export interface Criterion {
  /** Ends the sentence "Expected …", e.g. "line1/st1's camera to play". */
  readonly expected: string;
  /** It has shown that it works under the new configuration. */
  readonly proved: () => boolean;
  /** It works as far as one can see: enough when the time is over. */
  readonly stands: () => boolean;
}

export interface TrialOptions {
  readonly criteria: readonly Criterion[];
  /** The document has to come over the new connection, too. */
  readonly needsConfirmation: boolean;
  readonly withinS: number;
  readonly clock: Clock;
}

const LOOK_EVERY_MS = 50;

/** The time in which a new configuration has to prove that it loses neither broker, nor camera, nor inference. */
export class Trial {
  readonly #options: TrialOptions;
  #confirmed: boolean;

  constructor(options: TrialOptions) {
    this.#options = options;
    this.#confirmed = !options.needsConfirmation;
  }

  /** The same document came over the connection that the configuration made. */
  confirm(): void {
    this.#confirmed = true;
  }

  /**
   * @param signal the daemon stops: the trial has no end then
   * @returns why the configuration has to be taken back; null: it has proved itself; undefined: aborted
   */
  async finished(signal: AbortSignal): Promise<string | null | undefined> {
    const { criteria, withinS, clock } = this.#options;
    const endMs = clock.monotonicMs() + withinS * 1_000;
    while (!signal.aborted) {
      if (this.#confirmed && criteria.every((criterion) => criterion.proved())) return null;
      if (clock.monotonicMs() >= endMs) return this.#verdict();
      await sleep(LOOK_EVERY_MS);
    }
    return undefined;
  }

  #verdict(): string | null {
    const { criteria, withinS } = this.#options;
    const missing = criteria.filter((criterion) => !criterion.stands()).map(({ expected }) => expected);
    if (!this.#confirmed) missing.push("the document to come over the new connection");
    return missing.length === 0 ? null : `Expected ${missing.join(" and ")} within ${withinS} s but it was not so`;
  }
}
