import assert from "node:assert/strict";
import { test } from "node:test";
import { asMatrix } from "../../src/patchcore/matrix.ts";
import { fitQuantiser, quantise } from "../../src/patchcore/quantiser.ts";
import { BugError, InputError } from "../../src/shared/errors.ts";

test("levels are rounded half up and clipped to ±127", () => {
  const quantiser = { mean: Float32Array.of(1), scale: 2 };
  const rows = Float32Array.of(1, 1.25, 0.75, 1.2, 1000, -1000, Infinity, -Infinity, NaN);
  // 2 · 0.25 = 0.5 → 1; 2 · −0.25 = −0.5 → 0 (floor(−0.5 + 0.5)); 0.4 → 0.
  assert.deepEqual([...quantise(quantiser, rows, 9)], [0, 1, 0, 0, 127, -127, 127, -127, 0]);
});

test("one huge outlier among many values takes no levels from the others", () => {
  const values = new Float32Array(20_001).map((_, i) => (i % 2 === 0 ? 1 : -1));
  values[0] = 1e9;
  // The mean is about 50,000 for a single dimension, so the outlier is put into a dimension of its own.
  const rows = new Float32Array(2 * 20_001);
  for (let i = 0; i < 20_001; i++) rows[2 * i + 1] = values[i]!;
  rows[1] = 1;
  rows[0] = 1e3;
  const { scale } = fitQuantiser(asMatrix(rows, 20_001, 2));
  assert.ok(scale > 100, `scale ${scale}`);
});

test("a bank of one row, of equal rows and of constant dimensions has a usable scale", () => {
  assert.equal(fitQuantiser(asMatrix(Float32Array.of(3, 4), 1, 2)).scale, 1);
  assert.equal(fitQuantiser(asMatrix(Float32Array.of(0.1, 0.1, 0.1), 3, 1)).scale, 1);
  // Dimension 0 is constant, dimension 1 is ±2 around its mean: p99.99 is 2.
  assert.equal(fitQuantiser(asMatrix(Float32Array.of(9, 1, 9, 5), 2, 2)).scale, 127 / 2);
});

test("when the percentile is 0 the largest deviation stands in", () => {
  // One value of 30,000 differs: below 0.01 %, so p99.99 of the deviations around a mean of float32 0 is 0.
  const values = new Float32Array(30_000);
  values[17] = 1e-42;
  const { mean, scale } = fitQuantiser(asMatrix(values, 30_000, 1));
  assert.equal(mean[0], 0);
  assert.equal(scale, 127 / values[17]);
});

test("an empty bank and one that holds NaN are refused", () => {
  assert.throws(() => fitQuantiser(asMatrix(new Float32Array(0), 0, 3)), InputError);
  assert.throws(() => fitQuantiser(asMatrix(Float32Array.of(1, NaN), 2, 1)), InputError);
});

test("rows or room of the wrong length are refused", () => {
  const quantiser = { mean: new Float32Array(3), scale: 1 };
  assert.throws(() => quantise(quantiser, new Float32Array(5), 2), BugError);
  assert.throws(() => quantise(quantiser, new Float32Array(6), 2, new Int8Array(5)), BugError);
});
