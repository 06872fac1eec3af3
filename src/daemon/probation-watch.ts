import type { DeliveryConfig } from "../config/config.ts";
import type { Clock } from "../shared/clock.ts";
import type { Outcome } from "../station/outcome.ts";
import type { DeliveryProgress, Reason } from "./delivery-state.ts";
import { PartStatistics } from "./part-statistics.ts";
import { Probation } from "./probation.ts";

export interface ProbationWatchOptions {
  readonly limits: DeliveryConfig;
  readonly clock: Clock;
  readonly onStep: (change: Partial<Pick<DeliveryProgress, "percent" | "probation">>) => void;
  /** @throws when the disk takes nothing: the probation goes on, and its end is tried again */
  readonly onCommit: () => void;
  /** @throws the same */
  readonly onRollBack: (reason: Reason) => void;
  readonly onProblem: (error: unknown) => void;
}

/** Probation is looked at so often when no part passes, ms. */
const EVERY_MS = 1_000;

/** Knows what the station's parts come to, and ends the probation of a new bank by it. */
export class ProbationWatch {
  readonly #options: ProbationWatchOptions;
  #probation: Probation | null = null;
  #timer: NodeJS.Timeout | undefined;
  /** Of the bank that is committed. */
  #parts = new PartStatistics();
  #closed = false;

  constructor(options: ProbationWatchOptions) {
    this.#options = options;
  }

  get isOn(): boolean {
    return this.#probation !== null;
  }

  begin(): void {
    const { limits, clock } = this.#options;
    this.#probation = new Probation(this.#parts.figures(), limits, clock.monotonicMs());
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#judge(), EVERY_MS);
  }

  /** Nothing more is judged. */
  end(): void {
    clearInterval(this.#timer);
    this.#probation = null;
  }

  /** Another bank than that of the parts so far is at work. */
  forgetParts(): void {
    this.#parts = new PartStatistics();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  outcome(outcome: Outcome): void {
    if (this.#probation === null) this.#parts.add(outcome);
    else {
      this.#probation.add(outcome);
      this.#judge();
    }
  }

  inferenceLost(): void {
    this.#probation?.inferenceLost();
    this.#judge();
  }

  /** A disk that takes nothing is no reason to end; it is tried again at the next part. */
  #judge(): void {
    const probation = this.#probation;
    if (probation === null || this.#closed) return;
    try {
      this.#decide(probation);
    } catch (error) {
      this.#options.onProblem(error);
    }
  }

  #decide(probation: Probation): void {
    const { clock, onStep, onCommit, onRollBack } = this.#options;
    const nowMs = clock.monotonicMs();
    const verdict = probation.verdict(nowMs);
    switch (verdict.decision) {
      case "go-on":
        onStep({ percent: probation.percent(nowMs), probation: probation.figures });
        return;
      case "commit":
        onStep({ probation: probation.figures });
        onCommit();
        this.#parts = probation.parts;
        return;
      case "roll-back":
        onStep({ probation: probation.figures });
        onRollBack({ code: verdict.code, message: verdict.message });
        return;
      default:
        verdict satisfies never;
    }
  }
}
