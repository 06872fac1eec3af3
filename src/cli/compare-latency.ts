import { EmbeddingSession } from "../backbone/embedding-session.ts";
import type { BackboneFiles } from "../backbone/manifest.ts";
import { presetParameters } from "../bank/parameters.ts";
import { percentile } from "../patchcore/percentile.ts";
import { InputError } from "../shared/errors.ts";
import type { RawImage } from "../shared/image.ts";

export interface CompareOptions {
  readonly before: BackboneFiles;
  readonly after: BackboneFiles;
  readonly layers: readonly string[];
  readonly threads: number;
  readonly signal: AbortSignal;
}

export interface Latency {
  /** Medians, milliseconds from frame to patch embeddings. */
  readonly before: number;
  readonly after: number;
  readonly runs: number;
  /**
   * Root of the mean squared difference of the embeddings, over the root of their mean squared distance from their
   * mean: 0 where nothing was lost, 1 where as much was lost as there was.
   */
  readonly relativeError: number;
}

const WARM_UP = 5;
const RUNS = 40;

/** Embeds the same pictures with both backbones in turn, so that a busy machine slows both alike. */
export async function compareLatency(pictures: readonly RawImage[], options: CompareOptions): Promise<Latency> {
  const { neighbourhood, join } = presetParameters("edge", { layers: options.layers });
  const recipe = { layers: options.layers, neighbourhood, join };
  const common = { ...recipe, threads: options.threads, spinning: false, provider: "cpu" } as const;
  const before = await EmbeddingSession.create({ ...options.before, ...common });
  try {
    const after = await EmbeddingSession.create({ ...options.after, ...common });
    try {
      return await interleave(pictures, before, after, options.signal);
    } finally {
      await after.close();
    }
  } finally {
    await before.close();
  }
}

async function interleave(
  pictures: readonly RawImage[],
  before: EmbeddingSession,
  after: EmbeddingSession,
  signal: AbortSignal,
): Promise<Latency> {
  const times = { before: [] as number[], after: [] as number[] };
  const loss = { difference: 0, spread: 0 };
  for (let run = 0; run < WARM_UP + RUNS; run++) {
    signal.throwIfAborted();
    const picture = pictures[run % pictures.length];
    if (picture === undefined)
      throw new InputError("no-images", "Expected pictures to compare backbones on but got none");
    const [floats, ms] = await timed(before, picture);
    const [rounded, msAfter] = await timed(after, picture);
    if (run >= WARM_UP) {
      times.before.push(ms);
      times.after.push(msAfter);
    }
    if (run < pictures.length) addLoss(loss, floats, rounded, before.dims);
  }
  return {
    before: percentile(times.before, 50),
    after: percentile(times.after, 50),
    runs: RUNS,
    relativeError: Math.sqrt(loss.difference / loss.spread),
  };
}

async function timed(session: EmbeddingSession, picture: RawImage): Promise<[Float32Array, number]> {
  const begun = performance.now();
  const { data } = await session.embed(picture.data, 1, picture.height, picture.width);
  return [data, performance.now() - begun];
}

function addLoss(
  loss: { difference: number; spread: number },
  floats: Float32Array,
  rounded: Float32Array,
  dims: number,
) {
  const mean = new Float64Array(dims);
  for (let i = 0; i < floats.length; i++) mean[i % dims] = mean[i % dims]! + (floats[i]! * dims) / floats.length;
  for (let i = 0; i < floats.length; i++) {
    loss.difference += (floats[i]! - rounded[i]!) ** 2;
    loss.spread += (floats[i]! - mean[i % dims]!) ** 2;
  }
}
