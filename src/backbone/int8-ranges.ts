import { InputError } from "../shared/errors.ts";
import type { Range } from "./int8-scales.ts";

/** How the range of a value follows from what was seen of it. */
export type RangeMethod =
  | { readonly kind: "minmax" }
  /** So much of the values, in percent, must lie inside; what lies outside is clipped. */
  | { readonly kind: "percentile"; readonly percent: number };

const BINS = 8192;

/** Smallest and largest of what one value of the network was over all images. */
export class Extremes implements Range {
  low = Infinity;
  high = -Infinity;

  /** @throws InputError "bad-model" when a number is not finite */
  add(values: Float32Array, name: string): void {
    let { low, high } = this;
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (value < low) low = value;
      if (value > high) high = value;
      // NaN compares with nothing.
      if (value !== value) low = -Infinity;
    }
    if (!Number.isFinite(low) || !Number.isFinite(high))
      throw new InputError("bad-model", `Expected finite numbers of the network's ${name} but some are not`);
    this.low = low;
    this.high = high;
  }
}

/** How often a value of the network lay where, between its extremes. */
export class Histogram {
  readonly #range: Range;
  readonly #counts = new Float64Array(BINS);
  #total = 0;

  constructor(range: Range) {
    this.#range = range;
  }

  add(values: Float32Array): void {
    const { low, high } = this.#range;
    const perUnit = high > low ? BINS / (high - low) : 0;
    for (let i = 0; i < values.length; i++) {
      const bin = Math.min(BINS - 1, Math.floor((values[i]! - low) * perUnit));
      this.#counts[bin] = this.#counts[bin]! + 1;
    }
    this.#total += values.length;
  }

  /** @returns the range between the two tails, to the width of a bin; each tail holds half of what is left out */
  central(percent: number): Range {
    const { low, high } = this.#range;
    const tail = (this.#total * (100 - percent)) / 200;
    const width = (high - low) / BINS;
    let first = 0;
    for (let below = this.#counts[0]!; below <= tail && first < BINS - 1; below += this.#counts[first]!) first++;
    let last = BINS - 1;
    for (let above = this.#counts[last]!; above <= tail && last > first; above += this.#counts[last]!) last--;
    return { low: low + first * width, high: last === BINS - 1 ? high : low + (last + 1) * width };
  }
}
