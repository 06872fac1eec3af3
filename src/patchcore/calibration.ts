import { BugError, InputError } from "../shared/errors.ts";
import { inverseNormalCdf } from "./normal.ts";

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
  /** `normal-tail`: too few scores for the rate, so that the tail was extrapolated. */
  readonly method: "conformal" | "normal-tail";
}

/**
 * The threshold for a stated false-reject rate α, from cross-fitted scores of n nominal images: the conformal quantile,
 * the ceil((n + 1)(1 − α))-th smallest score. A further exchangeable nominal image lies above it with probability at
 * most α (Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005).
 *
 * When that rank is above n (n < 1/α − 1), no score bounds the rate. Then the threshold is the larger of the largest
 * score and mean + z(1 − α) · sd of a normal distribution fitted to the scores, which promises nothing.
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
  if (rank <= count) return { threshold: sorted[rank - 1]!, method: "conformal" };
  const { mean, deviation } = momentsOf(sorted);
  const tail = mean + inverseNormalCdf(1 - falseRejectRate) * deviation;
  return { threshold: Math.max(sorted[count - 1]!, tail), method: "normal-tail" };
}

/** Mean and sample standard deviation (n − 1); the latter is 0 for one value. */
function momentsOf(values: Float64Array): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) * (value - mean), 0);
  return { mean, deviation: values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1)) };
}

function listed(scores: ArrayLike<number>): string {
  const shown = Array.from(scores).slice(0, 5);
  return `${shown.join(", ")}${scores.length > shown.length ? ", …" : ""}`;
}
