import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { InputError } from "../shared/errors.ts";
import { blockCount, TABLE_ENTRY_BYTES, transferName } from "./offer.ts";

export interface IncomingOptions {
  readonly folder: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly blockBytes: number;
  /** The digest of each block, 32 bytes each; its own digest was checked. */
  readonly table: Uint8Array;
}

const PRESENT = 1;
/** Blocks that are written before they are forced onto the disk: so many a power cut can cost, the end of the process none. */
const BLOCKS_PER_SYNC = 8;

/**
 * A file that comes in blocks, in any order, over restarts. Beside it lies its map, a byte a block, marked when the block is
 * written. After a power cut the map may be on the disk and the block not, so a map is taken for a hint alone: what it marks
 * is compared with its digest when the file is opened again.
 */
export class IncomingFile {
  readonly path: string;
  readonly blocks: number;
  readonly #options: IncomingOptions;
  readonly #data: FileHandle;
  readonly #map: FileHandle;
  readonly #present: Uint8Array;
  #missing: number;
  #unsynced = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(options: IncomingOptions, path: string, data: FileHandle, map: FileHandle, present: Uint8Array) {
    this.#options = options;
    this.path = path;
    this.blocks = present.length;
    this.#data = data;
    this.#map = map;
    this.#present = present;
    this.#missing = present.reduce((sum, mark) => sum + (mark === PRESENT ? 0 : 1), 0);
  }

  /** @throws the system's error */
  static async open(options: IncomingOptions): Promise<IncomingFile> {
    const path = join(options.folder, `${transferName(options.sha256)}.part`);
    const data = await openOrCreate(path);
    try {
      const map = await openOrCreate(`${path}.map`);
      try {
        const present = await readMarks(options, data, map);
        return new IncomingFile(options, path, data, map, present);
      } catch (error) {
        await map.close();
        throw error;
      }
    } catch (error) {
      await data.close();
      throw error;
    }
  }

  /** Blocks that are not there yet. */
  get missing(): number {
    return this.#missing;
  }

  has(block: number): boolean {
    return this.#present[block] === PRESENT;
  }

  /** @returns bytes of this block; the last one may be shorter than the others */
  lengthOf(block: number): number {
    const { bytes, blockBytes } = this.#options;
    return Math.min(blockBytes, bytes - block * blockBytes);
  }

  /**
   * Takes a block that belongs here. One that is there already is left alone.
   *
   * @returns whether it was new
   * @throws InputError "block-damaged" for other bytes than the offer's; the system's error
   */
  async put(block: number, content: Uint8Array): Promise<boolean> {
    const { blockBytes } = this.#options;
    if (!Number.isInteger(block) || block < 0 || block >= this.blocks) {
      throw new InputError("block-damaged", `Expected a block from 0 to ${this.blocks - 1} but received ${block}`);
    }
    if (content.length !== this.lengthOf(block) || !digestHolds(this.#options, block, content)) {
      throw new InputError(
        "block-damaged",
        `Expected ${this.lengthOf(block)} bytes with the digest of block ${block} but received ${content.length} others`,
      );
    }
    if (this.has(block)) return false;
    this.#present[block] = PRESENT;
    this.#missing--;
    const write = this.#writing.then(async () => {
      await writeWhole(this.#data, content, block * blockBytes);
      await writeWhole(this.#map, Uint8Array.of(PRESENT), block);
      this.#unsynced++;
      if (this.#unsynced >= BLOCKS_PER_SYNC) await this.#sync();
    });
    this.#writing = write.catch(() => undefined);
    await write;
    return true;
  }

  /** Forces everything onto the disk and compares the whole with its digest. @throws InputError "file-damaged" */
  async verify(): Promise<void> {
    await this.#writing;
    await this.#sync();
    const hash = createHash("sha256");
    for await (const piece of createReadStream(this.path)) hash.update(piece as Uint8Array);
    const actual = hash.digest("hex");
    if (actual === this.#options.sha256) return;
    throw new InputError("file-damaged", `Expected a file with SHA-256 ${this.#options.sha256} but it has ${actual}`);
  }

  /** What has come stays on the disk. */
  async close(): Promise<void> {
    await this.#writing;
    try {
      await this.#sync();
    } finally {
      await this.#data.close();
      await this.#map.close();
    }
  }

  async #sync(): Promise<void> {
    if (this.#unsynced === 0) return;
    this.#unsynced = 0;
    await this.#data.datasync();
    await this.#map.datasync();
  }
}

async function openOrCreate(path: string): Promise<FileHandle> {
  return open(path, "r+").catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return open(path, "wx+", 0o600);
    throw error;
  });
}

async function readMarks(options: IncomingOptions, data: FileHandle, map: FileHandle): Promise<Uint8Array> {
  const { bytes, blockBytes } = options;
  const marks = new Uint8Array(blockCount(bytes, blockBytes));
  await map.read(marks, 0, marks.length, 0);
  const content = new Uint8Array(blockBytes);
  for (const [block, mark] of marks.entries()) {
    if (mark !== PRESENT) continue;
    const length = Math.min(blockBytes, bytes - block * blockBytes);
    const { bytesRead } = await data.read(content, 0, length, block * blockBytes);
    if (bytesRead !== length || !digestHolds(options, block, content.subarray(0, length))) marks[block] = 0;
  }
  return marks;
}

function digestHolds({ table }: IncomingOptions, block: number, content: Uint8Array): boolean {
  const expected = table.subarray(block * TABLE_ENTRY_BYTES, (block + 1) * TABLE_ENTRY_BYTES);
  return createHash("sha256").update(content).digest().equals(expected);
}

/** A full disk may take a part of it only, and then refuses the rest. */
async function writeWhole(file: FileHandle, content: Uint8Array, position: number): Promise<void> {
  for (let at = 0; at < content.length;) {
    at += (await file.write(content, at, content.length - at, position + at)).bytesWritten;
  }
}
