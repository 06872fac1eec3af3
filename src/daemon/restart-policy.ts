/** How often something that died may be started again. All times in ms. */
export interface RestartLimits {
  /** Wait before the first restart; doubles with each further one inside the window. */
  readonly firstDelayMs: number;
  readonly largestDelayMs: number;
  /** Restarts inside `windowMs` that count as trouble that passes; beyond it a person is called for. */
  readonly budget: number;
  readonly windowMs: number;
}

export const CHILD_RESTART_LIMITS: RestartLimits = {
  firstDelayMs: 100,
  largestDelayMs: 30_000,
  budget: 8,
  windowMs: 120_000,
};

export interface RestartDecision {
  readonly delayMs: number;
  /** The budget is spent: the restarts go on at the largest delay, and this is a fault of its own. */
  readonly exhausted: boolean;
  /** Losses inside the window, this one counted. */
  readonly losses: number;
}

/**
 * Decides when to restart. It never gives up, since nobody sits beside the device; but past the budget it slows down
 * to the largest delay, so that a dead camera costs neither CPU nor log.
 */
export class RestartPolicy {
  readonly #limits: RestartLimits;
  readonly #minimumDelayMs: number;
  #lossesMs: number[] = [];

  /** @param minimumDelayMs what the restarted thing itself needs, e.g. 3 s for a GigE camera to be given free */
  constructor(limits: RestartLimits, minimumDelayMs: number) {
    this.#limits = limits;
    this.#minimumDelayMs = minimumDelayMs;
  }

  /** It ends on purpose, and is no loss. */
  renewed(): RestartDecision {
    return { delayMs: this.#minimumDelayMs, exhausted: false, losses: 0 };
  }

  /** @param nowMs monotonic time of the loss */
  lost(nowMs: number): RestartDecision {
    const { firstDelayMs, largestDelayMs, budget, windowMs } = this.#limits;
    this.#lossesMs = [...this.#lossesMs.filter((lossMs) => nowMs - lossMs < windowMs), nowMs].slice(-(budget + 1));
    const losses = this.#lossesMs.length;
    const exhausted = losses > budget;
    const backOffMs = exhausted ? largestDelayMs : Math.min(largestDelayMs, firstDelayMs * 2 ** (losses - 1));
    return { delayMs: Math.max(this.#minimumDelayMs, backOffMs), exhausted, losses };
  }
}
