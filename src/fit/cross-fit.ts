import type { BankParameters, IndexReport } from "../bank/manifest.ts";
import type { AnomalyMap } from "../patchcore/anomaly-map.ts";
import type { Fold } from "../patchcore/calibration.ts";
import { FrameScoring } from "../patchcore/frame-scoring.ts";
import { gatherRows } from "../patchcore/matrix.ts";
import type { Matrix } from "../patchcore/matrix.ts";
import type { Quantiser } from "../patchcore/quantiser.ts";
import { neighboursOf } from "../patchcore/scores.ts";
import { compareIndex } from "../search/compare.ts";
import { ExactFloat32 } from "../search/exact-float32.ts";
import type { NearestNeighbours, QuantisedBank } from "../search/nearest-neighbours.ts";
import { InputError } from "../shared/errors.ts";

/** A memory bank and the nominal images that it came from. */
export interface FittedBank {
  readonly rows: Matrix;
  /** [rows] index of the image that each row came from. */
  readonly rowImage: Int32Array;
  readonly quantiser: Quantiser;
  readonly quantised: Int8Array;
  /** [images · patches, dims] */
  readonly embeddings: Float32Array;
  readonly images: number;
  readonly patches: number;
}

/** What each nominal image scores against a bank without its own fold; index: image. */
export interface CrossFitted {
  /** Image scores. */
  readonly scores: Float64Array;
  /** The anomaly map's largest value. */
  readonly mapMaxima: Float64Array;
}

export interface CrossFitOptions {
  readonly folds: readonly Fold[];
  readonly parameters: BankParameters;
  readonly map: AnomalyMap;
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly onImage: (done: number) => void;
}

/**
 * Scores each nominal image against the rows that came from other folds. One coreset serves all folds: a coreset per
 * fold would cost as much as the fit itself for each of them. What it does to the scores: where a row of the own fold
 * stood for others, the nearest row left is farther than a coreset of that fold's own would have had it. So scores
 * come out a little high, and the threshold errs towards fewer false rejects.
 *
 * @throws InputError "coreset-too-small"; the signal's reason
 */
export async function crossFit(bank: FittedBank, options: CrossFitOptions): Promise<CrossFitted> {
  const scores = new Float64Array(bank.images);
  const mapMaxima = new Float64Array(bank.images);
  for (const fold of options.folds) {
    const { rows } = withoutFold(bank, fold);
    const neighbours = neighboursOf(options.parameters.patchScore);
    const exact = await ExactFloat32.open(rows, { threads: options.threads, neighbours });
    const scoring = new FrameScoring(rows, options.parameters);
    try {
      for (let image = fold.start; image < fold.end; image++) {
        options.signal.throwIfAborted();
        const frame = frameOf(bank, image);
        const { imageScore, patchScores } = scoring.score(await exact.search(frame, bank.patches), frame, bank.patches);
        scores[image] = imageScore;
        mapMaxima[image] = options.map.compute(patchScores).reduce((largest, value) => Math.max(largest, value));
        options.onImage(image + 1);
      }
    } finally {
      await exact.close();
    }
  }
  return { scores, mapMaxima };
}

export interface ReportOptions {
  readonly parameters: BankParameters;
  readonly folds: readonly Fold[];
  readonly threshold: number;
  readonly threads: number;
  readonly signal: AbortSignal;
}

/**
 * What an approximate index costs on frames that the bank has not seen: the index is made of the rows of the other
 * folds, as in `crossFit`, and compared with exact float32 search over the same rows.
 *
 * @param open makes the index of a bank; closed here
 */
export async function reportIndex(
  bank: FittedBank,
  open: (part: QuantisedBank) => Promise<NearestNeighbours>,
  options: ReportOptions,
): Promise<IndexReport> {
  let report: IndexReport = { recallAt1: 1, largestScoreError: 0, verdictFlips: 0, frames: 0 };
  for (const fold of options.folds) {
    options.signal.throwIfAborted();
    const part = withoutFold(bank, fold);
    const neighbours = neighboursOf(options.parameters.patchScore);
    const exact = await ExactFloat32.open(part.rows, { threads: options.threads, neighbours });
    try {
      const index = await open(part);
      try {
        const frames = framesOf(bank, fold, options.signal);
        const { parameters: rules, threshold } = options;
        const comparison = { rows: part.rows, rules, patches: bank.patches, threshold };
        report = merged(report, await compareIndex(index, exact, frames, comparison));
      } finally {
        await index.close();
      }
    } finally {
      await exact.close();
    }
  }
  return report;
}

/** @returns the report over the frames of both */
export function merged(a: IndexReport, b: IndexReport): IndexReport {
  const frames = a.frames + b.frames;
  return {
    recallAt1: frames === 0 ? 1 : (a.recallAt1 * a.frames + b.recallAt1 * b.frames) / frames,
    largestScoreError: Math.max(a.largestScoreError, b.largestScoreError),
    verdictFlips: a.verdictFlips + b.verdictFlips,
    frames,
  };
}

/** @returns the bank without the rows that came from the fold's images */
export function withoutFold(
  bank: Pick<FittedBank, "rows" | "rowImage" | "quantiser" | "quantised">,
  fold: Fold,
): QuantisedBank {
  const ids: number[] = [];
  for (const [row, image] of bank.rowImage.entries()) if (image < fold.start || image >= fold.end) ids.push(row);
  if (ids.length === 0) {
    throw new InputError(
      "coreset-too-small",
      `Expected memory bank rows from other images than ${fold.start + 1} to ${fold.end} but all ${bank.rowImage.length} rows came from these; ` +
        "use a larger sampling ratio or images that differ less",
    );
  }
  const { dims } = bank.rows;
  const quantised = new Int8Array(ids.length * dims);
  for (const [to, row] of ids.entries())
    quantised.set(bank.quantised.subarray(row * dims, (row + 1) * dims), to * dims);
  return { rows: gatherRows(bank.rows, ids), quantiser: bank.quantiser, quantised };
}

function frameOf(bank: FittedBank, image: number): Float32Array {
  const perImage = bank.patches * bank.rows.dims;
  return bank.embeddings.subarray(image * perImage, (image + 1) * perImage);
}

function* framesOf(bank: FittedBank, fold: Fold, signal: AbortSignal): Generator<Float32Array> {
  for (let image = fold.start; image < fold.end; image++) {
    signal.throwIfAborted();
    yield frameOf(bank, image);
  }
}
