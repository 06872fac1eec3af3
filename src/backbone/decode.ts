import { readFile, readdir, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import sharp from "sharp";
import { InputError, reasonOf } from "../shared/errors.ts";
import type { RawImage } from "../shared/image.ts";
import { decodeBmp } from "./bmp.ts";

/** Endings of the files that count as images of a folder, lower case. */
const IMAGE_EXTENSIONS: readonly string[] = [".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff"];
/** What libvips may decode here; it could read far more, but those are no pictures from a camera. */
const FORMATS: readonly string[] = ["jpeg", "png", "tiff"];
/** Levels of one sample: 8 bits, or 16 that are scaled by 1/257. */
const DEPTHS: readonly string[] = ["uchar", "ushort"];
const GREY_SPACES: readonly string[] = ["b-w", "grey16"];
const COLOUR_SPACES: readonly string[] = ["srgb", "rgb", "rgb16"];

/**
 * Decodes a JPEG, PNG, TIFF or BMP file, told apart by its content, to the pixels that the file holds: nothing is
 * resized while decoding, so that a file and a live frame of the same picture give the same embedding.
 *
 * An EXIF orientation is applied; colour profiles are not (a live frame has none); transparency is dropped; 16 bits
 * are scaled to 8. A picture of one channel stays GRAY8, any other becomes RGB.
 *
 * @throws InputError "unreadable-image" when the file cannot be read, "broken-image" when its content is no whole
 *   picture: another format, truncated or damaged data, several pages
 */
export async function decodeImageFile(path: string): Promise<RawImage> {
  let file: Buffer;
  try {
    file = await readFile(path);
  } catch (error) {
    throw new InputError("unreadable-image", `Expected an image file ${path} but ${reasonOf(error)}`, { cause: error });
  }
  if (file.length === 0) throw broken(path, "an empty file");
  return file.toString("latin1", 0, 2) === "BM" ? decodeBmp(file, path) : await decodeBySharp(file, path);
}

async function decodeBySharp(file: Buffer, path: string): Promise<RawImage> {
  try {
    // "warning" is the strictest level: libjpeg calls missing and damaged data a mere warning and fills in grey.
    const image = sharp(file, { failOn: "warning", ignoreIcc: true });
    const { format, depth, space, pages } = await image.metadata();
    if (!FORMATS.includes(format)) throw broken(path, `the format ${format}`);
    if ((pages ?? 1) > 1) throw broken(path, `${pages} pages, where one picture was expected`);
    const grey = GREY_SPACES.includes(space);
    if (!DEPTHS.includes(depth) || (!grey && !COLOUR_SPACES.includes(space))) {
      throw broken(
        path,
        `samples of type ${depth} in colour space ${space}, where grey or RGB of 8 or 16 bits was expected`,
      );
    }
    const { data, info } = await image
      .autoOrient()
      .removeAlpha()
      .toColourspace(grey ? "b-w" : "srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    const channels = grey ? 1 : 3;
    if (info.channels !== channels) throw broken(path, `${info.channels} channels, where ${channels} were expected`);
    return { width: info.width, height: info.height, format: grey ? "GRAY8" : "RGB", data };
  } catch (error) {
    throw error instanceof InputError ? error : broken(path, reasonOf(error).replaceAll(/\s*\n\s*/g, "; "), error);
  }
}

function broken(path: string, actual: string, cause?: unknown): InputError {
  return new InputError(
    "broken-image",
    `Expected a whole JPEG, PNG, TIFF or BMP picture in ${path} but got ${actual}`,
    {
      cause,
    },
  );
}

/**
 * @returns paths of the folder's image files, by name in code-unit order (the same on every machine); files of other
 *   kinds, hidden files and subfolders are left out
 * @throws InputError "no-images" when the folder cannot be read or holds none
 */
export async function listImageFiles(folder: string): Promise<string[]> {
  const kinds = IMAGE_EXTENSIONS.join(", ");
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    const text = `Expected a folder of images (${kinds}) in ${folder} but ${reasonOf(error)}`;
    throw new InputError("no-images", text, { cause: error });
  }
  const likely = names.filter(
    (name) => !name.startsWith(".") && IMAGE_EXTENSIONS.includes(extname(name).toLowerCase()),
  );
  const paths: string[] = [];
  for (const name of likely.sort()) {
    const path = join(folder, name);
    // A link that leads nowhere counts as an image: decoding will name it as unreadable.
    const entry = await stat(path).catch(() => undefined);
    if (entry?.isDirectory() !== true) paths.push(path);
  }
  if (paths.length > 0) return paths;
  const seen = names.length === 0 ? "it is empty" : `none of its ${names.length} entries is one`;
  throw new InputError("no-images", `Expected image files (${kinds}) in the folder ${folder} but ${seen}`);
}
