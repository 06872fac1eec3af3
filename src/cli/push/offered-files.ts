import { createHash } from "node:crypto";
import { open, stat } from "node:fs/promises";
import type { BackboneFiles } from "../../backbone/manifest.ts";
import {
  BLOCK_BYTES,
  blockCount,
  MOST_BLOCKS,
  transferName,
  type BankOffer,
  type OfferedFile,
  type ShadowTerms,
} from "../../bank/offer.ts";
import { InputError } from "../../shared/errors.ts";

/** Bytes that a station may ask for, by the name of their transfer. */
export type Source = { readonly path: string; readonly bytes: number } | { readonly content: Uint8Array };

export interface OfferedFiles {
  readonly files: readonly OfferedFile[];
  readonly sources: ReadonlyMap<string, Source>;
}

/**
 * Takes the digests of everything that may have to travel.
 *
 * @param backbone null: the station has to have it
 * @param url where the station finds the bank's file; null: it asks here for its blocks
 * @throws InputError "offer-size"; the system's error
 */
export async function offeredFiles(
  bank: string,
  backbone: BackboneFiles | null,
  url: string | null = null,
): Promise<OfferedFiles> {
  const files: OfferedFile[] = [];
  const sources = new Map<string, Source>();
  const add = async (kind: OfferedFile["kind"], path: string): Promise<void> => {
    const { bytes, sha256, table } = await digestBlocks(path);
    const tableSha256 = createHash("sha256").update(table).digest("hex");
    files.push({ kind, bytes, sha256, tableSha256, url: kind === "bank" ? url : null });
    sources.set(transferName(sha256), { path, bytes });
    sources.set(transferName(tableSha256), { content: table });
  };
  if (backbone !== null) {
    await add("backbone-manifest", backbone.manifestPath);
    await add("backbone-model", backbone.modelPath);
  }
  await add("bank", bank);
  return { files, sources };
}

export function offerOf(
  bankId: string,
  backboneSha256: string,
  files: readonly OfferedFile[],
  shadow: ShadowTerms | null = null,
): BankOffer {
  return { action: "offer", bankId, backboneSha256, blockBytes: BLOCK_BYTES, files, shadow };
}

async function digestBlocks(path: string): Promise<{ bytes: number; sha256: string; table: Uint8Array }> {
  const { size } = await stat(path);
  const blocks = blockCount(size, BLOCK_BYTES);
  if (blocks < 1 || blocks > MOST_BLOCKS) {
    const most = MOST_BLOCKS * BLOCK_BYTES;
    throw new InputError("offer-size", `Expected 1 to ${most} bytes in ${path} but there are ${size}`);
  }
  const file = await open(path, "r");
  try {
    const whole = createHash("sha256");
    const digests: Buffer[] = [];
    const block = Buffer.alloc(BLOCK_BYTES);
    for (let at = 0; at < size; at += BLOCK_BYTES) {
      const { bytesRead } = await file.read(block, 0, Math.min(BLOCK_BYTES, size - at), at);
      const content = block.subarray(0, bytesRead);
      whole.update(content);
      digests.push(createHash("sha256").update(content).digest());
    }
    return { bytes: size, sha256: whole.digest("hex"), table: Buffer.concat(digests) };
  } finally {
    await file.close();
  }
}

/** @returns the bytes; null when the source has none there */
export async function readSource(source: Source, offset: number, count: number): Promise<Uint8Array | null> {
  if ("content" in source) return offset === 0 ? source.content.subarray(0, count) : null;
  if (offset + count > source.bytes) return null;
  const file = await open(source.path, "r");
  try {
    const content = Buffer.alloc(count);
    const { bytesRead } = await file.read(content, 0, count, offset);
    return bytesRead === count ? content : null;
  } finally {
    await file.close();
  }
}
