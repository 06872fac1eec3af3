import type { FileHandle } from "node:fs/promises";
import { InputError } from "../shared/errors.ts";

const BLOCK = 512;

/** GNU tar fills up to 20 blocks with zeros at the end; nothing longer is accepted behind the last entry. */
const LONGEST_END = 20 * BLOCK;

/** Where the fields of a ustar header lie (POSIX.1-2024, pax, "ustar Interchange Format"): offset, length. */
const FIELD = {
  name: [0, 100],
  size: [124, 12],
  checksum: [148, 8],
  typeFlag: [156, 1],
  linkName: [157, 100],
  magic: [257, 5],
  prefix: [345, 155],
} as const satisfies Readonly<Record<string, readonly [number, number]>>;

function stringAt(block: Uint8Array, [offset, length]: readonly [number, number]): string {
  const field = block.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return Buffer.from(end === -1 ? field : field.subarray(0, end)).toString("latin1");
}

/** @returns NaN when the field is no octal number; base-256 sizes are none either */
function octalAt(block: Uint8Array, field: readonly [number, number]): number {
  const text = stringAt(block, field).trim();
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
}

/** Sum of the header's bytes, its checksum field counted as spaces. */
function checksumOf(block: Uint8Array): number {
  const [from, length] = FIELD.checksum;
  return block.reduce((sum, byte, at) => sum + (at >= from && at < from + length ? 32 : byte), 0);
}

/**
 * Reads a tar file entry by entry, knowing beforehand which entry comes next and how long it may be. So nothing is
 * allocated by the word of the file alone, and links, long names and other liberties of the format do not exist here.
 */
export class TarReader {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #fileBytes: number;
  #position = 0;

  constructor(file: FileHandle, path: string, fileBytes: number) {
    this.#file = file;
    this.#path = path;
    this.#fileBytes = fileBytes;
  }

  /**
   * @param name the entry that must come now
   * @param limits sizes in bytes, both inclusive
   * @returns the entry's bytes in a buffer of their own, at offset 0
   * @throws InputError "bank-format" for a file that is no bank, "bank-damaged" for one that does not hold together
   */
  async entry(name: string, limits: { readonly least: number; readonly most: number }): Promise<ArrayBuffer> {
    const size = await this.#header(name, limits);
    const padded = Math.ceil(size / BLOCK) * BLOCK;
    if (this.#position + padded > this.#fileBytes) {
      throw this.#damaged(name, `${size} bytes`, `only ${this.#fileBytes - this.#position}: the file is cut off`);
    }
    const content = await this.#read(name, size);
    const padding = await this.#read(name, padded - size);
    if (!isZero(padding)) throw this.#damaged(name, "zeros as padding", "other bytes");
    return content;
  }

  /** Checks that after the last entry only the end mark follows. */
  async end(): Promise<void> {
    const left = this.#fileBytes - this.#position;
    if (left < 2 * BLOCK || left > LONGEST_END) {
      throw this.#damaged("end of the file", `${2 * BLOCK} to ${LONGEST_END} bytes of zeros`, `${left} bytes`);
    }
    if (!isZero(await this.#read("end of the file", left))) {
      throw this.#damaged("end of the file", "zeros", "other bytes");
    }
  }

  async #header(name: string, limits: { readonly least: number; readonly most: number }): Promise<number> {
    const isFirst = this.#position === 0;
    if (this.#fileBytes - this.#position < BLOCK) {
      if (isFirst) throw this.#foreign(`a file of ${this.#fileBytes} bytes`);
      throw this.#damaged(name, "a header", "the end of the file: it is cut off");
    }
    const block = new Uint8Array(await this.#read(name, BLOCK));
    if (isFirst && stringAt(block, FIELD.magic) !== "ustar") throw this.#foreign("a file that is no tar file");
    const checksum = octalAt(block, FIELD.checksum);
    const sum = checksumOf(block);
    if (checksum !== sum) throw this.#damaged(name, `a header with checksum ${sum}`, `checksum ${checksum}`);
    const actualName = stringAt(block, FIELD.name);
    if (actualName !== name || block[FIELD.prefix[0]] !== 0) {
      if (isFirst) throw this.#foreign(`a tar file that begins with ${JSON.stringify(actualName)}`);
      throw this.#damaged(name, `this entry after the one before`, `the entry ${JSON.stringify(actualName)}`);
    }
    const type = stringAt(block, FIELD.typeFlag);
    if ((type !== "0" && type !== "") || block[FIELD.linkName[0]] !== 0) {
      throw this.#damaged(name, "a plain file", `an entry of type ${JSON.stringify(type)}`);
    }
    const size = octalAt(block, FIELD.size);
    if (!(size >= limits.least && size <= limits.most)) {
      const expected =
        limits.least === limits.most ? `${limits.most} bytes` : `${limits.least} to ${limits.most} bytes`;
      throw this.#damaged(name, expected, Number.isNaN(size) ? "no legible size" : `${size} bytes`);
    }
    return size;
  }

  async #read(name: string, bytes: number): Promise<ArrayBuffer> {
    const buffer = new ArrayBuffer(bytes);
    let filled = 0;
    while (filled < bytes) {
      const view = new Uint8Array(buffer, filled);
      const { bytesRead } = await this.#file.read(view, 0, view.length, this.#position + filled);
      if (bytesRead === 0) throw this.#damaged(name, `${bytes} bytes`, `${filled}: the file is cut off`);
      filled += bytesRead;
    }
    this.#position += bytes;
    return buffer;
  }

  #foreign(actual: string): InputError {
    return new InputError("bank-format", `Expected a nominald bank at ${this.#path} but received ${actual}`);
  }

  #damaged(entry: string, expected: string, actual: string): InputError {
    return damaged(this.#path, entry, expected, actual);
  }
}

function isZero(buffer: ArrayBuffer): boolean {
  return new Uint8Array(buffer).every((byte) => byte === 0);
}

/** The one form of "this file does not hold together". */
export function damaged(path: string, entry: string, expected: string, actual: string): InputError {
  return new InputError(
    "bank-damaged",
    `Expected ${expected} for ${entry} of the bank ${path} but received ${actual}; copy or fit the bank again`,
  );
}
