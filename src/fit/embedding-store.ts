import { createHash } from "node:crypto";
import { open, readFile, rm, rmdir, statfs } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { DeviceError, reasonOf } from "../shared/errors.ts";
import { makeFolder } from "../shared/make-folder.ts";
import { processStartTicks } from "../shared/process-identity.ts";
import { bytesOf, readFloats, writeFloats } from "./float-file.ts";

/** Left free on the disk, so that a fit does not take the last of it from others. */
const SPARE_BYTES = 64 * 1024 ** 2;

/** One image's patch embeddings in the store. */
export interface StoredImage {
  /** Place in the file: its rows start at slot · patches · dims values. */
  readonly slot: number;
  /** SHA-256 of the picture as the network saw it. */
  readonly picture: string;
  /** Of the image file, pixels. */
  readonly width: number;
  readonly height: number;
}

interface Entry extends StoredImage {
  /** SHA-256 of the image file. */
  readonly content: string;
  /** CRC-32 of the rows: after a power cut the index may be on the disk and the rows not. */
  readonly crc: number;
}

export interface StoreOptions {
  readonly folder: string;
  /** Everything besides the image that its embeddings depend on; any text. */
  readonly key: string;
  /** float32 values of one image: patches · dims. */
  readonly imageLength: number;
}

/**
 * Patch embeddings on the disk: `NAME.f32`, raw float32 image after image, and `NAME.jsonl`, which says what lies where;
 * NAME stands for the key. Each image is written before its line, so that whatever ends the process, what the index
 * names is there, and the next fit goes on from it. What cannot be read of an index is computed again.
 *
 * One process at a time uses a store. Whoever opens it closes it.
 */
export class EmbeddingStore {
  /** The file of rows. */
  readonly path: string;
  readonly folder: string;
  readonly #stem: string;
  readonly #imageLength: number;
  readonly #rows: FileHandle;
  readonly #index: FileHandle;
  readonly #entries: Map<string, Entry>;
  #nextSlot: number;

  private constructor(
    options: StoreOptions,
    stem: string,
    rows: FileHandle,
    index: FileHandle,
    entries: Map<string, Entry>,
  ) {
    this.path = `${stem}.f32`;
    this.folder = options.folder;
    this.#stem = stem;
    this.#imageLength = options.imageLength;
    this.#rows = rows;
    this.#index = index;
    this.#entries = entries;
    this.#nextSlot = Math.max(-1, ...[...entries.values()].map(({ slot }) => slot)) + 1;
  }

  /** @throws DeviceError "embeddings-write" or "embeddings-in-use" */
  static async open(options: StoreOptions): Promise<EmbeddingStore> {
    const name = createHash("sha256").update(options.key).digest("hex").slice(0, 16);
    const stem = join(options.folder, name);
    try {
      makeFolder(options.folder);
      await lock(`${stem}.lock`);
      const entries = await readIndex(`${stem}.jsonl`);
      const rows = await open(`${stem}.f32`, entries.size > 0 ? "r+" : "w+");
      const index = await open(`${stem}.jsonl`, entries.size > 0 ? "a" : "w");
      // A line that a crash cut short must not run into the next one.
      if (entries.size > 0) await index.write("\n");
      return new EmbeddingStore(options, stem, rows, index, entries);
    } catch (error) {
      throw error instanceof DeviceError ? error : unwritable(options.folder, error);
    }
  }

  /** Images that the store holds. */
  get size(): number {
    return this.#entries.size;
  }

  /** @param content SHA-256 of the image file */
  has(content: string): boolean {
    return this.#entries.has(content);
  }

  /**
   * @param content SHA-256 of the image file
   * @returns null when its rows are not there as they were written
   */
  async find(content: string): Promise<StoredImage | null> {
    const entry = this.#entries.get(content);
    if (entry === undefined) return null;
    const rows = new Float32Array(this.#imageLength);
    try {
      await this.read(entry.slot, rows);
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      return null;
    }
    return crc32(bytesOf(rows)) === entry.crc ? entry : null;
  }

  /** @param rows [patches, dims]; @throws DeviceError "embeddings-write" */
  async put(content: string, image: Omit<StoredImage, "slot">, rows: Float32Array): Promise<StoredImage> {
    const slot = this.#nextSlot++;
    const entry: Entry = { content, ...image, slot, crc: crc32(bytesOf(rows)) };
    try {
      await writeFloats(this.#rows, slot * this.#imageLength, rows);
      await this.#index.write(`${JSON.stringify(entry)}\n`);
    } catch (error) {
      throw unwritable(this.folder, error);
    }
    this.#entries.set(content, entry);
    return entry;
  }

  /** @param into [patches, dims] */
  read(slot: number, into: Float32Array): Promise<void> {
    return readFloats(this.#rows, slot * this.#imageLength, into);
  }

  /** Reads single rows. @param rows places in the image @param into [rows.length, dims] */
  async readRows(slot: number, rows: ArrayLike<number>, dims: number, into: Float32Array): Promise<void> {
    for (let i = 0; i < rows.length; i++) {
      const at = slot * this.#imageLength + rows[i]! * dims;
      await readFloats(this.#rows, at, into.subarray(i * dims, (i + 1) * dims));
    }
  }

  /** @throws DeviceError "disk-full" unless the disk has room for `images` more */
  async checkSpace(images: number): Promise<void> {
    const { bavail, bsize } = await statfs(this.folder);
    const needed = images * this.#imageLength * 4 + SPARE_BYTES;
    if (images === 0 || bavail * bsize >= needed) return;
    throw new DeviceError(
      "disk-full",
      `Expected ${gigabytes(needed)} free in ${this.folder} for the embeddings of ${images} images but ${gigabytes(bavail * bsize)} are; ` +
        "name another folder with --cache",
    );
  }

  /** Idempotent. @param keep false: what the store holds is removed, and its folder if nothing else is in it */
  async close(keep: boolean): Promise<void> {
    await this.#rows.close();
    await this.#index.close();
    if (!keep) {
      await rm(this.path, { force: true });
      await rm(`${this.#stem}.jsonl`, { force: true });
    }
    await rm(`${this.#stem}.lock`, { force: true });
    // A folder with anything else in it stays.
    if (!keep) await rmdir(this.folder).catch(() => undefined);
  }
}

/** The lock names its process; that of a process that is gone counts for nothing. */
async function lock(path: string): Promise<void> {
  const own = `${process.pid} ${await processStartTicks(process.pid)}`;
  for (let attempt = 0; attempt < 2; attempt++) {
    try {
      const file = await open(path, "wx");
      await file.write(own);
      await file.close();
      return;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    }
    const [pid = "", ticks = ""] = (await readFile(path, "utf8").catch(() => "")).split(" ");
    if (ticks !== "" && (await processStartTicks(Number(pid))) === ticks) {
      const text = `Expected embeddings in ${dirname(path)} that no other fit uses but process ${pid} does`;
      throw new DeviceError("embeddings-in-use", text);
    }
    await rm(path, { force: true });
  }
  throw new DeviceError("embeddings-in-use", `Expected to lock ${path} but another fit was quicker`);
}

async function readIndex(path: string): Promise<Map<string, Entry>> {
  const text = await readFile(path, "utf8").catch(() => "");
  const entries = new Map<string, Entry>();
  for (const line of text.split("\n")) {
    const entry = parseEntry(line);
    if (entry !== null) entries.set(entry.content, entry);
  }
  return entries;
}

function parseEntry(line: string): Entry | null {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { content, picture, slot, width, height, crc } = value as Partial<Record<keyof Entry, unknown>>;
  if (!isDigest(content) || !isDigest(picture)) return null;
  if (!isCount(slot) || !isCount(width) || !isCount(height) || !isCount(crc)) return null;
  return { content, picture, slot, width, height, crc };
}

function isDigest(value: unknown): value is string {
  return typeof value === "string" && /^[0-9a-f]{64}$/.test(value);
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function unwritable(folder: string, cause: unknown): DeviceError {
  const text = `Expected to write patch embeddings below ${folder} but: ${reasonOf(cause)}`;
  return new DeviceError("embeddings-write", text, { cause });
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
