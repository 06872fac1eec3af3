import type { BankParameters, Calibration } from "../bank/manifest.ts";
import { AnomalyMap } from "../patchcore/anomaly-map.ts";
import { thresholdFor } from "../patchcore/calibration.ts";
import type { Fold } from "../patchcore/calibration.ts";
import type { Matrix } from "../patchcore/matrix.ts";
import { percentile } from "../patchcore/percentile.ts";
import { InputError } from "../shared/errors.ts";
import { crossFit } from "./cross-fit.ts";
import type { CrossFitted } from "./cross-fit.ts";
import type { FittedBank } from "./fitted-bank.ts";
import type { SearchRecord } from "./recorded-search.ts";

/** `masked`: one coreset, the own fold's rows left out; `per-fold`: a coreset without it for each fold. */
export type CalibrationMode = Calibration["mode"];

export interface CalibrateOptions {
  readonly parameters: BankParameters;
  readonly grid: { readonly rows: number; readonly cols: number };
  readonly falseRejectRate: number;
  readonly mode: CalibrationMode;
  /** All of them. */
  readonly folds: readonly Fold[];
  /** Folds that have a coreset of their own: all of them in mode `per-fold`. */
  readonly foldRows: readonly { readonly fold: Fold; readonly rows: () => Promise<Matrix> }[];
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly onProgress: (images: number, total: number) => void;
}

export interface Calibrated {
  readonly record: Calibration;
  readonly folds: readonly Fold[];
  /** For each image, the patch with the largest score. */
  readonly worstPatches: Int32Array;
  /** What exact search found in the bank without each image's fold. */
  readonly exact: SearchRecord;
}

/**
 * Threshold and mask threshold for a false-reject rate, from nominal images alone. The mask threshold is found in the
 * same way from each image's largest map value: at most this share of good parts shows any mask at all. What masking
 * does to the scores is measured on the folds that have a coreset of their own.
 *
 * @throws InputError "images-identical" when nothing sets the nominal images apart
 */
export async function calibrate(bank: FittedBank, options: CalibrateOptions): Promise<Calibrated> {
  const { folds, falseRejectRate, mode } = options;
  const { masked, own } = await scoreFolds(bank, options);
  const { scores, mapMaxima, worstPatches } = mode === "masked" ? masked : own;
  const image = thresholdFor(scores, falseRejectRate);
  const mask = thresholdFor(mapMaxima, falseRejectRate);
  if (!(image.threshold > 0 && mask.threshold > 0)) {
    throw new InputError(
      "images-identical",
      `Expected nominal images that differ as parts do but the ${bank.images} images are copies of one another: every score is 0`,
    );
  }
  const record: Calibration = {
    method: image.method,
    falseRejectRate,
    mode,
    folds: folds.length,
    bias: biasOf(masked.scores, own.scores),
    scores: [...scores],
    mapMaxima: [...mapMaxima],
    threshold: image.threshold,
    thresholdInterval: image.interval,
    maskThreshold: mask.threshold,
    maskThresholdInterval: mask.interval,
  };
  return { record, folds, worstPatches, exact: masked.record };
}

/** @returns scores of all images by masking, and of the images of `foldRows` by their own coresets */
async function scoreFolds(
  bank: FittedBank,
  options: CalibrateOptions,
): Promise<{ readonly masked: CrossFitted; readonly own: CrossFitted }> {
  const { parameters, grid, folds, foldRows, threads, signal, onProgress } = options;
  const map = new AnomalyMap({
    gridRows: grid.rows,
    gridCols: grid.cols,
    height: parameters.resize.height,
    width: parameters.resize.width,
    smoothing: parameters.map.smoothing,
  });
  const total = bank.images + foldRows.reduce((sum, { fold }) => sum + fold.end - fold.start, 0);
  onProgress(0, total);
  const common = { parameters, map, threads, signal };
  const masked = await crossFit(bank, { ...common, folds, onImage: (done) => onProgress(done, total) });
  const own = await crossFit(bank, {
    ...common,
    folds: foldRows.map(({ fold }) => fold),
    rowsFor: (fold) => rowsOf(foldRows, fold),
    onImage: (done) => onProgress(bank.images + done, total),
  });
  return { masked, own };
}

async function rowsOf(foldRows: CalibrateOptions["foldRows"], fold: Fold): Promise<Matrix> {
  const found = foldRows.find((one) => one.fold === fold);
  if (found === undefined) throw new RangeError(`Expected rows for the fold from image ${fold.start}`);
  return found.rows();
}

/** @returns how masked scores compare with those of folds' own coresets, where there are any above 0 */
function biasOf(masked: Float64Array, own: Float64Array): Calibration["bias"] {
  const ratios = [...masked].flatMap((score, image) => (own[image]! > 0 ? [score / own[image]!] : []));
  return ratios.length === 0 ? null : { images: ratios.length, medianRatio: percentile(ratios, 50) };
}
