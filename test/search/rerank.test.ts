import assert from "node:assert/strict";
import { test } from "node:test";
import { asMatrix } from "../../src/patchcore/matrix.ts";
import { rerank } from "../../src/search/rerank.ts";
import { BugError } from "../../src/shared/errors.ts";

function nearestOf(rows: Float32Array, dims: number, query: Float32Array, candidates: readonly number[]) {
  const into = { distances: new Float32Array(1), ids: new Int32Array(1) };
  rerank(asMatrix(rows, rows.length / dims, dims), query, Int32Array.from(candidates), candidates.length, into);
  return { distance: into.distances[0], id: into.ids[0] };
}

test("of equally near candidates the lowest row is reported, in whatever order they come", () => {
  const rows = Float32Array.of(1, 5, 5, 5);
  assert.deepEqual(nearestOf(rows, 1, Float32Array.of(7), [3, 1, 2]), { distance: 2, id: 1 });
});

test("a row whose first dimensions alone are as far as the best one so far is no equal of it", () => {
  // Row 1 is 4 away. Row 0 is 4 away after sixteen dimensions, where the sum may be cut short, and 5 away in all.
  const rows = new Float32Array(2 * 32);
  rows[32] = 4;
  rows[0] = 4;
  rows[31] = 3;
  assert.deepEqual(nearestOf(rows, 32, new Float32Array(32), [1, 0]), { distance: 4, id: 1 });
});

test("missing candidates are passed over", () => {
  assert.deepEqual(nearestOf(Float32Array.of(0, 9), 1, Float32Array.of(1), [1, -1, -1]), { distance: 8, id: 1 });
  assert.throws(() => nearestOf(Float32Array.of(0), 1, Float32Array.of(1), [-1, -1]), BugError);
});
