import type { BankParameters, IndexReport } from "../bank/manifest.ts";
import type { AnomalyMap } from "../patchcore/anomaly-map.ts";
import type { Fold } from "../patchcore/calibration.ts";
import { FrameScoring } from "../patchcore/frame-scoring.ts";
import { gatherRows } from "../patchcore/matrix.ts";
import type { Matrix } from "../patchcore/matrix.ts";
import { neighboursOf } from "../patchcore/scores.ts";
import { compareIndex } from "../search/compare.ts";
import { ExactFloat32 } from "../search/exact-float32.ts";
import type { NearestNeighbours, QuantisedBank } from "../search/nearest-neighbours.ts";
import { InputError } from "../shared/errors.ts";
import type { FittedBank } from "./fitted-bank.ts";
import { SearchRecord } from "./recorded-search.ts";

/** What each nominal image scores against a bank without its own fold; index: image. */
export interface CrossFitted {
  /** Image scores. */
  readonly scores: Float64Array;
  /** The anomaly map's largest value. */
  readonly mapMaxima: Float64Array;
  /** The patch with the largest score. */
  readonly worstPatches: Int32Array;
  /** What exact search found. */
  readonly record: SearchRecord;
}

export interface CrossFitOptions {
  readonly folds: readonly Fold[];
  /** Rows of a fold's own coreset; absent: the bank's rows that came from other folds. */
  readonly rowsFor?: (fold: Fold) => Promise<Matrix>;
  readonly parameters: BankParameters;
  readonly map: AnomalyMap;
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly onImage: (done: number) => void;
}

/**
 * Scores the images of the folds against rows that came from other folds. Without `rowsFor` one coreset serves all
 * folds: a coreset per fold would cost as much as the fit itself for each of them. What that does to the scores: where a
 * row of the own fold stood for others, the nearest row left is farther than a coreset of that fold's own would have had
 * it, so scores tend to come out high (`Calibration.bias` says by how much) and the threshold errs towards fewer false
 * rejects. Images of no fold score 0.
 *
 * @throws InputError "coreset-too-small"; the signal's reason
 */
export async function crossFit(bank: FittedBank, options: CrossFitOptions): Promise<CrossFitted> {
  const scores = new Float64Array(bank.images);
  const mapMaxima = new Float64Array(bank.images);
  const worstPatches = new Int32Array(bank.images);
  const record = new SearchRecord();
  let done = 0;
  for (const fold of options.folds) {
    const rows = options.rowsFor === undefined ? withoutFold(bank, fold).rows : await options.rowsFor(fold);
    const neighbours = neighboursOf(options.parameters.patchScore);
    const exact = await ExactFloat32.open(rows, { threads: options.threads, neighbours });
    const scoring = new FrameScoring(rows, options.parameters);
    scoring.learnBoundsAtOnce(fold.end - fold.start);
    try {
      for (let image = fold.start; image < fold.end; image++) {
        options.signal.throwIfAborted();
        const frame = await bank.frame(image);
        const nearest = await exact.search(frame, bank.patches);
        record.add(image, nearest);
        const { imageScore, patchScores } = scoring.score(nearest, frame, bank.patches);
        scores[image] = imageScore;
        mapMaxima[image] = options.map.compute(patchScores).reduce((largest, value) => Math.max(largest, value));
        worstPatches[image] = patchScores.reduce((worst, score, at) => (score > patchScores[worst]! ? at : worst), 0);
        options.onImage(++done);
      }
    } finally {
      await exact.close();
    }
  }
  return { scores, mapMaxima, worstPatches, record };
}

export interface ReportOptions {
  readonly parameters: BankParameters;
  /** Told after each image. */
  readonly onImage: () => void;
  readonly folds: readonly Fold[];
  /** What exact search found in the rows of the other folds, for all images. */
  readonly exact: SearchRecord;
  readonly threshold: number;
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
    const index = await open(part);
    try {
      const frames = framesOf(bank, fold, options);
      const { parameters: rules, threshold } = options;
      const expected = fold.end - fold.start;
      const comparison = { rows: part.rows, rules, patches: bank.patches, threshold, expected };
      report = merged(report, await compareIndex(index, options.exact.from(fold.start), frames, comparison));
    } finally {
      await index.close();
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

async function* framesOf(bank: FittedBank, fold: Fold, options: ReportOptions): AsyncGenerator<Float32Array> {
  for (let image = fold.start; image < fold.end; image++) {
    options.signal.throwIfAborted();
    yield await bank.frame(image);
    options.onImage();
  }
}
