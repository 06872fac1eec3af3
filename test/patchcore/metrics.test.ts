import assert from "node:assert/strict";
import { test } from "node:test";
import {
  auroc,
  averagePrecision,
  confusionAt,
  f1Max,
  intersectionOverUnion,
  wilsonInterval,
} from "../../src/patchcore/metrics.ts";
import { percentile } from "../../src/patchcore/percentile.ts";
import { BugError } from "../../src/shared/errors.ts";

test("AUROC counts pairs in the right order, ties half", () => {
  // Anomalous 3 and 2 against nominal 2 and 1: 3 beats both, 2 beats 1 and ties with 2: 3.5 of 4.
  assert.equal(auroc([3, 2, 2, 1], [1, 1, 0, 0]), 3.5 / 4);
  assert.equal(auroc([1, 1, 1], [true, false, false]), 0.5);
  assert.ok(Number.isNaN(auroc([1, 2], [1, 1])));
});

test("average precision adds precision times gained recall", () => {
  // From the top: hit (1 / 1), miss, hit (2 / 3); each hit gains half the recall.
  assert.ok(Math.abs(averagePrecision([3, 2, 1], [1, 0, 1]) - (1 / 2 + 1 / 3)) < 1e-15);
});

test("the F1-best threshold is a score, the lowest of equals", () => {
  // At 3: 2·1 / (1 + 2); at 1: 2·2 / (3 + 2) = 0.8.
  assert.deepEqual(f1Max([3, 2, 1, 0], [1, 0, 1, 0]), { f1: 0.8, threshold: 1 });
  assert.deepEqual(f1Max([1, 2], [0, 0]), { f1: 0, threshold: Infinity });
});

test("a score at the threshold passes, one above it is rejected", () => {
  assert.deepEqual(confusionAt([2, 1, 2, 1, 3], [1, 1, 0, 0, 1], 1), {
    truePositives: 2,
    falseNegatives: 1,
    falsePositives: 1,
    trueNegatives: 1,
  });
});

test("IoU counts set pixels, whatever their value", () => {
  assert.equal(intersectionOverUnion([255, 255, 0, 0], [1, 0, 1, 0]), 1 / 3);
  assert.equal(intersectionOverUnion([0, 0], [0, 0]), 1);
  assert.throws(() => intersectionOverUnion([0], [0, 0]), BugError);
});

test("the Wilson interval is honest at none of n and all of n", () => {
  // At 0 of n the upper end is z² / (n + z²): 3.8415 / 13.8415 for n = 10.
  const none = wilsonInterval(0, 10);
  assert.equal(none.low, 0);
  assert.ok(Math.abs(none.high - 3.841458820694124 / 13.841458820694124) < 1e-12);
  assert.equal(wilsonInterval(10, 10).high, 1);
  assert.deepEqual(wilsonInterval(0, 0), { low: 0, high: 1 });
  assert.throws(() => wilsonInterval(3, 2), BugError);
});

test("percentiles interpolate between neighbours", () => {
  // Place 0.25 · 3 = 0.75 in 1, 2, 4, 8.
  assert.equal(percentile([8, 1, 4, 2], 25), 1.75);
  assert.equal(percentile([8, 1], 100), 8);
  assert.throws(() => percentile([], 50), BugError);
  assert.throws(() => percentile([1], 101), BugError);
});

test("metrics refuse scores that are not numbers and labels of another length", () => {
  assert.throws(() => auroc([1, NaN], [0, 1]), BugError);
  assert.throws(() => auroc([1, 2], [0]), BugError);
});
