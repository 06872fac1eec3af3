import { BugError, InputError } from "../shared/errors.ts";
import { checkFinite, meanRow, type Matrix } from "./matrix.ts";
import { percentileOfSorted } from "./percentile.ts";

/** The levels reach from −127 to 127: −128 is left out, so that the range is symmetric. */
const LARGEST_LEVEL = 127;

/** This share of the deviations, in percent, keeps its value; the rest is clipped. */
const KEPT_PERCENT = 99.99;

/**
 * How float32 rows become int8 levels: q = floor(scale · (x − mean) + 0.5), clipped to ±127. One scale for all
 * dimensions keeps the metric: a squared distance in levels is scale² times the true one, up to rounding.
 */
export interface Quantiser {
  /** [dims] */
  readonly mean: Float32Array;
  /** Levels per unit, positive and finite. */
  readonly scale: number;
}

/**
 * Fits a quantiser to the memory bank: its mean, and scale = 127 / p99.99(|x − mean|). Where that percentile is 0
 * (nearly all values equal) the largest deviation stands in; where that is 0 too, one level is one unit.
 *
 * @param bank [N, dims], N ≥ 1
 * @throws InputError "embeddings-not-finite" or "bank-empty"
 */
export function fitQuantiser(bank: Matrix): Quantiser {
  if (bank.rows === 0)
    throw new InputError("bank-empty", "Expected at least one row of a memory bank but received none");
  checkFinite(bank);
  const mean = Float32Array.from(meanRow(bank));
  const deviations = new Float64Array(bank.data.length);
  for (let row = 0, at = 0; row < bank.rows; row++) {
    for (let d = 0; d < bank.dims; d++, at++) deviations[at] = Math.abs(bank.data[at]! - mean[d]!);
  }
  deviations.sort();
  const kept = percentileOfSorted(deviations, KEPT_PERCENT);
  const spread = kept > 0 ? kept : deviations[deviations.length - 1]!;
  const scale = LARGEST_LEVEL / spread;
  // Deviations of some 1e-307 and less would make the scale infinite; they are as good as none.
  return { mean, scale: Number.isFinite(scale) ? scale : 1 };
}

/**
 * @param rows `count` rows of mean.length values
 * @param out where to write; allocated when absent; at least count · dims long
 * @returns the levels, in `out` when it was given. A value that is not a number becomes 0
 */
export function quantise(quantiser: Quantiser, rows: Float32Array, count: number, out?: Int8Array): Int8Array {
  const { mean, scale } = quantiser;
  const dims = mean.length;
  const levels = out ?? new Int8Array(count * dims);
  if (rows.length < count * dims || levels.length < count * dims) {
    throw new BugError(
      "quantise-shape",
      `Expected ${count} × ${dims} values to quantise but received ${rows.length} for ${levels.length} levels`,
    );
  }
  for (let row = 0, at = 0; row < count; row++) {
    for (let d = 0; d < dims; d++, at++) {
      const level = Math.floor((rows[at]! - mean[d]!) * scale + 0.5);
      levels[at] = level > LARGEST_LEVEL ? LARGEST_LEVEL : level < -LARGEST_LEVEL ? -LARGEST_LEVEL : level;
    }
  }
  return levels;
}
