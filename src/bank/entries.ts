import type { BankManifest } from "./manifest.ts";

/**
 * The entries of a bank, in the only order that is allowed:
 *
 *   manifest.json    everything about the bank, with size and SHA-256 of each array
 *   manifest.sha256  the manifest's own digest, in the format of sha256sum
 *   rows.f32         memory bank [rows, dims], little-endian float32
 *   rows.i8          the same quantised [rows, dims], int8
 *   mean.f32         mean of the rows [dims], float32
 *   detail.f32       kernels of the detail [channels, channels, 3, 3], float32; only when `parameters.detail` is not null
 *   row-image.i32    index of the nominal image that each row came from [rows], little-endian int32
 *   hnsw.usearch     HNSW graph over rows.i8; only when the manifest's `index.hnsw` is not null
 *   golden.rgb       golden frames [frames, height, width, 3], 8 bit; only when the manifest's `golden` is not null
 */
export const MANIFEST_ENTRY = "manifest.json";
export const DIGEST_ENTRY = "manifest.sha256";
export const ROWS_ENTRY = "rows.f32";
export const QUANTISED_ENTRY = "rows.i8";
export const MEAN_ENTRY = "mean.f32";
export const DETAIL_ENTRY = "detail.f32";
export const ROW_IMAGE_ENTRY = "row-image.i32";
export const HNSW_ENTRY = "hnsw.usearch";
export const GOLDEN_ENTRY = "golden.rgb";

/** Calibration scores of some 200,000 images fit; nothing larger is ever allocated for a manifest. */
export const LARGEST_MANIFEST_BYTES = 4 * 1024 * 1024;

/** `<64 hex>  manifest.json\n` */
export const DIGEST_BYTES = 64 + 2 + MANIFEST_ENTRY.length + 1;

/** An ArrayBuffer of Node 20 ends at 4 GiB; half of it leaves room and is hundreds of times the usual bank. */
export const LARGEST_ARRAY_BYTES = 2 * 1024 ** 3;

/** @returns names and sizes of the arrays that this manifest asks for, in order; `bytes` null: free, within the limit */
export function arrayEntries(
  manifest: Pick<BankManifest, "rows" | "dims" | "index" | "parameters" | "golden">,
): readonly { readonly name: string; readonly bytes: number | null }[] {
  const { rows, dims } = manifest;
  const entries: { name: string; bytes: number | null }[] = [
    { name: ROWS_ENTRY, bytes: rows * dims * 4 },
    { name: QUANTISED_ENTRY, bytes: rows * dims },
    { name: MEAN_ENTRY, bytes: dims * 4 },
    // The first layer's channels are the backbone's to say; the graph is only composed when the kernels fit it.
    ...(manifest.parameters.detail === null ? [] : [{ name: DETAIL_ENTRY, bytes: null }]),
    { name: ROW_IMAGE_ENTRY, bytes: rows * 4 },
  ];
  if (manifest.index.hnsw !== null) entries.push({ name: HNSW_ENTRY, bytes: null });
  if (manifest.golden !== null) {
    const { frames, height, width } = manifest.golden;
    entries.push({ name: GOLDEN_ENTRY, bytes: frames.length * height * width * 3 });
  }
  return entries;
}

/** The text of the entry `manifest.sha256`. */
export function digestLine(manifestSha256: string): string {
  return `${manifestSha256}  ${MANIFEST_ENTRY}\n`;
}
