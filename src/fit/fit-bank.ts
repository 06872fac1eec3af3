import { access, constants, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { EmbeddingSession } from "../backbone/embedding-session.ts";
import type { BackboneFiles } from "../backbone/manifest.ts";
import { checkBankName } from "../bank/bank-id.ts";
import { writeBank } from "../bank/bundle-write.ts";
import type { WrittenBank } from "../bank/bundle-write.ts";
import type { BankParameters, CoresetBudget } from "../bank/manifest.ts";
import { asMatrix, gatherRows } from "../patchcore/matrix.ts";
import type { FrameLimits } from "../patchcore/frame-validity.ts";
import { fitQuantiser, quantise } from "../patchcore/quantiser.ts";
import { ConfigError, DeviceError, InputError, reasonOf } from "../shared/errors.ts";
import type { Region } from "../shared/image.ts";
import { calibrate } from "./calibrate.ts";
import { CoresetClient } from "./coreset-client.ts";
import type { FittedBank } from "./cross-fit.ts";
import { embedImages } from "./embed-images.ts";
import type { BrokenImage, Embedded } from "./embed-images.ts";
import { buildIndexes } from "./indexes.ts";
import { checkMemory } from "./memory.ts";
import type { Progress } from "./progress.ts";
import { ValidityLearner } from "./validity-learner.ts";
import { StageTimer } from "./stage-timer.ts";
import type { StageTimes } from "./stage-timer.ts";

export interface FitOptions {
  /** Nominal images, in the order in which they were taken. */
  readonly files: readonly string[];
  /** Where the bank goes. */
  readonly out: string;
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** Program and version. */
  readonly createdBy: string;
  readonly parameters: BankParameters;
  readonly backbone: BackboneFiles;
  /** α of the calibration, in (0, 1). */
  readonly falseRejectRate: number;
  readonly index: "auto" | "exact" | "hnsw";
  /** Where the part is, in pixels of the frame; absent: whether one is in view is not learnt. */
  readonly partRegion?: Region;
  readonly onBroken: "refuse" | "skip";
  readonly threads: number;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** Memory that the fit may take, bytes; absent: what the machine says is available. */
  readonly availableBytes?: number;
}

export interface FitResult extends WrittenBank {
  /** Files that were skipped. */
  readonly broken: readonly BrokenImage[];
  readonly stageMs: StageTimes;
}

/** Calibration needs one image to score and one to score it against. */
const FEWEST_IMAGES = 2;

/**
 * Builds a memory bank from nominal images and writes it (PatchCore, algorithm 1, with calibration): embed, pick the
 * coreset, quantise, calibrate by cross-fitting, build the indexes, write. The same images, parameters and seed give
 * the same rows on any number of threads.
 *
 * @throws InputError "too-few-images", "broken-images", "fit-too-large", "images-identical", "coreset-too-small";
 *   ConfigError "bank-name"; DeviceError "bank-write"; the signal's reason. Nothing is written then
 */
export async function fitBank(options: FitOptions): Promise<FitResult> {
  const { parameters, backbone, signal, threads } = options;
  await checkOptions(options);
  const timer = new StageTimer(options.onProgress ?? (() => undefined));
  const session = await EmbeddingSession.create({
    model: backbone.model,
    manifest: backbone.manifest,
    layers: parameters.layers,
    neighbourhood: parameters.neighbourhood,
    join: parameters.join,
    threads,
    spinning: false,
    provider: "cpu",
  });
  const gathered = await gather(options, session, timer).finally(() => session.close());
  const { bank, grid, embedded } = gathered;
  const calibration = await calibrate(bank, {
    ...options,
    grid,
    onProgress: (done) => timer.report("calibrate", done, bank.images),
  });
  const indexes = await buildIndexes(bank, {
    ...options,
    calibration,
    onProgress: (done, total) => timer.report("index", done, total),
  });
  timer.report("write", 0, 1);
  const draft = {
    manifest: {
      name: options.name,
      createdAt: options.createdAt,
      createdBy: options.createdBy,
      parameters,
      backbone: { name: backbone.manifest.name, sha256: backbone.manifest.sha256 },
      grid,
      rows: bank.rows.rows,
      dims: bank.rows.dims,
      nominal: { images: bank.images, patches: bank.images * bank.patches, sha256: embedded.sha256 },
      quantiser: { scale: bank.quantiser.scale },
      index: { kind: options.index, hnsw: indexes.hnsw?.parameters ?? null },
      calibration: calibration.record,
      validity: gathered.validity,
      golden: null,
      indexReports: indexes.reports,
    },
    rows: bank.rows.data,
    quantised: bank.quantised,
    mean: bank.quantiser.mean,
    rowImage: bank.rowImage,
    hnsw: indexes.hnsw?.graph ?? null,
    golden: null,
  };
  const written = await writeBank(options.out, draft, signal);
  timer.report("write", 1, 1);
  return { ...written, broken: embedded.broken, stageMs: timer.times };
}

async function checkOptions({ files, out, name, falseRejectRate, parameters }: FitOptions): Promise<void> {
  checkBankName(name);
  if (!(falseRejectRate > 0 && falseRejectRate < 1)) {
    throw new ConfigError(
      "false-reject-rate",
      `Expected a false-reject rate between 0 and 1 but received ${falseRejectRate}`,
    );
  }
  const { budget } = parameters.coreset;
  if (budget.kind === "ratio" && !(budget.ratio > 0 && budget.ratio <= 1)) {
    const { ratio } = budget;
    throw new ConfigError("sampling-ratio", `Expected a sampling ratio above 0 and at most 1 but received ${ratio}`);
  }
  checkImageCount(files.length, files.length);
  // A fit takes minutes; that its result could not be written should not be its last word.
  try {
    await access(dirname(out), constants.W_OK);
  } catch (cause) {
    throw new DeviceError(
      "bank-write",
      `Expected a folder that can be written for the bank ${out} but received: ${reasonOf(cause)}`,
      { cause },
    );
  }
  const there = await stat(out).catch(() => null);
  if (there !== null && !there.isFile()) {
    throw new DeviceError("bank-write", `Expected to write the bank to ${out} but there is something that is no file`);
  }
}

function checkImageCount(usable: number, given: number): void {
  if (usable >= FEWEST_IMAGES) return;
  const of = usable === given ? "" : ` (of ${given} files)`;
  throw new InputError(
    "too-few-images",
    `Expected at least ${FEWEST_IMAGES} nominal images for a fit but received ${usable}${of}`,
  );
}

interface Gathered {
  readonly bank: FittedBank;
  readonly grid: { readonly rows: number; readonly cols: number };
  readonly embedded: Embedded;
  readonly validity: FrameLimits;
}

/** Embeds all images and picks the coreset, the picking process at work beside the embedding. */
async function gather(options: FitOptions, session: EmbeddingSession, timer: StageTimer): Promise<Gathered> {
  const { files, parameters, signal } = options;
  const { resize, coreset } = parameters;
  const grid = { rows: Math.floor(resize.height / session.stride), cols: Math.floor(resize.width / session.stride) };
  const patches = grid.rows * grid.cols;
  const { dims } = session;
  const { projection, seed } = coreset;
  const projectionDims = projection.kind === "gaussian" ? projection.dims : 0;
  const size = { images: files.length, patchesPerImage: patches, dims, projectionDims };
  checkMemory(size, options.availableBytes ?? process.availableMemory());
  const client = new CoresetClient();
  // The picking blocks its process for long; ending that process is how a fit stops at once.
  const stop = (): void => void client.close();
  signal.addEventListener("abort", stop, { once: true });
  try {
    timer.report("embed", 0, files.length);
    await client.start({ capacity: files.length * patches, dims, projectionDims, seed });
    const learner = new ValidityLearner(options.partRegion ?? null);
    const embedded = await embedImages({
      ...options,
      session,
      patchesPerImage: patches,
      onRows: (rows) => client.add(rows),
      onPrepared: (image, prepared) => learner.add(image, prepared),
      onImage: (done, total) => timer.report("embed", done, total),
    });
    const images = embedded.files.length;
    checkImageCount(images, files.length);
    const count = rowCount(images * patches, dims, coreset.budget);
    timer.report("coreset", 0, count);
    const picks = await client.pick(count, (picked) => timer.report("coreset", picked, count));
    timer.report("coreset", count, count);
    return { bank: bankOf(embedded, images, patches, dims, picks), grid, embedded, validity: learner.limits() };
  } catch (error) {
    // A process that was ended for the signal reports its end as a failure.
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    await client.close();
  }
}

/** @returns how many rows a budget keeps of `patches` rows of `dims` float32 values; rounded down, at least one */
export function rowCount(patches: number, dims: number, budget: CoresetBudget): number {
  switch (budget.kind) {
    case "ratio":
      // 1e-9 absorbs the rounding of products such as 100 · 0.29, which must not cost a row.
      return Math.max(1, Math.floor(patches * budget.ratio + 1e-9));
    case "rows":
      return Math.min(patches, budget.rows);
    case "bytes":
      return Math.min(patches, Math.max(1, Math.floor(budget.bytes / (dims * 4))));
    default:
      return budget satisfies never;
  }
}

function bankOf(embedded: Embedded, images: number, patches: number, dims: number, picks: Int32Array): FittedBank {
  const embeddings = embedded.data.subarray(0, images * patches * dims);
  const rows = gatherRows(asMatrix(embeddings, images * patches, dims), picks);
  const quantiser = fitQuantiser(rows);
  return {
    rows,
    rowImage: picks.map((row) => Math.floor(row / patches)),
    quantiser,
    quantised: quantise(quantiser, rows.data, rows.rows),
    embeddings,
    images,
    patches,
  };
}
