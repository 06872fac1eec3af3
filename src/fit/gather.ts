import type { EmbeddingSession } from "../backbone/embedding-session.ts";
import { contiguousFolds } from "../patchcore/calibration.ts";
import type { Fold } from "../patchcore/calibration.ts";
import { projectedDims } from "../patchcore/projection.ts";
import type { CalibrationMode } from "./calibrate.ts";
import { chooseRows } from "./choose-rows.ts";
import type { ChosenRows } from "./choose-rows.ts";
import { CoresetClient } from "./coreset-client.ts";
import { digestFiles, embedImages } from "./embed-images.ts";
import type { Embedded } from "./embed-images.ts";
import type { EmbeddingStore } from "./embedding-store.ts";
import { calibrationMode, checkImageCount } from "./fit-options.ts";
import type { FitOptions } from "./fit-options.ts";
import { checkMemory, needOf } from "./memory.ts";
import type { FitSize } from "./memory.ts";
import { rowCount } from "./row-count.ts";
import type { StageTimer } from "./stage-timer.ts";

/** Folds of the cross-fitting: each image meets four fifths of the rows. */
const FOLDS = 5;

export interface Grid {
  readonly rows: number;
  readonly cols: number;
}

export interface Gathered {
  readonly embedded: Embedded;
  readonly chosen: ChosenRows;
  readonly folds: readonly Fold[];
  readonly mode: CalibrationMode;
}

/** @returns the patch grid of a frame */
export function gridOf({ parameters }: Pick<FitOptions, "parameters">, { stride }: { readonly stride: number }): Grid {
  const { width, height } = parameters.resize;
  return { rows: Math.floor(height / stride), cols: Math.floor(width / stride) };
}

/** Embeds all images into the store and chooses the rows, the choosing process at work beside the embedding. */
export async function gather(
  options: FitOptions,
  session: EmbeddingSession,
  store: EmbeddingStore,
  timer: StageTimer,
): Promise<Gathered> {
  const { parameters, signal } = options;
  const { coreset } = parameters;
  const grid = gridOf(options, session);
  const patches = grid.rows * grid.cols;
  const { dims } = session;
  const size = sizeOf(options, patches, dims);
  checkMemory(size, options.availableBytes ?? process.availableMemory());
  const { length } = options.files;
  const files = await digestFiles(options.files, signal, (done) => timer.report("read", done, length));
  const fresh = new Set(
    files.filter(({ content, broken }) => broken === null && !store.has(content)).map((f) => f.content),
  );
  await store.checkSpace(fresh.size);
  options.onPlan?.({ ...size, ...needOf(size), folder: store.folder, reused: length - fresh.size });
  const client = coreset.method === "random" ? null : new CoresetClient();
  // The picking blocks its process for long; ending that process is how a fit stops at once.
  const stop = (): void => void client?.close();
  signal.addEventListener("abort", stop, { once: true });
  try {
    timer.report("embed", 0, length);
    const { projection, seed, start } = coreset;
    const setup = {
      file: store.path,
      capacity: length,
      patches,
      dims,
      projection,
      seed,
      start,
      threads: options.threads,
    };
    await client?.start(setup);
    const embedded = await embedImages({
      ...options,
      files,
      session,
      store,
      onEmbedded: async ({ slot }) => client?.add(slot),
      onImage: (done, total) => timer.report("embed", done, total),
    });
    const images = embedded.images.length;
    checkImageCount(images, length);
    // Nothing after this needs the network; its memory is given back before the rows are chosen.
    await session.close();
    const folds = contiguousFolds(images, FOLDS);
    const mode = calibrationMode(options, size);
    const chosen = await chooseRows(client, {
      coreset,
      images,
      patches,
      dims,
      folds: mode === "per-fold" ? folds : folds.slice(0, 1),
      onProgress: (picked, total) => timer.report("coreset", picked, total),
    });
    return { embedded, chosen, folds, mode };
  } catch (error) {
    // A process that was ended for the signal reports its end as a failure.
    signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
    await client?.close();
  }
}

function sizeOf({ files, parameters }: FitOptions, patches: number, dims: number): FitSize {
  const { method, projection, budget } = parameters.coreset;
  const total = files.length * patches;
  return {
    images: files.length,
    patchesPerImage: patches,
    dims,
    coresetDims: method === "random" ? 0 : projectedDims(projection, dims, total),
    rows: rowCount(total, dims, budget),
  };
}
