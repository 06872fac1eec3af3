import { BugError, InputError } from "../shared/errors.ts";
import { predictiveThreshold } from "./pareto-tail.ts";

/** Images `start` up to but not including `end`. */
export interface Fold {
  readonly start: number;
  readonly end: number;
}

/**
 * Folds of neighbouring images: frames that follow each other look alike and would leak from one fold into another
 * if they were dealt out in turn. Sizes differ by one at most.
 *
 * @param images number of nominal images, in the order in which they were taken
 * @param folds wanted, at least 2; never more than there are images
 * @returns the folds in order; together they hold each image once
 * @throws InputError "too-few-images" for fewer than two images
 */
export function contiguousFolds(images: number, folds: number): readonly Fold[] {
  if (!Number.isInteger(folds) || folds < 2) {
    throw new BugError("folds", `Expected at least 2 folds for a calibration but received ${folds}`);
  }
  if (!Number.isInteger(images) || images < 2) {
    throw new InputError(
      "too-few-images",
      `Expected at least 2 nominal images for a calibration but received ${images}`,
    );
  }
  const count = Math.min(folds, images);
  return Array.from({ length: count }, (_, fold) => ({
    start: Math.floor((fold * images) / count),
    end: Math.floor(((fold + 1) * images) / count),
  }));
}

export interface Threshold {
  /** A score strictly above it is a reject. */
  readonly threshold: number;
  /** `pareto-tail`: too few scores for the rate, so that the tail was extrapolated. */
  readonly method: "conformal" | "pareto-tail";
  /** Where the score that is exceeded at the rate lies. */
  readonly interval: ThresholdInterval;
}

/** Two-sided, each end missed with 5 %. */
export interface ThresholdInterval {
  /** 0 when no score is a lower bound. */
  readonly low: number;
  /** null when no score is an upper bound. */
  readonly high: number | null;
}

/** Probability that an end of an interval is missed. */
const MISSED = 0.05;

/** @returns the smallest false-reject rate that n scores can bound: the largest of them is exceeded with 1 / (n + 1) */
export function smallestRate(count: number): number {
  return 1 / (count + 1);
}

/**
 * The threshold for a stated false-reject rate α, from cross-fitted scores of n nominal images: the conformal quantile,
 * the ceil((n + 1)(1 − α))-th smallest score. A further exchangeable nominal image lies above it with probability at
 * most α (Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005).
 *
 * When that rank is above n (α < 1 / (n + 1)), no score bounds the rate. Then the upper tail is extrapolated
 * (`predictiveThreshold`), never below the largest score.
 *
 * @param scores n ≥ 1 finite numbers
 * @param falseRejectRate α in (0, 1)
 * @throws InputError "calibration-scores" when there are none or one is not finite
 */
export function thresholdFor(scores: ArrayLike<number>, falseRejectRate: number): Threshold {
  if (!(falseRejectRate > 0 && falseRejectRate < 1)) {
    throw new BugError(
      "false-reject-rate",
      `Expected a false-reject rate between 0 and 1 but received ${falseRejectRate}`,
    );
  }
  const sorted = Float64Array.from(scores).sort();
  const count = sorted.length;
  if (count === 0 || !sorted.every((score) => Number.isFinite(score))) {
    throw new InputError(
      "calibration-scores",
      `Expected finite scores for a calibration but received [${listed(scores)}]`,
    );
  }
  // 1e-9 absorbs the rounding of products such as 100 · (1 − 0.07), which must not lift a whole rank.
  const rank = Math.ceil((count + 1) * (1 - falseRejectRate) - 1e-9);
  if (rank <= count) {
    return { threshold: sorted[rank - 1]!, method: "conformal", interval: quantileInterval(sorted, falseRejectRate) };
  }
  const largest = sorted[count - 1]!;
  if (count === 1) return { threshold: largest, method: "pareto-tail", interval: { low: 0, high: null } };
  const { threshold, low, high } = predictiveThreshold(sorted, falseRejectRate);
  return { threshold: Math.max(largest, threshold), method: "pareto-tail", interval: { low, high } };
}

/** @returns an upper bound of the rate at which a further nominal image is above the threshold, in (0, 1] */
export function rateAbove(scores: ArrayLike<number>, threshold: number): number {
  const above = Array.from(scores).filter((score) => score > threshold).length;
  return (above + 1) / (scores.length + 1);
}

/**
 * Interval of the score that is exceeded at the rate, free of assumptions: of n scores, R ~ Binomial(n, rate) exceed it,
 * so it lies below the r-th largest as surely as R ≥ r, and above it as surely as R < r.
 */
function quantileInterval(sorted: Float64Array, rate: number): ThresholdInterval {
  const count = sorted.length;
  const most = exceedingAtMost(count, rate, 1 - MISSED);
  const fewest = exceedingAtMost(count, rate, MISSED);
  return {
    // R ≤ most but for 5 %: then the (most + 1)-th largest does not exceed the quantile.
    low: most < count ? sorted[count - 1 - most]! : 0,
    // R ≥ fewest but for 5 %: then the fewest-th largest does.
    high: fewest > 0 ? sorted[count - fewest]! : null,
  };
}

/** @returns the least r with P(R ≤ r) ≥ probability, for R ~ Binomial(count, rate) */
function exceedingAtMost(count: number, rate: number, probability: number): number {
  // In logarithms: (1 − rate)^count may be too small for a float64.
  let log = count * Math.log1p(-rate);
  let sum = 0;
  for (let r = 0; r < count; r++) {
    sum += Math.exp(log);
    if (sum >= probability) return r;
    log += Math.log(((count - r) / (r + 1)) * (rate / (1 - rate)));
  }
  return count;
}

function listed(scores: ArrayLike<number>): string {
  const shown = Array.from(scores).slice(0, 5);
  return `${shown.join(", ")}${scores.length > shown.length ? ", …" : ""}`;
}
