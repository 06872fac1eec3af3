import { presetParameters } from "../../src/bank/parameters.ts";
import type { BankDraft } from "../../src/bank/bundle-write.ts";

/** A bank of three rows in two dimensions, from two nominal images of 2 × 2 patches. */
export function sampleDraft(
  options: { readonly hnsw?: boolean; readonly createdAt?: string; readonly detail?: boolean } = {},
): BankDraft {
  const hnsw = options.hnsw ?? false;
  const detail = options.detail ?? false;
  return {
    manifest: {
      name: "washer",
      createdAt: options.createdAt ?? "2025-01-31T12:00:00.000Z",
      createdBy: "nominald test",
      parameters: presetParameters("edge", { detail: detail ? { share: 0.5, exponent: 0.5, shrinkage: 0.05 } : null }),
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
        mode: "masked",
        folds: 2,
        bias: { images: 1, medianRatio: 1.02 },
        scores: [1.5, 2.25],
        mapMaxima: [1.25, 2],
        threshold: 2.5,
        thresholdInterval: { low: 2.25, high: null },
        maskThreshold: 2,
        maskThresholdInterval: { low: 1.25, high: 2 },
      },
      validity: { minBrightness: 20, maxSaturated: 0.25, minSharpness: 0.01, part: null },
      golden: null,
      indexReports: { exact: { recallAt1: 1, largestScoreError: 0.01, verdictFlips: 0, frames: 2 }, hnsw: null },
    },
    rows: Float32Array.of(1, 2, 3, 4, 5, 6),
    quantised: Int8Array.of(-127, -50, 0, 1, 50, 127),
    mean: Float32Array.of(3, 4),
    detail: detail ? new Float32Array(9).fill(1 / 9) : null,
    rowImage: Int32Array.of(0, 1, 1),
    hnsw: hnsw ? Uint8Array.of(9, 8, 7) : null,
    golden: null,
  };
}
