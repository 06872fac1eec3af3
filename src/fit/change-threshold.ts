import type { Calibration, GoldenSet } from "../bank/manifest.ts";
import { rateAbove, thresholdFor } from "../patchcore/calibration.ts";
import { InputError } from "../shared/errors.ts";

/** Other thresholds for a bank: for a rate, or chosen by a person (mask null: as it is). */
export type ThresholdChange =
  { readonly falseRejectRate: number } | { readonly threshold: number; readonly maskThreshold: number | null };

/**
 * Thresholds follow from the scores that a bank holds, so they can change without a fit.
 *
 * @returns the calibration with other thresholds; scores, folds and bias stay
 */
export function changedCalibration(calibration: Calibration, change: ThresholdChange): Calibration {
  const { scores, mapMaxima } = calibration;
  if ("threshold" in change) {
    return {
      ...calibration,
      method: "manual",
      falseRejectRate: rateAbove(scores, change.threshold),
      threshold: change.threshold,
      thresholdInterval: null,
      maskThreshold: change.maskThreshold ?? calibration.maskThreshold,
      maskThresholdInterval: change.maskThreshold === null ? calibration.maskThresholdInterval : null,
    };
  }
  const image = thresholdFor(scores, change.falseRejectRate);
  const mask = thresholdFor(mapMaxima, change.falseRejectRate);
  return {
    ...calibration,
    method: image.method,
    falseRejectRate: change.falseRejectRate,
    threshold: image.threshold,
    thresholdInterval: image.interval,
    maskThreshold: mask.threshold,
    maskThresholdInterval: mask.interval,
  };
}

/**
 * What the golden frames must come to by another threshold. A nominal one that the bank would now reject must FAIL, as
 * it will on the line; a known-bad one must never PASS.
 *
 * @throws InputError "known-bad-passes"
 */
export function changedGolden(golden: GoldenSet | null, threshold: number): GoldenSet | null {
  if (golden === null) return null;
  const passing = golden.frames.filter(({ knownBad, score }) => knownBad && score <= threshold);
  if (passing.length > 0) {
    const list = passing.map(({ name, score }) => `${name} (${score.toFixed(3)})`).join(", ");
    const text = `Expected a threshold below the scores of the known-bad golden frames but received ${threshold}, above ${list}`;
    throw new InputError("known-bad-passes", text);
  }
  const frames = golden.frames.map((frame) => ({
    ...frame,
    expect: frame.score > threshold ? ("FAIL" as const) : ("PASS" as const),
  }));
  return { ...golden, frames };
}
