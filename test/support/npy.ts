import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of golden vectors, `test/golden`. */
export const goldenDir = fileURLToPath(new URL("../golden/", import.meta.url));

const READERS = {
  "<f4": (bytes: ArrayBuffer) => new Float32Array(bytes),
  "<f8": (bytes: ArrayBuffer) => new Float64Array(bytes),
  "<i4": (bytes: ArrayBuffer) => new Int32Array(bytes),
  "|i1": (bytes: ArrayBuffer) => new Int8Array(bytes),
  "|u1": (bytes: ArrayBuffer) => new Uint8Array(bytes),
} as const;

type Reader = typeof READERS;

/** The typed arrays an `.npy` file of ours may hold. */
export type NpyData = ReturnType<Reader[keyof Reader]>;

export interface Npy<T extends NpyData> {
  /** Sizes, slowest first (C order). */
  readonly shape: readonly number[];
  readonly data: T;
}

/**
 * Reads one `.npy` file (format 1.0 or 2.0, little-endian, C order) of float32, float64, int32, int8 or uint8.
 * The arrays are copies, so they are aligned and may be changed.
 *
 * @param path the file; a bare name such as "bank.npy" lies in `test/golden`
 * @param type the array that is expected, e.g. `Float32Array`
 * @throws Error when the file is of another type, order or length
 */
export function readNpy<T extends NpyData>(path: string, type: abstract new (...args: never[]) => T): Npy<T> {
  const file = readFileSync(path.includes("/") ? path : join(goldenDir, path));
  if (file.toString("latin1", 0, 6) !== "\x93NUMPY") throw new Error(`Expected an .npy file but got ${path}`);
  const wide = file[6] !== 1;
  const start = wide ? 12 : 10;
  const end = start + (wide ? file.readUInt32LE(8) : file.readUInt16LE(8));
  const header = file.toString("latin1", start, end);
  const descr = /'descr':\s*'([^']+)'/.exec(header)?.[1] ?? "";
  const dims = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  if (dims === undefined || !/'fortran_order':\s*False/.test(header)) {
    throw new Error(`Expected C order in ${path} but its header is ${header.trim()}`);
  }
  if (!isKnown(descr))
    throw new Error(`Expected one of ${Object.keys(READERS).join(", ")} in ${path} but got ${descr}`);
  const shape = dims.split(",").flatMap((text) => (text.trim() === "" ? [] : [Number(text)]));
  const data = READERS[descr](new Uint8Array(file.subarray(end)).buffer);
  if (!(data instanceof type)) throw new Error(`Expected ${type.name} in ${path} but it holds ${descr}`);
  const count = shape.reduce((product, size) => product * size, 1);
  if (data.length !== count) throw new Error(`Expected ${count} values in ${path} but it holds ${data.length}`);
  return { shape, data };
}

function isKnown(descr: string): descr is keyof Reader {
  return Object.hasOwn(READERS, descr);
}
