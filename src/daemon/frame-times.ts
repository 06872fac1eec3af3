/** Frames over which times are told. */
const MOST_FRAMES = 200;
/** Fewer say too little; until then the warm-up counts. */
const FEWEST_FRAMES = 20;

/** How long the last frames of one station took in the inference process, from their slot to their score. */
export class FrameTimes {
  #times: number[] = [];
  #count = 0;

  /** Another bank, another time. */
  clear(): void {
    this.#times = [];
    this.#count = 0;
  }

  /**
   * @param ms of one frame
   * @returns whether the median says something new: for the first time, or for other frames than the last time
   */
  add(ms: number): boolean {
    this.#times.push(ms);
    if (this.#times.length > MOST_FRAMES) this.#times.shift();
    this.#count++;
    return this.#count === FEWEST_FRAMES || this.#count % MOST_FRAMES === 0;
  }

  /** @returns the median, ms; null while too few frames came */
  get medianMs(): number | null {
    if (this.#times.length < FEWEST_FRAMES) return null;
    const sorted = [...this.#times].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)] ?? null;
  }
}
