import { percentileOfSorted } from "./percentile.ts";
import { seededRandom } from "./random.ts";

/** The upper tail of a distribution beyond `start`: P(X > t) = share · (1 + shape (t − start) / scale)^(−1 / shape). */
export interface ParetoTail {
  readonly start: number;
  /** Share of the values above `start`. */
  readonly share: number;
  /** In the unit of the values; 0 when all values above `start` equal it. */
  readonly scale: number;
  /** 0: exponential; below 0: the distribution ends. */
  readonly shape: number;
}

/** Share of the values that the tail is fitted to: a median and above, as some tens of values allow no choice. */
const TAIL_SHARE = 0.5;

/**
 * Image scores are the largest of many patch scores, whose tails are near exponential (Fisher and Tippett). Estimates
 * from some tens of values scatter by ±0.3 about the shape; one beyond these bounds is that scatter.
 */
const LEAST_SHAPE = -0.2;
const LARGEST_SHAPE = 0.25;

/** Fewer values than this say nothing of a shape; the tail is then exponential. */
const FEWEST_FOR_SHAPE = 5;

/** Near enough to 0 for the exponential's formulas. */
const FLAT_SHAPE = 1e-9;

const RESAMPLES = 100;
const SEED = 1;

/** Halvings of a bracket: to 1e-12 of it. */
const HALVINGS = 40;

/**
 * Generalised Pareto distribution by probability-weighted moments (Hosking and Wallis 1987, Technometrics 29, with
 * their plotting positions (i − 0.35) / m), its shape kept within bounds.
 *
 * @param sorted n ≥ 2 values, ascending
 */
export function fitParetoTail(sorted: Float64Array): ParetoTail {
  const count = sorted.length;
  const above = Math.max(1, Math.floor(TAIL_SHARE * count));
  const start = sorted[count - above - 1]!;
  let mean = 0;
  let weighted = 0;
  for (let i = 0; i < above; i++) {
    const excess = (sorted[count - above + i]! - start) / above;
    mean += excess;
    weighted += excess * (1 - (i + 1 - 0.35) / above);
  }
  const estimate = above < FEWEST_FOR_SHAPE ? 0 : 2 - mean / (mean - 2 * weighted);
  const shape = Number.isFinite(estimate) ? Math.min(LARGEST_SHAPE, Math.max(LEAST_SHAPE, estimate)) : 0;
  // Within the bounds this is the moments' own scale, 2 a₀ a₁ / (a₀ − 2 a₁); at a bound it keeps the mean excess.
  return { start, share: above / count, scale: mean * (1 - shape), shape };
}

/** @returns P(X > t) */
export function exceedance({ start, share, scale, shape }: ParetoTail, t: number): number {
  if (t < start) return share;
  if (scale === 0) return 0;
  const excess = (t - start) / scale;
  if (Math.abs(shape) < FLAT_SHAPE) return share * Math.exp(-excess);
  const base = 1 + shape * excess;
  return base <= 0 ? 0 : share * base ** (-1 / shape);
}

/** @returns t with P(X > t) = rate, for rates up to the tail's share; `start` for larger ones */
export function tailQuantile({ start, share, scale, shape }: ParetoTail, rate: number): number {
  if (rate >= share) return start;
  const log = Math.log(share / rate);
  return start + scale * (Math.abs(shape) < FLAT_SHAPE ? log : Math.expm1(shape * log) / shape);
}

export interface TailThreshold {
  readonly threshold: number;
  /** 5th and 95th percentile of the quantile over resamples. */
  readonly low: number;
  readonly high: number;
}

/**
 * The threshold that a further value exceeds with probability `rate`, as far as n values can tell: the exceedance
 * averaged over tails fitted to resamples (bagging; the bootstrap's predictive distribution). The quantile of the one
 * best fit would be exceeded some six times as often as stated at n = 60 and a rate of 0.001, because an error towards
 * a short tail costs more than one towards a long tail gains.
 *
 * @param sorted n ≥ 2 values, ascending
 */
export function predictiveThreshold(sorted: Float64Array, rate: number): TailThreshold {
  const random = seededRandom(SEED);
  const resample = (): ParetoTail =>
    fitParetoTail(sorted.map(() => sorted[Math.floor(random.uniform() * sorted.length)]!).sort());
  const tails = Array.from({ length: RESAMPLES }, resample);
  const average = (t: number): number => tails.reduce((sum, tail) => sum + exceedance(tail, t), 0) / RESAMPLES;
  const quantiles = Float64Array.from(tails, (tail) => tailQuantile(tail, rate)).sort();
  // No tail of the resamples reaches further than the largest of their quantiles at this rate.
  let low = sorted[0]!;
  let high = quantiles[RESAMPLES - 1]!;
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (average(middle) > rate) low = middle;
    else high = middle;
  }
  return { threshold: high, low: percentileOfSorted(quantiles, 5), high: percentileOfSorted(quantiles, 95) };
}
