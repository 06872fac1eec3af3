import { closeSync, fstatSync, openSync, statfsSync, writeSync } from "node:fs";
import { join } from "node:path";
import { BugError, DeviceError, reasonOf } from "../shared/errors.ts";

/** Zeros are written in pieces of this size, bytes. */
const PIECE = 1 << 20;

/**
 * A fixed number of files in shared memory, each for one frame. A slot is taken when a frame is written and free
 * again when its credit comes back, so a slow reader bounds the memory.
 */
export class Slots {
  readonly #paths: readonly string[];
  readonly #folder: string;
  readonly #free: number[];
  #files: readonly number[] | undefined;
  #bytes = 0;

  /** @param folder exists and belongs to this process alone */
  constructor(folder: string, count: number) {
    this.#folder = folder;
    this.#paths = Array.from({ length: count }, (_, slot) => join(folder, `${slot}.raw`));
    this.#free = this.#paths.map((_, slot) => slot);
  }

  get free(): number {
    return this.#free.length;
  }

  /**
   * Writes a frame into a free slot. All slots are given their full size at the first frame and when a larger one
   * comes, so that a lack of memory shows at the start and not at the fourth frame that waits.
   *
   * @returns the slot and its file, or null when none is free
   * @throws DeviceError "shared-memory-full" with the needed and the available bytes, "shared-memory-unusable", also when
   *   someone removed the slot: who reads would look for it in vain, frame after frame
   */
  write(frame: Uint8Array): { readonly slot: number; readonly path: string } | null {
    const slot = this.#free.shift();
    if (slot === undefined) return null;
    const files = this.#reserved(frame.length);
    const file = files[slot];
    const path = this.#paths[slot];
    if (file === undefined || path === undefined)
      throw new BugError("slot-unknown", `Slot ${slot} of ${files.length} is free`);
    if (fstatSync(file).nlink === 0) throw this.#unusable(`${path} was removed`);
    this.#writeAll(file, frame, 0);
    return { slot, path };
  }

  /** Gives a slot back. @throws BugError when it was not taken: a frame would be overwritten while it is read */
  release(slot: number): void {
    if (this.#paths[slot] === undefined || this.#free.includes(slot)) {
      throw new BugError("slot-not-taken", `Expected the credit of a taken slot but received ${slot}`);
    }
    this.#free.push(slot);
  }

  close(): void {
    for (const file of this.#files ?? []) closeSync(file);
    this.#files = undefined;
  }

  #reserved(bytes: number): readonly number[] {
    const files = (this.#files ??= this.#open());
    if (bytes <= this.#bytes) return files;
    const zeros = new Uint8Array(Math.min(PIECE, bytes));
    for (const file of files) {
      // What a slot holds already stays: its frame may be being read.
      for (let offset = this.#bytes; offset < bytes; offset += zeros.length) {
        this.#writeAll(file, zeros.subarray(0, Math.min(zeros.length, bytes - offset)), offset, bytes);
      }
    }
    this.#bytes = bytes;
    return files;
  }

  #open(): readonly number[] {
    try {
      return this.#paths.map((path) => openSync(path, "wx+", 0o600));
    } catch (error) {
      throw this.#unusable(error);
    }
  }

  /** A full tmpfs first writes less than asked and then refuses. */
  #writeAll(file: number, data: Uint8Array, position: number, frameBytes: number = data.length): void {
    try {
      for (let done = 0; done < data.length;) done += writeSync(file, data, done, data.length - done, position + done);
    } catch (error) {
      throw isFull(error) ? this.#full(frameBytes, error) : this.#unusable(error);
    }
  }

  #full(frameBytes: number, cause: unknown): DeviceError {
    const count = this.#paths.length;
    const { bavail, bsize } = statfsSync(this.#folder);
    // What the slots took before the memory ran out is theirs, and so available to them.
    const held = (this.#files ?? []).reduce((sum, file) => sum + fstatSync(file).size, 0);
    return new DeviceError(
      "shared-memory-full",
      `Expected room for ${count * frameBytes} bytes (${count} slots of ${frameBytes}) in ${this.#folder} but ${bavail * bsize + held} bytes are available`,
      { cause },
    );
  }

  #unusable(cause: unknown): DeviceError {
    return new DeviceError(
      "shared-memory-unusable",
      `Expected to write slots in ${this.#folder} but: ${reasonOf(cause)}`,
      { cause },
    );
  }
}

function isFull(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENOSPC" || code === "EDQUOT";
}
