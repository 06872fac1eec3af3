import { createHash, randomBytes } from "node:crypto";
import { open, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { pack } from "tar-stream";
import { BugError, DeviceError, reasonOf } from "../shared/errors.ts";
import { bankIdOf, checkBankName } from "./bank-id.ts";
import * as entries from "./entries.ts";
import type { BankManifest } from "./manifest.ts";
import { parseManifest } from "./parse-manifest.ts";

/** Everything that goes into a bank, except what follows from the rest. */
export interface BankDraft {
  readonly manifest: Omit<BankManifest, "format" | "formatVersion" | "files">;
  /** Memory bank [rows, dims]. */
  readonly rows: Float32Array;
  /** [rows, dims] */
  readonly quantised: Int8Array;
  /** [dims] */
  readonly mean: Float32Array;
  /** Kernels [channels, channels · 9], as `fitDetail` gives them; present exactly when `manifest.parameters.detail` is not null. */
  readonly detail: Float32Array | null;
  /** [rows] index of the nominal image. */
  readonly rowImage: Int32Array;
  /** Present exactly when `manifest.index.hnsw` is not null. */
  readonly hnsw: Uint8Array | null;
  /** Present exactly when `manifest.golden` is not null. */
  readonly golden: Uint8Array | null;
}

export interface WrittenBank {
  readonly bankId: string;
  readonly manifest: BankManifest;
  readonly fileBytes: number;
}

interface Entry {
  readonly name: string;
  readonly content: Uint8Array;
}

/**
 * Writes a bank to `path`, replacing what is there only when the new file is complete and on disk. The same draft gives
 * the same bytes, always: no header of the file carries a time, a user or a host.
 *
 * @param signal stops the writing; `path` is then as it was before
 * @throws DeviceError "bank-write", ConfigError "bank-name", BugError "bank-draft"; the signal's reason
 */
export async function writeBank(path: string, draft: BankDraft, signal?: AbortSignal): Promise<WrittenBank> {
  checkBankName(draft.manifest.name);
  const arrays = arraysOf(draft);
  const files = Object.fromEntries(
    arrays.map(({ name, content }) => [name, { bytes: content.length, sha256: sha256(content) }]),
  );
  const manifest: BankManifest = { format: "nominald-bank", formatVersion: 1, ...draft.manifest, files };
  const json = Buffer.from(`${JSON.stringify(manifest, null, 2)}\n`, "utf8");
  checkDraft(json, path);
  const digest = sha256(json);
  const all: Entry[] = [
    { name: entries.MANIFEST_ENTRY, content: json },
    { name: entries.DIGEST_ENTRY, content: Buffer.from(entries.digestLine(digest), "latin1") },
    ...arrays,
  ];
  const fileBytes = await replaceFile(path, all, signal);
  return { bankId: bankIdOf(manifest.name, digest), manifest, fileBytes };
}

function arraysOf(draft: BankDraft): Entry[] {
  const arrays: Entry[] = [
    { name: entries.ROWS_ENTRY, content: bytesOf(draft.rows) },
    { name: entries.QUANTISED_ENTRY, content: bytesOf(draft.quantised) },
    { name: entries.MEAN_ENTRY, content: bytesOf(draft.mean) },
    ...(draft.detail === null ? [] : [{ name: entries.DETAIL_ENTRY, content: bytesOf(draft.detail) }]),
    { name: entries.ROW_IMAGE_ENTRY, content: bytesOf(draft.rowImage) },
  ];
  if (draft.hnsw !== null) arrays.push({ name: entries.HNSW_ENTRY, content: bytesOf(draft.hnsw) });
  if (draft.golden !== null) arrays.push({ name: entries.GOLDEN_ENTRY, content: bytesOf(draft.golden) });
  return arrays;
}

/** The memory of an array as it is: every machine that nominald runs on is little-endian. tar-stream asks for Buffers. */
function bytesOf(array: Float32Array | Int32Array | Int8Array | Uint8Array): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}

/** A bank that its own reader would refuse must not reach the disk. */
function checkDraft(json: Buffer, path: string): void {
  if (json.length > entries.LARGEST_MANIFEST_BYTES) {
    throw new BugError(
      "bank-draft",
      `Expected a manifest of at most ${entries.LARGEST_MANIFEST_BYTES} bytes but made ${json.length}`,
    );
  }
  try {
    parseManifest(json.toString("utf8"), path);
  } catch (cause) {
    throw new BugError("bank-draft", `Expected to write a valid bank but made another: ${reasonOf(cause)}`, { cause });
  }
}

async function replaceFile(path: string, all: readonly Entry[], signal?: AbortSignal): Promise<number> {
  const partial = `${path}.${randomBytes(4).toString("hex")}.partial`;
  try {
    const fileBytes = await writeTar(partial, all, signal);
    signal?.throwIfAborted();
    await rename(partial, path);
    await syncFolder(dirname(path));
    return fileBytes;
  } catch (cause) {
    await unlink(partial).catch(() => undefined);
    signal?.throwIfAborted();
    throw new DeviceError("bank-write", `Expected to write the bank ${path} but received: ${reasonOf(cause)}`, {
      cause,
    });
  }
}

async function writeTar(path: string, all: readonly Entry[], signal?: AbortSignal): Promise<number> {
  const file = await open(path, "wx", 0o644);
  try {
    const tar = pack();
    for (const { name, content } of all) {
      tar.entry({ name, size: content.length, mode: 0o644, mtime: new Date(0), type: "file" }, bytesOf(content));
    }
    tar.finalize();
    for await (const piece of tar) {
      if (!(piece instanceof Uint8Array)) throw new BugError("bank-draft", "Expected bytes of a tar file");
      signal?.throwIfAborted();
      let written = 0;
      while (written < piece.length) written += (await file.write(piece, written)).bytesWritten;
    }
    await file.sync();
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

/** A rename lies in the folder, and is on disk only when the folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function sha256(content: Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
