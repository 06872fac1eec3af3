import { presetParameters } from "../../src/bank/parameters.ts";
import type { BankDraft } from "../../src/bank/bundle-write.ts";

/** A bank of three rows in two dimensions, from two nominal images of 2 × 2 patches. */
export function sampleDraft(options: { readonly hnsw?: boolean; readonly createdAt?: string } = {}): BankDraft {
  const hnsw = options.hnsw ?? false;
  return {
    manifest: {
      name: "washer",
      createdAt: options.createdAt ?? "2025-01-31T12:00:00.000Z",
      createdBy: "nominald test",
      parameters: presetParameters("edge"),
      backbone: { name: "efficientnet-lite0", sha256: "ab".repeat(32) },
      grid: { rows: 2, cols: 2 },
      rows: 3,
      dims: 2,
      nominal: { images: 2, patches: 8, sha256: "cd".repeat(32) },
      quantiser: { scale: 12.5 },
      index: {
        kind: hnsw ? "hnsw" : "exact",
        hnsw: hnsw ? { connectivity: 16, expansionAdd: 128, expansionSearch: 64 } : null,
      },
      calibration: {
        method: "conformal",
        falseRejectRate: 0.1,
        folds: 2,
        scores: [1.5, 2.25],
        threshold: 2.5,
        maskThreshold: 2,
      },
      validity: { minBrightness: 20, maxSaturated: 0.25, minSharpness: 0.01, part: null },
      golden: null,
      indexReports: { exact: { recallAt1: 1, largestScoreError: 0.01, verdictFlips: 0, frames: 2 }, hnsw: null },
    },
    rows: Float32Array.of(1, 2, 3, 4, 5, 6),
    quantised: Int8Array.of(-127, -50, 0, 1, 50, 127),
    mean: Float32Array.of(3, 4),
    rowImage: Int32Array.of(0, 1, 1),
    hnsw: hnsw ? Uint8Array.of(9, 8, 7) : null,
    golden: null,
  };
}
