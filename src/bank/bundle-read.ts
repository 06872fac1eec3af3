import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { InputError, reasonOf } from "../shared/errors.ts";
import type { BankManifest } from "./manifest.ts";
import { bankIdOf } from "./bank-id.ts";
import * as entries from "./entries.ts";
import { parseManifest } from "./parse-manifest.ts";
import { damaged, TarReader } from "./tar-reader.ts";

/** A bank in memory; every array has passed its digest. */
export interface Bank extends BankHead {
  /** Memory bank [rows, dims], row by row. */
  readonly rows: Float32Array;
  /** The same, quantised: round(scale · (x − mean)), clipped to ±127. */
  readonly quantised: Int8Array;
  /** Mean of the rows [dims]. */
  readonly mean: Float32Array;
  /** Kernels of the detail, as `fitDetail` gives them; null when the bank has none. */
  readonly detail: Float32Array | null;
  /** For each row the index of the nominal image that it came from. */
  readonly rowImage: Int32Array;
  /** The saved usearch graph over `quantised`; null when the bank has none. */
  readonly hnsw: Uint8Array | null;
  /** Golden frames [frames, height, width, 3]; null when the bank has none. */
  readonly golden: Uint8Array | null;
}

/** What the first two entries of a bank tell. */
export interface BankHead {
  readonly manifest: BankManifest;
  /** `<name>-<8 hex digits of the manifest's digest>`, at most 32 characters. */
  readonly bankId: string;
  /** Size of the file. */
  readonly fileBytes: number;
}

/**
 * Reads a whole bank. Sizes are checked before anything is allocated and digests before anything is parsed, because a
 * damaged graph file can end the process that loads it.
 *
 * @throws InputError "bank-missing", "bank-unreadable", "bank-format", "bank-version", "bank-manifest", "bank-damaged"
 */
export async function readBank(path: string): Promise<Bank> {
  return withTar(path, async (tar, fileBytes) => {
    const head = await readHead(tar, path, fileBytes);
    const arrays = new Map<string, ArrayBuffer>();
    for (const { name } of entries.arrayEntries(head.manifest)) {
      arrays.set(name, await readArray(tar, path, name, head.manifest));
    }
    await tar.end();
    const array = (name: string): ArrayBuffer => arrays.get(name) ?? new ArrayBuffer(0);
    const hnsw = arrays.get(entries.HNSW_ENTRY);
    const detail = arrays.get(entries.DETAIL_ENTRY);
    const golden = arrays.get(entries.GOLDEN_ENTRY);
    const bank: Bank = {
      ...head,
      rows: new Float32Array(array(entries.ROWS_ENTRY)),
      quantised: new Int8Array(array(entries.QUANTISED_ENTRY)),
      mean: new Float32Array(array(entries.MEAN_ENTRY)),
      detail: detail === undefined ? null : new Float32Array(detail),
      rowImage: new Int32Array(array(entries.ROW_IMAGE_ENTRY)),
      hnsw: hnsw === undefined ? null : new Uint8Array(hnsw),
      golden: golden === undefined ? null : new Uint8Array(golden),
    };
    checkValues(bank, path);
    return bank;
  });
}

/**
 * Reads only the manifest, for lists and questions. The arrays are not looked at, so a bank that this accepts may
 * still be damaged further on.
 */
export async function readBankManifest(path: string): Promise<BankHead> {
  return withTar(path, (tar, fileBytes) => readHead(tar, path, fileBytes));
}

async function withTar<T>(path: string, use: (tar: TarReader, fileBytes: number) => Promise<T>): Promise<T> {
  const file = await open(path, "r").catch((cause: unknown) => {
    if (codeOf(cause) === "ENOENT") {
      throw new InputError("bank-missing", `Expected a bank at ${path} but there is no such file`, { cause });
    }
    throw unreadable(path, cause);
  });
  try {
    const { size } = await file.stat();
    return await use(new TarReader(file, path, size), size);
  } catch (cause) {
    // Errors of the file system (a folder in the bank's place, a failing disk) carry a code and a system call.
    if (cause instanceof Error && "syscall" in cause) throw unreadable(path, cause);
    throw cause;
  } finally {
    await file.close();
  }
}

function unreadable(path: string, cause: unknown): InputError {
  return new InputError("bank-unreadable", `Expected a readable bank at ${path} but received: ${reasonOf(cause)}`, {
    cause,
  });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

async function readHead(tar: TarReader, path: string, fileBytes: number): Promise<BankHead> {
  const json = await tar.entry(entries.MANIFEST_ENTRY, { least: 2, most: entries.LARGEST_MANIFEST_BYTES });
  const line = await tar.entry(entries.DIGEST_ENTRY, { least: entries.DIGEST_BYTES, most: entries.DIGEST_BYTES });
  const digest = sha256(json);
  const expected = Buffer.from(line).toString("latin1");
  if (expected !== entries.digestLine(digest)) {
    throw damaged(path, entries.MANIFEST_ENTRY, `SHA-256 ${expected.slice(0, 64)}`, digest);
  }
  const manifest = parseManifest(Buffer.from(json).toString("utf8"), path);
  return { manifest, bankId: bankIdOf(manifest.name, digest), fileBytes };
}

async function readArray(tar: TarReader, path: string, name: string, manifest: BankManifest): Promise<ArrayBuffer> {
  const file = manifest.files[name];
  if (file === undefined) throw damaged(path, entries.MANIFEST_ENTRY, `size and digest of ${name}`, "nothing");
  const content = await tar.entry(name, { least: file.bytes, most: file.bytes });
  const digest = sha256(content);
  if (digest !== file.sha256) throw damaged(path, name, `SHA-256 ${file.sha256}`, digest);
  return content;
}

/** One value that is not a number would make every distance to its row NaN, and a NaN is never above a threshold. */
function checkValues(bank: Bank, path: string): void {
  const isFinite = (values: Float32Array): boolean => values.every((value) => Number.isFinite(value));
  if (!isFinite(bank.rows)) throw damaged(path, entries.ROWS_ENTRY, "finite numbers", "others");
  if (!isFinite(bank.mean)) throw damaged(path, entries.MEAN_ENTRY, "finite numbers", "others");
  if (bank.detail !== null && !isFinite(bank.detail)) {
    throw damaged(path, entries.DETAIL_ENTRY, "finite numbers", "others");
  }
  const images = bank.manifest.nominal.images;
  if (!bank.rowImage.every((image) => image >= 0 && image < images)) {
    throw damaged(path, entries.ROW_IMAGE_ENTRY, `indexes of the ${images} nominal images`, "others");
  }
}

function sha256(content: ArrayBuffer): string {
  return createHash("sha256").update(new Uint8Array(content)).digest("hex");
}
