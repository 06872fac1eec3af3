import { createHash } from "node:crypto";
import { decodeImageFile } from "../backbone/decode.ts";
import type { EmbeddingSession } from "../backbone/embedding-session.ts";
import { prepareFrame } from "../backbone/prepare.ts";
import type { BankParameters } from "../bank/manifest.ts";
import { InputError } from "../shared/errors.ts";
import type { RawImage } from "../shared/image.ts";

/** A file that could not be used, and why. */
export interface BrokenImage {
  readonly file: string;
  readonly reason: string;
}

/** Patch embeddings of the nominal images that could be used. */
export interface Embedded {
  /** [images · patches, dims]; may be longer than that, its end then unused. */
  readonly data: Float32Array;
  /** The files that were used, in order. */
  readonly files: readonly string[];
  readonly broken: readonly BrokenImage[];
  /** SHA-256 over the prepared pictures in order: what the bank was really made from. */
  readonly sha256: string;
}

export interface EmbedOptions {
  readonly files: readonly string[];
  readonly parameters: BankParameters;
  readonly session: EmbeddingSession;
  readonly patchesPerImage: number;
  readonly onBroken: "refuse" | "skip";
  readonly signal: AbortSignal;
  /** Gets each image's patch embeddings [patches, dims], in order; waited for. */
  readonly onRows: (rows: Float32Array) => Promise<void>;
  /** Gets each usable image as it was decoded and as the network sees it. @throws InputError when it cannot be used */
  readonly onPrepared?: (image: RawImage, prepared: RawImage) => void;
  readonly onImage: (done: number, total: number) => void;
}

/** So many broken files are named in one message. */
const MOST_NAMED = 20;

/**
 * Decodes, prepares and embeds images one after the other, in their order. One at a time, because a batch would change
 * no result and save nothing on a CPU, while its feature maps would cost memory.
 *
 * A broken file is skipped or, when that was not allowed, all files are still looked at, so that the error names every
 * one of them at once.
 *
 * @throws InputError "broken-images"; the signal's reason
 */
export async function embedImages(options: EmbedOptions): Promise<Embedded> {
  const { files, session, patchesPerImage, signal } = options;
  const perImage = patchesPerImage * session.dims;
  const data = new Float32Array(files.length * perImage);
  const digest = createHash("sha256");
  const used: string[] = [];
  const broken: BrokenImage[] = [];
  for (const [index, file] of files.entries()) {
    signal.throwIfAborted();
    const picture = await preparePicture(file, options);
    if (!("data" in picture)) broken.push(picture);
    else if (broken.length === 0 || options.onBroken === "skip") {
      const rows = await embedOne(session, picture);
      digest.update(picture.data);
      data.set(rows, used.length * perImage);
      used.push(file);
      await options.onRows(rows);
    }
    options.onImage(index + 1, files.length);
  }
  if (broken.length > 0 && options.onBroken === "refuse") throw brokenError(broken, files.length);
  return { data, files: used, broken, sha256: digest.digest("hex") };
}

/** @returns the picture as the network sees it, or why the file is none */
async function preparePicture(
  file: string,
  { parameters, onPrepared }: Pick<EmbedOptions, "parameters" | "onPrepared">,
): Promise<RawImage | BrokenImage> {
  const { region, rotation, resize } = parameters;
  try {
    const image = await decodeImageFile(file);
    const prepared = await prepareFrame(image, { region, rotation, resize });
    onPrepared?.(image, prepared);
    return prepared;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { file, reason: error.message };
  }
}

async function embedOne(session: EmbeddingSession, picture: RawImage): Promise<Float32Array> {
  const { data } = await session.embed(picture.data, 1, picture.height, picture.width);
  return data;
}

function brokenError(broken: readonly BrokenImage[], count: number): InputError {
  const lines = broken.slice(0, MOST_NAMED).map(({ file, reason }) => `\n  ${file}: ${reason}`);
  const more = broken.length > MOST_NAMED ? `\n  and ${broken.length - MOST_NAMED} more` : "";
  return new InputError(
    "broken-images",
    `Expected ${count} readable images but ${broken.length} of them cannot be used (they can be skipped):${lines.join("")}${more}`,
  );
}
