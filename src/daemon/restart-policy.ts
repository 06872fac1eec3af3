/** How often something that died may be started again. All times in ms. */
export interface RestartLimits {
  /** Wait before the first restart; doubles with each further one inside the window. */
  readonly firstDelayMs: number;
  readonly largestDelayMs: number;
  /** Restarts inside `windowMs` that count as trouble that passes; beyond it a person is called for. */
  readonly budget: number;
  readonly windowMs: number;
  /** So many losses in a row without a `worked` in between use the budget up too, however long each try took. */
  readonly budgetInARow?: number;
}

export const CHILD_RESTART_LIMITS: RestartLimits = {
  firstDelayMs: 100,
  largestDelayMs: 30_000,
  budget: 8,
  windowMs: 120_000,
};

/** A camera that opens and gives no frame takes its time for each try. */
export const CAMERA_RESTART_LIMITS: RestartLimits = { ...CHILD_RESTART_LIMITS, budgetInARow: 8 };

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
  #inARow = 0;

  /** @param minimumDelayMs what the restarted thing itself needs, e.g. 3 s for a GigE camera to be given free */
  constructor(limits: RestartLimits, minimumDelayMs: number) {
    this.#limits = limits;
    this.#minimumDelayMs = minimumDelayMs;
  }

  /** So long without a loss it counts as steady again. */
  get windowMs(): number {
    return this.#limits.windowMs;
  }

  /** It does its work. */
  worked(): void {
    this.#inARow = 0;
  }

  /** It ends on purpose, and is no loss. */
  renewed(): RestartDecision {
    return { delayMs: this.#minimumDelayMs, exhausted: false, losses: 0 };
  }

  /** @param nowMs monotonic time of the loss */
  lost(nowMs: number): RestartDecision {
    const { firstDelayMs, largestDelayMs, budget, windowMs, budgetInARow = Infinity } = this.#limits;
    this.#lossesMs = [...this.#lossesMs.filter((lossMs) => nowMs - lossMs < windowMs), nowMs].slice(-(budget + 1));
    const losses = this.#lossesMs.length;
    this.#inARow += 1;
    const exhausted = losses > budget || this.#inARow > budgetInARow;
    const backOffMs = exhausted ? largestDelayMs : Math.min(largestDelayMs, firstDelayMs * 2 ** (losses - 1));
    return { delayMs: Math.max(this.#minimumDelayMs, backOffMs), exhausted, losses };
  }
}
