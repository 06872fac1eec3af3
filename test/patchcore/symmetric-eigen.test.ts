import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { symmetricEigen } from "../../src/patchcore/symmetric-eigen.ts";
import { BugError } from "../../src/shared/errors.ts";

test("a 2 × 2 matrix worked by hand", () => {
  // [[2, 1], [1, 2]] has the eigenvalues 3 along (1, 1) / √2 and 1 along (1, −1) / √2.
  const { values, vectors } = symmetricEigen(Float64Array.of(2, 1, 1, 2), 2);
  const order = values[0]! > values[1]! ? [0, 1] : [1, 0];
  const [large, small] = order.map((i) => ({ value: values[i]!, x: vectors[2 * i]!, y: vectors[2 * i + 1]! }));
  assert.ok(large !== undefined && small !== undefined);
  assert.ok(Math.abs(large.value - 3) < 1e-15 && Math.abs(small.value - 1) < 1e-15, `${large.value}, ${small.value}`);
  assert.ok(Math.abs(large.x - large.y) < 1e-15 && Math.abs(small.x + small.y) < 1e-15);
});

test("a diagonal matrix is its own result, zeros included", () => {
  const { values, vectors } = symmetricEigen(Float64Array.of(5, 0, 0, 0, 0, 0, 0, 0, -2), 3);
  assert.deepEqual([...values], [5, 0, -2]);
  assert.deepEqual([...vectors], [1, 0, 0, 0, 1, 0, 0, 0, 1]);
});

test("vectors are orthonormal and give the matrix back, whatever the matrix", () => {
  // Below 1e-100 a product of two values would leave float64's normal range, where digits are lost.
  const value = fc.double({ min: -1e6, max: 1e6, noNaN: true }).map((one) => (Math.abs(one) < 1e-100 ? 0 : one));
  const matrices = fc.integer({ min: 1, max: 9 }).chain((dims) =>
    fc.array(value, { minLength: dims * dims, maxLength: dims * dims }).map((entries) => ({
      dims,
      matrix: Float64Array.from(entries, (_, at) => {
        const [i, j] = [Math.floor(at / dims), at % dims];
        return entries[Math.min(i, j) * dims + Math.max(i, j)]!;
      }),
    })),
  );
  fc.assert(
    fc.property(matrices, ({ dims, matrix }) => {
      const { values, vectors } = symmetricEigen(matrix, dims);
      const size = Math.sqrt(matrix.reduce((sum, entry) => sum + entry * entry, 0));
      for (let i = 0; i < dims; i++) {
        for (let j = 0; j < dims; j++) {
          let dot = 0;
          let rebuilt = 0;
          for (let k = 0; k < dims; k++) {
            dot += vectors[i * dims + k]! * vectors[j * dims + k]!;
            rebuilt += vectors[k * dims + i]! * values[k]! * vectors[k * dims + j]!;
          }
          assert.ok(Math.abs(dot - (i === j ? 1 : 0)) < 1e-13, `row ${i} · row ${j} = ${dot}`);
          assert.ok(Math.abs(rebuilt - matrix[i * dims + j]!) <= 1e-13 * size, `entry ${i}, ${j}: ${rebuilt}`);
        }
      }
    }),
    { seed: 20_260, numRuns: 300 },
  );
});

test("a matrix that is not finite or of another size is refused instead of turning for ever", () => {
  assert.throws(() => symmetricEigen(Float64Array.of(1, NaN, NaN, 1), 2), { code: "eigen-not-finite" });
  assert.throws(() => symmetricEigen(Float64Array.of(1, 2, 3), 2), BugError);
});
