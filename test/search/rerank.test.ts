import assert from "node:assert/strict";
import { test } from "node:test";
import { asMatrix } from "../../src/patchcore/matrix.ts";
import { Reranker } from "../../src/search/rerank.ts";
import { BugError } from "../../src/shared/errors.ts";

function rankedOf(rows: Float32Array, dims: number, query: Float32Array, candidates: readonly number[], k: number) {
  const into = { distances: new Float32Array(k), ids: new Int32Array(k) };
  const reranker = new Reranker(asMatrix(rows, rows.length / dims, dims), candidates.length, k);
  reranker.run(query, Int32Array.from(candidates), 1, into);
  return { distances: [...into.distances], ids: [...into.ids] };
}

function nearestOf(rows: Float32Array, dims: number, query: Float32Array, candidates: readonly number[]) {
  const { distances, ids } = rankedOf(rows, dims, query, candidates, 1);
  return { distance: distances[0], id: ids[0] };
}

test("the k nearest candidates come in order, of equals the lower rows, and what is missing is infinitely far", () => {
  const rows = Float32Array.of(9, 5, 1, 5, 6);
  const line = (candidates: readonly number[], k: number) => rankedOf(rows, 1, Float32Array.of(5), candidates, k);
  assert.deepEqual(line([0, 4, 3, 2, 1], 3), { distances: [0, 0, 1], ids: [1, 3, 4] });
  assert.deepEqual(line([2, 0], 2), { distances: [4, 4], ids: [0, 2] });
  assert.deepEqual(line([4, -1, -1], 2), { distances: [1, Infinity], ids: [4, -1] });
});

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
