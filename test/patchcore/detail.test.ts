import assert from "node:assert/strict";
import { test } from "node:test";
import { fitDetail } from "../../src/patchcore/detail.ts";
import { asMatrix } from "../../src/patchcore/matrix.ts";
import { readNpy } from "../support/npy.ts";

const RULE = { share: 0.5, exponent: 0.5, shrinkage: 0.05 };

/** One channel: neighbourhoods of nine cells each. */
function cellsOf(...patches: readonly (readonly number[])[]) {
  return asMatrix(Float32Array.from(patches.flat()), patches.length, 9);
}

/** Kernels are defined up to their sign. */
function assertKernel(actual: Float32Array, expected: readonly number[]): void {
  const sign = Math.sign(actual[4]!) || 1;
  assert.equal(actual.length, expected.length);
  expected.forEach((value, i) => assert.ok(Math.abs(sign * actual[i]! - value) < 1e-6, `${i}: ${actual[i]}`));
}

test("cells that all move together leave the mean as it is", () => {
  // Σ is all ones, so the only pattern is the mean's own direction; scaled to the mean's variance it is the mean.
  const kernel = fitDetail(cellsOf(Array<number>(9).fill(4), Array<number>(9).fill(2)), RULE);
  assertKernel(kernel, Array<number>(9).fill(1 / 9));
});

test("a pattern of the middle cell alone, worked by hand", () => {
  // Σ is 1 for the middle cell and 0 for all others. The mean sees 1/9 of it, variance 1/81; so does the pattern, once
  // scaled: e/9. Both follow the same cell: U = (√(1 − share), √share), K = (1 − share) · mean + share · e/9.
  const middle = (value: number): number[] => [5, 5, 5, 5, value, 5, 5, 5, 5];
  const kernel = fitDetail(cellsOf(middle(6), middle(4)), RULE);
  assertKernel(
    kernel,
    [0, 1, 2, 3, 4, 5, 6, 7, 8].map((cell) => (cell === 4 ? 1 / 18 + 1 / 18 : 1 / 18)),
  );
});

test("the share decides how much of the pattern there is", () => {
  const middle = (value: number): number[] => [5, 5, 5, 5, value, 5, 5, 5, 5];
  const kernel = fitDetail(cellsOf(middle(6), middle(4)), { ...RULE, share: 1 });
  assertKernel(kernel, [0, 0, 0, 0, 1 / 9, 0, 0, 0, 0]);
});

test("a pattern that the mean cannot see is kept as it is", () => {
  // Right against left: the mean is constant, so there is no variance to scale the pattern to.
  const sides = (value: number): number[] => [
    5 - value,
    5,
    5 + value,
    5 - value,
    5,
    5 + value,
    5 - value,
    5,
    5 + value,
  ];
  for (const share of [0.5, 1]) {
    const kernel = fitDetail(cellsOf(sides(1), sides(-1)), { ...RULE, share });
    const [left, middle, right] = [kernel[0]!, kernel[1]!, kernel[2]!];
    assert.ok(Math.abs(left + right) < 1e-6 && Math.abs(middle) < 1e-6 && Math.abs(left) > 0.1, `${left}, ${right}`);
  }
});

test("kernels give the distances that numpy computed", () => {
  const cells = readNpy("detail_cells.npy", Float32Array);
  const expected = readNpy("detail_gram.npy", Float64Array).data;
  const kernels = fitDetail(asMatrix(cells.data, 400, 36), { share: 0.4, exponent: 0.5, shrinkage: 0.1 });
  assert.equal(kernels.length, 4 * 36);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (let i = 0; i < 36; i++) {
    for (let j = 0; j < 36; j++) {
      const gram = [0, 1, 2, 3].reduce((sum, k) => sum + kernels[k * 36 + i]! * kernels[k * 36 + j]!, 0);
      assert.ok(Math.abs(gram - expected[i * 36 + j]!) <= 1e-5 * largest, `${i}, ${j}: ${gram}`);
    }
  }
});

test("cells that do not vary at all give the means", () => {
  const flat = asMatrix(new Float32Array(2 * 18).fill(3), 2, 18);
  const expected = [0, 1].flatMap((c) => Array.from({ length: 18 }, (_, i) => (Math.floor(i / 9) === c ? 1 / 9 : 0)));
  assert.deepEqual(fitDetail(flat, RULE), Float32Array.from(expected));
});

test("one patch, a value that is no number, broken cells and a rule out of range are refused", () => {
  const two = cellsOf(Array<number>(9).fill(1), Array<number>(9).fill(2));
  assert.throws(() => fitDetail(cellsOf(Array<number>(9).fill(1)), RULE), { code: "detail-too-few-patches" });
  assert.throws(() => fitDetail(asMatrix(new Float32Array(18).fill(NaN), 2, 9), RULE), {
    code: "embeddings-not-finite",
  });
  assert.throws(() => fitDetail(asMatrix(new Float32Array(16), 2, 8), RULE), { code: "detail-rule" });
  assert.throws(() => fitDetail(two, { ...RULE, share: 0 }), { code: "detail-rule" });
  assert.throws(() => fitDetail(two, { ...RULE, exponent: 1.5 }), { code: "detail-rule" });
  assert.throws(() => fitDetail(two, { ...RULE, exponent: 0 }), { code: "detail-rule" });
  assert.throws(() => fitDetail(two, { ...RULE, shrinkage: 0 }), { code: "detail-rule" });
});
