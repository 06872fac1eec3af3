import { rm } from "node:fs/promises";
import { join } from "node:path";
import { loadBackbone, type BackboneFiles } from "../../backbone/manifest.ts";
import { bankNameFrom } from "../../bank/bank-id.ts";
import { readBank } from "../../bank/bundle-read.ts";
import { fitBank } from "../../fit/fit-bank.ts";
import { InputError, NominalError } from "../../shared/errors.ts";
import { evaluate } from "../evaluate.ts";
import type { Evaluation } from "../evaluation.ts";
import { OpenScorers } from "../open-scorers.ts";
import type { CellResult, CellStore } from "./cell-store.ts";
import type { Cell } from "./plan.ts";

export interface RunOptions {
  readonly store: CellStore;
  /** Takes the bank and the embeddings of the cell at work; can be written. */
  readonly folder: string;
  readonly threads: number;
  readonly signal: AbortSignal;
  /** Program and version. */
  readonly program: string;
  readonly onCell: (cell: Cell, outcome: CellOutcome, done: number) => void;
}

export type CellOutcome =
  | { readonly kind: "computed" | "stored"; readonly result: CellResult }
  | { readonly kind: "failed"; readonly reason: string };

/** Calibration is no part of the tables; one image in a hundred is a usual choice. */
const FALSE_REJECT_RATE = 0.01;

/**
 * Fits and evaluates every cell that has no stored result. A cell that fails by its input or the machine (images that
 * cannot be read, too little memory) leaves a hole in the tables and the others go on; a mistake of ours ends the run.
 *
 * @returns an outcome a cell, in the cells' order; fewer when the signal came
 */
export async function runCells(cells: readonly Cell[], options: RunOptions): Promise<readonly CellOutcome[]> {
  const outcomes: CellOutcome[] = [];
  const loaded = new LastBackbone();
  const embeddings = new SharedEmbeddings(join(options.folder, "embeddings"));
  for (const cell of cells) {
    if (options.signal.aborted) break;
    let outcome: CellOutcome;
    const stored = options.store.read(cell);
    if (stored !== null) outcome = { kind: "stored", result: stored };
    else {
      await embeddings.begin(cell);
      const computed = await computeGuarded(cell, await loaded.load(cell.manifestPath), embeddings.folder, options);
      if (computed === null) break;
      outcome = computed;
    }
    outcomes.push(outcome);
    options.onCell(cell, outcome, outcomes.length);
  }
  if (outcomes.length === cells.length) await embeddings.clear();
  return outcomes;
}

/**
 * Patch embeddings of the class and backbone at work, gigabytes for a large one: settings that differ in the bank alone
 * share them, the next class does not need them. A run that was ended leaves them for the one that goes on.
 */
class SharedEmbeddings {
  readonly folder: string;
  #owner: string | null = null;

  constructor(folder: string) {
    this.folder = folder;
  }

  async begin({ className, backbone }: Cell): Promise<void> {
    const owner = `${backbone.sha256} ${className}`;
    if (this.#owner !== null && this.#owner !== owner) await this.clear();
    this.#owner = owner;
  }

  async clear(): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** Keeps the backbone of the last cell: cells of one backbone follow each other, and its file has up to 300 MB. */
class LastBackbone {
  #path = "";
  #backbone: BackboneFiles | undefined;

  async load(path: string): Promise<BackboneFiles> {
    if (this.#backbone === undefined || this.#path !== path) {
      this.#backbone = await loadBackbone(path);
      this.#path = path;
    }
    return this.#backbone;
  }
}

/** @returns null when the signal ended it */
async function computeGuarded(
  cell: Cell,
  backbone: BackboneFiles,
  cache: string,
  options: RunOptions,
): Promise<CellOutcome | null> {
  try {
    const result = await computeCell(cell, backbone, cache, options);
    options.store.write(cell, result);
    return { kind: "computed", result };
  } catch (error) {
    if (options.signal.aborted) return null;
    if (!(error instanceof NominalError) || error.faultClass === "bug") throw error;
    return { kind: "failed", reason: `${error.code}: ${error.message}` };
  }
}

async function computeCell(
  cell: Cell,
  backbone: BackboneFiles,
  cache: string,
  options: RunOptions,
): Promise<CellResult> {
  const { threads, signal, program } = options;
  const out = join(options.folder, "cell.bank");
  const begun = performance.now();
  await fitBank({
    files: cell.train,
    out,
    name: bankNameFrom(cell.className),
    createdAt: new Date().toISOString(),
    createdBy: program,
    parameters: cell.parameters,
    backbone,
    cache,
    falseRejectRate: FALSE_REJECT_RATE,
    index: "exact",
    onBroken: "refuse",
    threads,
    signal,
  });
  const fitSeconds = (performance.now() - begun) / 1000;
  try {
    const bank = await readBank(out);
    const settings = { threads, spinning: false, provider: "cpu" } as const;
    const scorers = await OpenScorers.open(bank, backbone, settings, {}, false);
    try {
      const evaluation = await evaluate({ set: cell.test, scorer: scorers.scorer, bySearch: null, signal });
      const [unusable] = evaluation.dataset.unusable;
      // An AUROC over fewer images is another figure than the published one.
      if (unusable !== undefined) throw new InputError(unusable.code, unusable.reason);
      return resultOf(cell, evaluation, fitSeconds, program);
    } finally {
      await scorers.close();
    }
  } finally {
    await rm(out, { force: true });
  }
}

function resultOf(cell: Cell, evaluation: Evaluation, fitSeconds: number, program: string): CellResult {
  const { bank, latencyMs, imageAuroc, pixelAuroc, pixelAurocAnomalous, pro, machine } = evaluation;
  return {
    format: "nominald-cell",
    formatVersion: 1,
    fingerprint: cell.fingerprint,
    className: cell.className,
    backbone: cell.backbone.name,
    fraction: cell.fraction,
    trainImages: cell.train.length,
    testImages: evaluation.images.length,
    rows: bank.rows,
    dims: bank.dims,
    imageAuroc,
    pixelAuroc,
    pixelAurocAnomalous,
    pro,
    latencyMedianMs: latencyMs.total.median,
    latencyP99Ms: latencyMs.total.p99,
    fitSeconds,
    program,
    machine,
  };
}
