import { decodeImageFile } from "../backbone/decode.ts";
import type { Embedding, EmbeddingSession } from "../backbone/embedding-session.ts";
import { FramePreparer } from "../backbone/prepare.ts";
import { fitDetail, type DetailRule } from "../patchcore/detail.ts";
import { asMatrix } from "../patchcore/matrix.ts";
import { InputError } from "../shared/errors.ts";
import type { FitOptions } from "./fit-options.ts";

/** Enough to stand for a series; more would only take longer. */
const MOST_IMAGES = 32;
/** Neighbourhoods that are looked at: a covariance of some hundred dimensions is settled by then. */
const MOST_PATCHES = 20_000;
/** Channels of the first layer: the eigenvectors of nine times as many dimensions take seconds, beyond that minutes. */
export const MOST_DETAIL_CHANNELS = 64;
const SIZE = 3;

/**
 * Learns the detail of a fit from some of its nominal images, spread evenly over the series. They are embedded once
 * more with all others afterwards. Images that cannot be read are passed over here; embedding them all tells of each.
 *
 * @param session gives the first layer as it is: no neighbourhood, no other layer
 * @returns the kernels [channels, channels · 9]; null when no image can be read
 * @throws InputError "detail-too-wide"; the signal's reason; errors of `fitDetail`
 */
export async function learnDetail(
  options: Pick<FitOptions, "files" | "parameters" | "signal"> & { onImage(done: number, total: number): void },
  rule: DetailRule,
  session: EmbeddingSession,
): Promise<Float32Array | null> {
  const { dims: channels } = session;
  if (channels > MOST_DETAIL_CHANNELS) {
    const text = `Expected a first layer of at most ${MOST_DETAIL_CHANNELS} channels to learn detail of but it has ${channels}`;
    throw new InputError("detail-too-wide", text);
  }
  const images = Math.min(MOST_IMAGES, options.files.length);
  const share = Math.ceil(MOST_PATCHES / images);
  const parts: Float32Array[] = [];
  const preparer = new FramePreparer(options.parameters);
  options.onImage(0, images);
  for (const file of spread(options.files)) {
    options.signal.throwIfAborted();
    if (parts.length === images) break;
    const map = await embedFile(file, preparer, session);
    if (map === null) continue;
    parts.push(neighbourhoods(map, share));
    // The last image is done when the kernels are: finding them takes as long as the images.
    if (parts.length < images) options.onImage(parts.length, images);
  }
  if (parts.length === 0) return null;
  const cells = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    cells.set(part, at);
    at += part.length;
  }
  const dims = channels * SIZE * SIZE;
  const kernels = fitDetail(asMatrix(cells, cells.length / dims, dims), rule);
  options.onImage(images, images);
  return kernels;
}

/** All files, those first that lie evenly apart, so that the first ones stand for the whole series. */
function spread(files: readonly string[]): string[] {
  const count = Math.min(MOST_IMAGES, files.length);
  const first = new Set(Array.from({ length: count }, (_, i) => Math.floor((i * files.length) / count)));
  return [...files.filter((_, index) => first.has(index)), ...files.filter((_, index) => !first.has(index))];
}

async function embedFile(file: string, preparer: FramePreparer, session: EmbeddingSession): Promise<Embedding | null> {
  try {
    const picture = preparer.prepare(await decodeImageFile(file));
    return await session.embed(picture.data, 1, picture.height, picture.width);
  } catch (error) {
    if (error instanceof InputError) return null;
    throw error;
  }
}

/**
 * The cells around at most `most` positions, evenly spread, none at the border: [n, channels · 9], value
 * (channel · 9 + cell).
 */
function neighbourhoods({ data, rows, cols, dims }: Embedding, most: number): Float32Array {
  const [height, width] = [rows - SIZE + 1, cols - SIZE + 1];
  const positions = Math.max(0, height) * Math.max(0, width);
  const count = Math.min(most, positions);
  const cells = SIZE * SIZE;
  const found = new Float32Array(count * dims * cells);
  for (let i = 0; i < count; i++) {
    const position = Math.floor((i * positions) / count);
    const corner = Math.floor(position / width) * cols + (position % width);
    for (let cell = 0; cell < cells; cell++) {
      const from = (corner + Math.floor(cell / SIZE) * cols + (cell % SIZE)) * dims;
      for (let c = 0; c < dims; c++) found[(i * dims + c) * cells + cell] = data[from + c]!;
    }
  }
  return found;
}
