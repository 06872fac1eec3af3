import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { decodeImageFile } from "../backbone/decode.ts";
import type { EmbeddingSession } from "../backbone/embedding-session.ts";
import type { FrameMeter } from "../backbone/measure-frame.ts";
import { FramePreparer } from "../backbone/prepare.ts";
import type { BankParameters } from "../bank/manifest.ts";
import type { MeasuredFrame } from "../patchcore/frame-validity.ts";
import { InputError, reasonOf } from "../shared/errors.ts";
import type { RawImage } from "../shared/image.ts";
import type { EmbeddingStore, StoredImage } from "./embedding-store.ts";

/** A file that could not be used, and why. */
export interface BrokenImage {
  readonly file: string;
  readonly reason: string;
}

/** A nominal image whose patch embeddings lie in the store. */
export interface EmbeddedImage extends StoredImage {
  readonly file: string;
}

/** The nominal images that could be used. */
export interface Embedded {
  /** In order. */
  readonly images: readonly EmbeddedImage[];
  readonly broken: readonly BrokenImage[];
  /** Images whose embeddings were there from an earlier fit. */
  readonly reused: number;
  /** SHA-256 over the digests of the prepared pictures in order: what the bank was really made from. */
  readonly sha256: string;
}

export interface EmbedOptions {
  readonly files: readonly ImageContent[];
  readonly parameters: BankParameters;
  readonly session: EmbeddingSession;
  readonly store: EmbeddingStore;
  /** Measures what the limits of valid frames are learnt from. */
  readonly meter: FrameMeter;
  readonly onBroken: "refuse" | "skip";
  readonly signal: AbortSignal;
  /** Gets each image in order, once its embeddings lie in the store; waited for. */
  readonly onEmbedded: (image: EmbeddedImage) => Promise<void>;
  readonly onImage: (done: number, total: number) => void;
}

/** An image file and the digest of its content; `broken` when it cannot be read. */
export interface ImageContent {
  readonly file: string;
  /** SHA-256 of its bytes, lower-case hex. */
  readonly content: string;
  readonly broken: BrokenImage | null;
}

/** So many broken files are named in one message. */
const MOST_NAMED = 20;

/** Reads the files and digests their content, one after the other. @throws the signal's reason */
export async function digestFiles(
  files: readonly string[],
  signal: AbortSignal,
  onFile: (done: number, total: number) => void,
): Promise<ImageContent[]> {
  const contents: ImageContent[] = [];
  for (const file of files) {
    signal.throwIfAborted();
    try {
      const content = createHash("sha256")
        .update(await readFile(file))
        .digest("hex");
      contents.push({ file, content, broken: null });
    } catch (error) {
      const reason = `Expected an image file ${file} but ${reasonOf(error)}`;
      contents.push({ file, content: "", broken: { file, reason } });
    }
    onFile(contents.length, files.length);
  }
  return contents;
}

/**
 * Decodes, prepares and embeds images one after the other, in their order, unless the store has them already. One at a
 * time, because a batch would change no result and save nothing on a CPU, while its feature maps would cost memory.
 *
 * A broken file is skipped or, when that was not allowed, all files are still looked at, so that the error names every
 * one of them at once.
 *
 * @throws InputError "broken-images"; DeviceError "embeddings-write"; the signal's reason
 */
export async function embedImages(options: EmbedOptions): Promise<Embedded> {
  const { files, store, signal } = options;
  const digest = createHash("sha256");
  const preparer = new FramePreparer(options.parameters);
  const images: EmbeddedImage[] = [];
  const broken: BrokenImage[] = [];
  let reused = 0;
  for (const [index, { file, content, broken: unreadable }] of files.entries()) {
    signal.throwIfAborted();
    const known = unreadable === null ? await store.find(content) : null;
    const found = unreadable ?? known ?? (await embedOne({ ...options, preparer }, file, content, broken.length === 0));
    if (found !== null && "reason" in found) broken.push(found);
    else if (found !== null) {
      if (known !== null) reused++;
      const image = { ...found, file };
      digest.update(image.picture);
      images.push(image);
      await options.onEmbedded(image);
    }
    options.onImage(index + 1, files.length);
  }
  if (broken.length > 0 && options.onBroken === "refuse") throw brokenError(broken, files.length);
  return { images, broken, reused, sha256: digest.digest("hex") };
}

/** @returns why the file is no image; null when it is one but the fit will be refused for another */
async function embedOne(
  options: EmbedOptions & { readonly preparer: FramePreparer },
  file: string,
  content: string,
  isWhole: boolean,
): Promise<StoredImage | BrokenImage | null> {
  const { preparer, session, store } = options;
  let image: RawImage;
  let picture: RawImage;
  let measured: MeasuredFrame;
  try {
    image = await decodeImageFile(file);
    picture = preparer.prepare(image);
    measured = options.meter.measure(image, picture);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { file, reason: error.message };
  }
  if (!isWhole && options.onBroken === "refuse") return null;
  const { data } = await session.embed(picture.data, 1, picture.height, picture.width);
  const sha256 = createHash("sha256").update(picture.data).digest("hex");
  return store.put(content, { picture: sha256, width: image.width, height: image.height, measured }, data);
}

function brokenError(broken: readonly BrokenImage[], count: number): InputError {
  const lines = broken.slice(0, MOST_NAMED).map(({ file, reason }) => `\n  ${file}: ${reason}`);
  const more = broken.length > MOST_NAMED ? `\n  and ${broken.length - MOST_NAMED} more` : "";
  return new InputError(
    "broken-images",
    `Expected ${count} readable images but ${broken.length} of them cannot be used (they can be skipped):${lines.join("")}${more}`,
  );
}
