import { BugError } from "../shared/errors.ts";

/**
 * Percentile with linear interpolation between neighbours, as NumPy's default: place p / 100 · (n − 1) in the sorted
 * values.
 *
 * @param values n ≥ 1 finite numbers in any order; not changed
 * @param percent in [0, 100]
 */
export function percentile(values: ArrayLike<number>, percent: number): number {
  return percentileOfSorted(Float64Array.from(values).sort(), percent);
}

/** As `percentile`, of values that are sorted already. */
export function percentileOfSorted(sorted: ArrayLike<number>, percent: number): number {
  if (sorted.length === 0 || !(percent >= 0 && percent <= 100)) {
    throw new BugError(
      "percentile",
      `Expected values and a percentile from 0 to 100 but received ${sorted.length} and ${percent}`,
    );
  }
  const place = (percent / 100) * (sorted.length - 1);
  const low = Math.floor(place);
  const below = sorted[low]!;
  const above = sorted[Math.min(sorted.length - 1, low + 1)]!;
  return below + (above - below) * (place - low);
}
