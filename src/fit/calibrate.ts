import type { BankParameters, Calibration } from "../bank/manifest.ts";
import { AnomalyMap } from "../patchcore/anomaly-map.ts";
import { contiguousFolds, thresholdFor } from "../patchcore/calibration.ts";
import type { Fold } from "../patchcore/calibration.ts";
import { InputError } from "../shared/errors.ts";
import { crossFit } from "./cross-fit.ts";
import type { FittedBank } from "./cross-fit.ts";

/** Folds of the cross-fitting: each image meets four fifths of the rows. */
const FOLDS = 5;

export interface CalibrateOptions {
  readonly parameters: BankParameters;
  readonly grid: { readonly rows: number; readonly cols: number };
  readonly falseRejectRate: number;
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly onProgress: (images: number) => void;
}

export interface Calibrated {
  readonly record: Calibration;
  readonly folds: readonly Fold[];
}

/**
 * Threshold and mask threshold for a false-reject rate, from nominal images alone. The mask threshold is found in the
 * same way from each image's largest map value: at most this share of good parts shows any mask at all.
 *
 * @throws InputError "images-identical" when nothing sets the nominal images apart
 */
export async function calibrate(bank: FittedBank, options: CalibrateOptions): Promise<Calibrated> {
  const { parameters, grid, falseRejectRate } = options;
  const folds = contiguousFolds(bank.images, FOLDS);
  options.onProgress(0);
  const map = new AnomalyMap({
    gridRows: grid.rows,
    gridCols: grid.cols,
    height: parameters.resize.height,
    width: parameters.resize.width,
    smoothing: parameters.map.smoothing,
  });
  const { threads, signal, onProgress } = options;
  const { scores, mapMaxima } = await crossFit(bank, { folds, parameters, map, threads, signal, onImage: onProgress });
  const { threshold, method } = thresholdFor(scores, falseRejectRate);
  const mask = thresholdFor(mapMaxima, falseRejectRate);
  if (!(threshold > 0 && mask.threshold > 0)) {
    throw new InputError(
      "images-identical",
      `Expected nominal images that differ as parts do but the ${bank.images} images are copies of one another: every score is 0`,
    );
  }
  const record: Calibration = {
    method,
    falseRejectRate,
    folds: folds.length,
    scores: [...scores],
    threshold,
    maskThreshold: mask.threshold,
  };
  return { record, folds };
}
