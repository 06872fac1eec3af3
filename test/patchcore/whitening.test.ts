import assert from "node:assert/strict";
import { test } from "node:test";
import { asMatrix } from "../../src/patchcore/matrix.ts";
import { seededRandom } from "../../src/patchcore/random.ts";
import { fitWhitening } from "../../src/patchcore/whitening.ts";

/** Variances 4 and 1 in two directions that do not touch: (±2, 0) and (0, ±1), two rows each, around a mean of 10. */
const CROSS = asMatrix(
  Float32Array.of(10 + Math.SQRT2 * 2, 10, 10 - Math.SQRT2 * 2, 10, 10, 10 + Math.SQRT2, 10, 10 - Math.SQRT2),
  4,
  2,
);

function near(actual: Float32Array, expected: readonly number[]): void {
  assert.equal(actual.length, expected.length);
  expected.forEach((value, i) =>
    assert.ok(Math.abs(actual[i]! - value) < 1e-6, `${i}: ${actual[i]}, expected ${value}`),
  );
}

test("a half-whitened cross, worked by hand", () => {
  // Σ = diag(4, 1), ρ = 1/2: shrunk 3.25 and 1.75, to the power −1/4 0.744785 and 0.869442. Variances become
  // 4 · 0.554701 + 1 · 0.755929 = 2.974731, so c = √(5 / 2.974731) = 1.296467.
  const scales = [3.25, 1.75].map((value) => value ** -0.25);
  const c = Math.sqrt(5 / (4 * scales[0]! ** 2 + scales[1]! ** 2));
  assert.ok(Math.abs(c - 1.296467) < 1e-6);
  near(fitWhitening(CROSS, { exponent: 0.5, shrinkage: 0.5 }), [c * scales[0]!, 0, 0, c * scales[1]!]);
});

test("with exponent 1 and hardly any shrinkage all directions vary equally, and the total variance stays", () => {
  const random = seededRandom(3);
  const rows = 2_000;
  const data = new Float32Array(rows * 3);
  for (let i = 0; i < rows; i++) {
    const [a, b, c] = [random.gaussian() * 5, random.gaussian(), random.gaussian() * 0.2];
    data.set([a + b, a - b + c, c - 0.5 * a], i * 3);
  }
  const matrix = fitWhitening(asMatrix(data, rows, 3), { exponent: 1, shrinkage: 1e-9 });
  const moved = Float32Array.from({ length: rows * 3 }, (_, at) => {
    const row = Math.floor(at / 3) * 3;
    return [0, 1, 2].reduce((sum, d) => sum + data[row + d]! * matrix[d * 3 + (at % 3)]!, 0);
  });
  const total = trace(covarianceOf(data, rows));
  const whitened = covarianceOf(moved, rows);
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3; j++) {
      const expected = i === j ? total / 3 : 0;
      assert.ok(Math.abs(whitened[i]![j]! - expected) < 1e-4 * total, `${i}, ${j}: ${whitened[i]![j]}`);
    }
  }
});

test("full shrinkage changes nothing: every direction gets the mean variance", () => {
  near(fitWhitening(CROSS, { exponent: 0.5, shrinkage: 1 }), [1, 0, 0, 1]);
});

test("a dimension without variance stays finite", () => {
  const matrix = fitWhitening(asMatrix(Float32Array.of(1, 7, -1, 7), 2, 2), { exponent: 1, shrinkage: 0.1 });
  // λ = 1, 0 and mean 1/2: shrunk 0.95 and 0.05; c · 0.95^(−1/2) = 1 keeps the total variance of 1.
  near(matrix, [1, 0, 0, Math.sqrt(0.95 / 0.05)]);
});

test("patches that do not vary at all are left as they are", () => {
  assert.deepEqual(
    [...fitWhitening(asMatrix(Float32Array.of(3, 4, 3, 4), 2, 2), { exponent: 0.5, shrinkage: 0.1 })],
    [1, 0, 0, 1],
  );
});

test("one patch, a value that is no number and a rule out of range are refused", () => {
  const rule = { exponent: 0.5, shrinkage: 0.1 };
  assert.throws(() => fitWhitening(asMatrix(Float32Array.of(1, 2), 1, 2), rule), { code: "whitening-too-few-patches" });
  assert.throws(() => fitWhitening(asMatrix(Float32Array.of(1, NaN), 2, 1), rule), { code: "embeddings-not-finite" });
  assert.throws(() => fitWhitening(CROSS, { exponent: 0, shrinkage: 0.1 }), { code: "whitening-rule" });
  assert.throws(() => fitWhitening(CROSS, { exponent: 0.5, shrinkage: 0 }), { code: "whitening-rule" });
});

function covarianceOf(data: Float32Array, rows: number): number[][] {
  const mean = [0, 1, 2].map((d) => {
    let sum = 0;
    for (let i = 0; i < rows; i++) sum += data[i * 3 + d]!;
    return sum / rows;
  });
  return [0, 1, 2].map((i) =>
    [0, 1, 2].map((j) => {
      let sum = 0;
      for (let row = 0; row < rows; row++) sum += (data[row * 3 + i]! - mean[i]!) * (data[row * 3 + j]! - mean[j]!);
      return sum / rows;
    }),
  );
}

function trace(matrix: readonly (readonly number[])[]): number {
  return matrix.reduce((sum, row, i) => sum + row[i]!, 0);
}
