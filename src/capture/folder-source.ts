import { mkdir, readdir, readFile, symlink } from "node:fs/promises";
import { extname, join, resolve } from "node:path";
import { InputError, reasonOf } from "../shared/errors.ts";
import { checkImage, typeByContent } from "./image-check.ts";
import type { ImageType } from "./image-check.ts";
import { STAGED_DIGITS } from "./launch-string.ts";
import type { StagedFolder } from "./launch-string.ts";

export interface FolderFrames extends StagedFolder {
  readonly count: number;
}

export interface FolderRequest {
  readonly path: string;
  /** Below the slot folder, so that it goes when the slots go. */
  readonly stagingFolder: string;
  /** The size that every file must have; absent: each its own. */
  readonly width?: number;
  readonly height?: number;
  /** A file must be read within this; a network folder may hang for ever. */
  readonly fileTimeoutMs: number;
}

const TYPES: Readonly<Record<string, ImageType>> = { ".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg" };
/** Images that we know but cannot take here; other files (a note, a checksum list) are not looked at. */
const OTHER_IMAGES = new Set([".bmp", ".tif", ".tiff", ".gif", ".webp", ".pgm", ".ppm", ".jp2", ".avif", ".heic"]);
/** Names told in a message; the rest is counted. */
const NAMES_SHOWN = 3;
const MAX_FILES = 10 ** STAGED_DIGITS;

/**
 * Lays out the images of a folder for multifilesrc, which wants numbered names of one type: links in the order of
 * the files' names. Every file is checked first, since GStreamer passes over a broken one in silence.
 *
 * @throws InputError "folder-unreadable", "folder-empty", "folder-mixed-types", "folder-wrong-size", "image-broken",
 *   "image-unsupported", each naming the files
 */
export async function stageFolder(request: FolderRequest): Promise<FolderFrames> {
  const path = resolve(request.path);
  const names = await imageNames(path, request.fileTimeoutMs);
  const type = oneType(path, names);
  await mkdir(request.stagingFolder, { recursive: true, mode: 0o700 });
  for (const [index, name] of names.entries()) {
    const file = join(path, name);
    await checkFile(file, type, request);
    const number = String(index).padStart(STAGED_DIGITS, "0");
    await symlink(file, join(request.stagingFolder, `${number}.${type}`));
  }
  return { folder: request.stagingFolder, type, count: names.length };
}

async function imageNames(path: string, timeoutMs: number): Promise<string[]> {
  let entries: string[];
  try {
    entries = await within(readdir(path), timeoutMs, path);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError(
      "folder-unreadable",
      `Expected a readable folder of images at ${path} but: ${reasonOf(error)}`,
      {
        cause: error,
      },
    );
  }
  // Hidden files are what file managers and copies leave behind (".DS_Store", "._part.png").
  const visible = entries.filter((name) => !name.startsWith("."));
  const names = visible.filter((name) => extensionOf(name) in TYPES || OTHER_IMAGES.has(extensionOf(name)));
  if (names.length === 0) {
    throw new InputError(
      "folder-empty",
      `Expected PNG or JPEG files in ${path} but found none among ${visible.length} files`,
    );
  }
  if (names.length > MAX_FILES) {
    throw new InputError(
      "folder-too-large",
      `Expected at most ${MAX_FILES} images in ${path} but found ${names.length}`,
    );
  }
  // By code unit: the same order on every machine, whatever its locale.
  return names.sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
}

/** A pipeline has one decoder, so a folder must hold one type. */
function oneType(path: string, names: readonly string[]): ImageType {
  const byType = new Map<string, string[]>();
  for (const name of names) {
    const type = TYPES[extensionOf(name)] ?? extensionOf(name).slice(1);
    byType.set(type, [...(byType.get(type) ?? []), name]);
  }
  const found = [...byType].map(([type, files]) => `${files.length} ${type} (${listed(files)})`).join(" and ");
  if (byType.size > 1) {
    throw new InputError("folder-mixed-types", `Expected images of one type in ${path} but found ${found}`);
  }
  const [first] = byType.keys();
  if (first !== "png" && first !== "jpeg") {
    throw new InputError("image-unsupported", `Expected PNG or JPEG files in ${path} but found ${found}; convert them`);
  }
  return first;
}

async function checkFile(file: string, type: ImageType, request: FolderRequest): Promise<void> {
  let data: Buffer;
  try {
    data = await within(readFile(file), request.fileTimeoutMs, file);
  } catch (error) {
    if (error instanceof InputError) throw error;
    throw new InputError("image-broken", `Expected a readable image in ${file} but: ${reasonOf(error)}`, {
      cause: error,
    });
  }
  const content = typeByContent(data);
  if (content === "nothing" || content === "unknown") {
    const found = content === "nothing" ? "is empty" : "begins with something else";
    throw new InputError("image-broken", `Expected a ${type} image in ${file} but it ${found}`);
  }
  if (content !== type) {
    throw new InputError(
      "folder-mixed-types",
      `Expected a ${type} image by the name of ${file} but it holds ${content}`,
    );
  }
  const size = await checkImage(file, type, data);
  const { width = size.width, height = size.height } = request;
  if (size.width !== width || size.height !== height) {
    const asked = `${request.width ?? "any"} × ${request.height ?? "any"}`;
    throw new InputError(
      "folder-wrong-size",
      `Expected ${asked} pixels as configured but ${file} has ${size.width} × ${size.height}`,
    );
  }
}

async function within<T>(work: Promise<T>, timeoutMs: number, path: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new InputError("folder-unreadable", `Expected ${path} to be read within ${timeoutMs} ms but it was not`),
        ),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

function extensionOf(name: string): string {
  return extname(name).toLowerCase();
}

function listed(names: readonly string[]): string {
  const shown = names.slice(0, NAMES_SHOWN).join(", ");
  return names.length > NAMES_SHOWN ? `${shown}, and ${names.length - NAMES_SHOWN} more` : shown;
}
