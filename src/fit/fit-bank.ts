import { createHash } from "node:crypto";
import { EmbeddingSession } from "../backbone/embedding-session.ts";
import { writeBank } from "../bank/bundle-write.ts";
import type { BankDraft, WrittenBank } from "../bank/bundle-write.ts";
import { PREPARATION } from "../backbone/prepare.ts";
import { productVersion } from "../shared/version.ts";
import { calibrate } from "./calibrate.ts";
import type { Calibrated } from "./calibrate.ts";
import type { BrokenImage } from "./embed-images.ts";
import { EmbeddingStore } from "./embedding-store.ts";
import { checkOptions, defaultCache } from "./fit-options.ts";
import type { FitOptions } from "./fit-options.ts";
import { fittedBank, gatherPicks } from "./fitted-bank.ts";
import type { FittedBank } from "./fitted-bank.ts";
import { gather, gridOf } from "./gather.ts";
import type { Gathered, Grid } from "./gather.ts";
import { inspectNominal } from "./hygiene.ts";
import type { Hygiene } from "./hygiene.ts";
import { buildIndexes } from "./indexes.ts";
import type { BuiltIndexes } from "./indexes.ts";
import { learnDetail } from "./learn-detail.ts";
import { StageTimer } from "./stage-timer.ts";
import type { StageTimes } from "./stage-timer.ts";

export type { FitOptions } from "./fit-options.ts";

export interface FitResult extends WrittenBank {
  /** Files that were skipped. */
  readonly broken: readonly BrokenImage[];
  /** What a person should look at among the nominal images. */
  readonly hygiene: Hygiene;
  /** Images whose embeddings were there from an earlier fit. */
  readonly reused: number;
  readonly stageMs: StageTimes;
}

/**
 * Builds a memory bank from nominal images and writes it (PatchCore, algorithm 1, with calibration): embed, choose the
 * rows, quantise, calibrate by cross-fitting, build the indexes, write. The same images, parameters and seed give the
 * same bytes on any number of threads, with embeddings from an earlier fit or without.
 *
 * Patch embeddings lie on the disk. When the fit does not come to its end they stay there, and the next goes on.
 *
 * @throws InputError "too-few-images", "broken-images", "fit-too-large", "images-identical", "coreset-too-small";
 *   ConfigError "bank-name"; DeviceError "bank-write", "disk-full", "embeddings-write", "embeddings-in-use"; the signal's
 *   reason. No bank is written then
 */
export async function fitBank(options: FitOptions): Promise<FitResult> {
  await checkOptions(options);
  const timer = new StageTimer(options.onProgress ?? (() => undefined));
  const detail = await detailOf(options, timer);
  const session = await sessionOf(options, detail);
  try {
    const grid = gridOf(options, session);
    const store = await EmbeddingStore.open({
      folder: options.cache ?? defaultCache(options.out),
      key: storeKey(options, detail),
      imageLength: grid.rows * grid.cols * session.dims,
    });
    let isDone = false;
    try {
      const result = await fitInto(options, detail, session, store, timer);
      isDone = true;
      return result;
    } finally {
      await store.close(options.cache !== undefined || !isDone);
    }
  } finally {
    await session.close();
  }
}

async function detailOf(options: FitOptions, timer: StageTimer): Promise<Float32Array | null> {
  const { detail } = options.parameters;
  if (detail === null) return null;
  const plain = await firstLayerOf(options);
  const onImage = (done: number, total: number): void => timer.report("detail", done, total);
  return await learnDetail({ ...options, onImage }, detail, plain).finally(() => plain.close());
}

/** The first layer's cells as they are. */
function firstLayerOf(options: FitOptions): Promise<EmbeddingSession> {
  const layers = options.parameters.layers.slice(0, 1);
  const neighbourhood = { kind: "average", size: 1, padding: "zeros" } as const;
  return sessionOf({ ...options, parameters: { ...options.parameters, layers, neighbourhood } }, null);
}

function sessionOf(options: FitOptions, detail: Float32Array | null): Promise<EmbeddingSession> {
  const { backbone, parameters, threads } = options;
  const { layers, neighbourhood, join } = parameters;
  const recipe = { layers, neighbourhood, join, detail };
  return EmbeddingSession.create({
    model: backbone.model,
    manifest: backbone.manifest,
    ...recipe,
    threads,
    spinning: false,
    provider: "cpu",
  });
}

/** Everything that an image's embeddings, and what was measured on it, depend on, apart from the image. */
function storeKey({ parameters, backbone, partRegion }: FitOptions, detail: Float32Array | null): string {
  const { preset: _p, basis: _b, coreset: _c, patchScore: _s, imageScore: _i, map: _m, ...shaping } = parameters;
  return JSON.stringify([
    productVersion(),
    PREPARATION,
    backbone.manifest.sha256,
    backbone.manifest.input,
    shaping,
    partRegion ?? null,
    digestOf(detail),
  ]);
}

function digestOf(matrix: Float32Array | null): string | null {
  if (matrix === null) return null;
  return createHash("sha256")
    .update(new Uint8Array(matrix.buffer, matrix.byteOffset, matrix.byteLength))
    .digest("hex");
}

async function fitInto(
  options: FitOptions,
  detail: Float32Array | null,
  session: EmbeddingSession,
  store: EmbeddingStore,
  timer: StageTimer,
): Promise<FitResult> {
  const grid = gridOf(options, session);
  const { dims } = session;
  const gathered = await gather(options, session, store, timer);
  const { embedded, chosen, folds, mode } = gathered;
  const nominal = { store, images: embedded.images, patches: grid.rows * grid.cols, dims };
  const bank = await fittedBank(nominal, chosen.picks);
  const calibration = await calibrate(bank, {
    ...options,
    mode,
    grid,
    folds,
    foldRows: chosen.foldPicks.map(({ fold, picks }) => ({
      fold,
      rows: async () => (await gatherPicks(nominal, picks)).rows,
    })),
    onProgress: (done, total) => timer.report("calibrate", done, total),
  });
  const indexes = await buildIndexes(bank, {
    ...options,
    calibration,
    onGraph: (done, total) => timer.report("graph", done, total),
    onCompared: (done, total) => timer.report("index", done, total),
  });
  timer.report("write", 0, 1);
  const written = await writeBank(
    options.out,
    { ...draftOf(options, gathered, bank, grid, calibration, indexes), detail },
    options.signal,
  );
  timer.report("write", 1, 1);
  return {
    ...written,
    broken: embedded.broken,
    hygiene: inspectNominal(embedded.images, calibration),
    reused: embedded.reused,
    stageMs: timer.times,
  };
}

function draftOf(
  options: FitOptions,
  { embedded, validity }: Gathered,
  bank: FittedBank,
  grid: Grid,
  calibration: Calibrated,
  indexes: BuiltIndexes,
): Omit<BankDraft, "detail"> {
  const { name, createdAt, createdBy, parameters, backbone, index } = options;
  return {
    manifest: {
      name,
      createdAt,
      createdBy,
      parameters,
      backbone: { name: backbone.manifest.name, sha256: backbone.manifest.sha256 },
      grid,
      rows: bank.rows.rows,
      dims: bank.rows.dims,
      nominal: { images: bank.images, patches: bank.images * bank.patches, sha256: embedded.sha256 },
      quantiser: { scale: bank.quantiser.scale },
      index: { kind: index, hnsw: indexes.hnsw?.parameters ?? null },
      calibration: calibration.record,
      validity,
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
}
