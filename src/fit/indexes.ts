import { setImmediate } from "node:timers/promises";
import type { BankManifest, BankParameters, IndexReport } from "../bank/manifest.ts";
import { buildHnsw, DEFAULT_HNSW, Hnsw } from "../search/hnsw.ts";
import { ExactInt8 } from "../search/exact-int8.ts";
import { chooseIndex } from "../search/choose-index.ts";
import { neighboursOf } from "../patchcore/scores.ts";
import { BugError } from "../shared/errors.ts";
import type { Calibrated } from "./calibrate.ts";
import { reportIndex } from "./cross-fit.ts";
import type { FittedBank } from "./fitted-bank.ts";

/** Up to this many rows a graph costs a second or two and a megabyte: `auto` then brings one along for comparison. */
const SMALL_BANK_ROWS = 4000;

/** Of its own rows a sound graph finds all but a few; one that lost rows on the way does not. */
const LEAST_SELF_RECALL = 0.95;

export interface BuiltIndexes {
  readonly hnsw: { readonly graph: Uint8Array; readonly parameters: NonNullable<BankManifest["index"]["hnsw"]> } | null;
  readonly reports: { readonly exact: IndexReport; readonly hnsw: IndexReport | null };
}

export interface IndexesOptions {
  readonly parameters: BankParameters;
  readonly index: "auto" | "exact" | "hnsw";
  readonly calibration: Calibrated;
  readonly threads: number;
  readonly signal: AbortSignal;
  /** Images that the indexes were compared on. */
  readonly onCompared: (done: number, total: number) => void;
  /** Rows that are in the graph. */
  readonly onGraph: (done: number, total: number) => void;
}

/**
 * Builds the graph, if the bank shall have one, and reports what each index costs against exact float32 search on
 * frames that its rows did not come from. A large bank's graph is checked on the first fold alone, because each fold
 * means building one.
 */
export async function buildIndexes(bank: FittedBank, options: IndexesOptions): Promise<BuiltIndexes> {
  const { parameters, threads, signal, calibration } = options;
  const search = { threads, neighbours: neighboursOf(parameters.patchScore) };
  const { rows, dims } = bank.rows;
  const isSmall = rows <= SMALL_BANK_ROWS;
  const wantsGraph =
    options.index === "hnsw" || (options.index === "auto" && (isSmall || chooseIndex(rows, dims) === "hnsw"));
  const graph = wantsGraph ? await buildGraph(bank, options) : null;
  const { threshold } = calibration.record;
  const { folds } = calibration;
  const graphFolds = graph === null ? [] : isSmall ? folds : folds.slice(0, 1);
  const total = [...folds, ...graphFolds].reduce((sum, { start, end }) => sum + end - start, 0);
  let done = 0;
  options.onCompared(done, total);
  const { exact: recorded } = calibration;
  const report = { parameters, exact: recorded, threshold, signal, onImage: () => options.onCompared(++done, total) };
  const exact = await reportIndex(bank, (part) => ExactInt8.open(part, search), { ...report, folds });
  if (graph === null) return { hnsw: null, reports: { exact, hnsw: null } };
  const hnsw = await reportIndex(
    bank,
    async (part) =>
      Hnsw.open(part, await buildHnsw(part.quantised, dims, DEFAULT_HNSW, letStop(signal)), DEFAULT_HNSW, search),
    { ...report, folds: graphFolds },
  );
  return { hnsw: { graph, parameters: DEFAULT_HNSW }, reports: { exact, hnsw } };
}

/** usearch adds rows without giving the thread away; between its batches a signal must be able to come through. */
function letStop(signal: AbortSignal, onProgress: (done: number, total: number) => void = () => undefined) {
  return async (done: number, total: number): Promise<void> => {
    onProgress(done, total);
    await setImmediate();
    signal.throwIfAborted();
  };
}

/** Builds the bank's graph, and asks it for its own rows before anything relies on it. */
async function buildGraph(bank: FittedBank, { threads, signal, onGraph }: IndexesOptions): Promise<Uint8Array> {
  const { rows, dims, data } = bank.rows;
  onGraph(0, rows);
  const graph = await buildHnsw(bank.quantised, dims, DEFAULT_HNSW, letStop(signal, onGraph));
  const index = await Hnsw.open(bank, graph, DEFAULT_HNSW, { threads });
  try {
    const { distances } = await index.search(data, rows);
    const found = distances.reduce((count, distance) => count + (distance === 0 ? 1 : 0), 0);
    if (found < LEAST_SELF_RECALL * rows) {
      throw new BugError("hnsw-build", `Expected a graph that finds its own ${rows} rows but it finds ${found}`);
    }
    return graph;
  } finally {
    await index.close();
  }
}
