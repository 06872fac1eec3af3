import assert from "node:assert/strict";
import { test } from "node:test";
import { ApproximationCost } from "../../src/evaluation/approximation.ts";
import { contourPath } from "../../src/evaluation/contour.ts";
import {
  defectMetrics,
  errorRates,
  imageMetrics,
  latencyOf,
  thresholdBelow,
} from "../../src/evaluation/image-metrics.ts";

const images = [
  { score: 1, defect: null },
  { score: 2, defect: null },
  { score: 4, defect: null },
  { score: 3, defect: "dent" },
  { score: 5, defect: "dent" },
  { score: 1.5, defect: "stain" },
];

test("each kind of defect is measured against all nominal images", () => {
  const [dent, stain] = defectMetrics(images, 2);
  // Dents at 3 and 5 against 1, 2, 4: 2 + 3 of 6 pairs. The stain at 1.5 is above one of three.
  assert.equal(dent?.imageAuroc, 5 / 6);
  assert.equal(stain?.imageAuroc, 1 / 3);
  assert.deepEqual([dent?.miss.hits, dent?.miss.of, stain?.miss.hits, stain?.miss.of], [0, 2, 1, 1]);
  assert.equal(dent?.medianRelativeScore, 4 / 2);
});

test("misses and false rejects are those of a station: a score at the threshold passes", () => {
  const { miss, falseReject } = errorRates(images, 2);
  assert.deepEqual([miss.hits, miss.of, miss.rate], [1, 3, 1 / 3]);
  assert.deepEqual([falseReject.hits, falseReject.of], [1, 3]);
  assert.ok(miss.low < 1 / 3 && miss.high > 1 / 3);
  assert.deepEqual(errorRates([{ score: 1, defect: null }], 2).miss, { hits: 0, of: 0, rate: null, low: 0, high: 1 });
});

test("the F1-best score becomes a threshold that rejects it and not the next lower one", () => {
  const { f1Max } = imageMetrics(images);
  // From the top: 5 hit, 4 miss, 3 hit, 2 miss, 1.5 hit: at 1.5 F1 is 2 · 3 / (5 + 3) = 0.75, at 3 4 / 6, at 5 2 / 4.
  assert.deepEqual(f1Max, { f1: 0.75, threshold: 1.5 });
  const threshold = thresholdBelow(images, 1.5);
  assert.equal(threshold, 1.25);
  assert.deepEqual([errorRates(images, threshold).miss.hits, errorRates(images, threshold).falseReject.hits], [0, 2]);
  assert.ok(thresholdBelow([{ score: 3, defect: "dent" }], 3) < 3);
});

test("where a class is missing there is no AUROC, precision or F1", () => {
  const none = { imageAuroc: null, averagePrecision: null, f1Max: null };
  assert.deepEqual(imageMetrics([{ score: 1, defect: null }]), none);
  assert.deepEqual(imageMetrics([{ score: 1, defect: "dent" }]), none);
});

test("quantiles of latencies interpolate", () => {
  assert.deepEqual(latencyOf([4, 1, 2, 3]), { median: 2.5, p90: 3.7, p99: 3.9699999999999998, largest: 4 });
});

test("the cost of a search counts score errors, flips and patches against exact float32", () => {
  const cost = new ApproximationCost(2);
  assert.equal(cost.result(), null);
  const searched = (score: number, patchScores: readonly number[], verified = 1) => ({
    score,
    patchScores: Float32Array.from(patchScores),
    searchMs: score,
    verified,
  });
  const exact = searched(1.9, [1.9, 1]);
  cost.add(null, { float32: exact, exact, hnsw: searched(2.1, [2.1, 1], 3) });
  const dent = searched(4, [4, 3]);
  cost.add("dent", { float32: dent, exact: dent, hnsw: searched(2.05, [2.05, 2]) });
  const [float32, int8, hnsw] = cost.result()?.searches ?? [];
  assert.deepEqual([float32?.imageAuroc, float32?.largestScoreError, float32?.patchesEqual], [1, 0, 1]);
  assert.deepEqual([int8?.verdictFlips, int8?.patchesEqual], [0, 1]);
  // 2.1 of the nominal frame flips its verdict and outranks the dent's 2.05; one of four patches is right.
  assert.deepEqual([hnsw?.imageAuroc, hnsw?.verdictFlips, hnsw?.patchesEqual], [0, 1, 1 / 4]);
  assert.equal(hnsw?.largestScoreError, (4 - 2.05) / 4);
  assert.equal(hnsw?.verifiedPatches.median, 2);
});

test("a contour runs along the pixels' edges, and not along the picture's border", () => {
  // The middle pixel of 3 × 3: its four sides.
  const middle = Uint8Array.from("000010000", Number);
  assert.equal(contourPath(middle, 3, 3), "M1 1H2M1 2H2M1 1V2M2 1V2");
  // The left column touches the border on three sides: its right side is all that is left, in one stretch.
  assert.equal(contourPath(Uint8Array.from("100100", Number), 3, 2), "M1 0V2");
  assert.equal(contourPath(new Uint8Array(6), 3, 2), "");
});
