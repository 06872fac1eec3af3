import type { Calibration } from "../bank/manifest.ts";
import { rateAbove, thresholdFor } from "../patchcore/calibration.ts";

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
