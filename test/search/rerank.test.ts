import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { asMatrix, type Matrix } from "../../src/patchcore/matrix.ts";
import type { Nearest } from "../../src/search/nearest-neighbours.ts";
import { Reranker } from "../../src/search/rerank.ts";
import { RowKernel } from "../../src/search/row-kernel.ts";
import { BugError } from "../../src/shared/errors.ts";

type Rank = (queries: Float32Array, candidates: Int32Array, count: number, into: Nearest) => void;

/** Both choose by the same arithmetic: one in JavaScript, over rows that lie anywhere, one in WebAssembly, over a copy. */
const KINDS: Readonly<Record<string, (rows: Matrix, width: number, k: number) => Rank>> = {
  plain: (rows, width, k) => {
    const reranker = new Reranker(rows, width, k);
    return (...args) => reranker.run(...args);
  },
  kernel: (rows, width, k) => {
    const kernel = new RowKernel(rows, width, k);
    return (...args) => kernel.rank(...args);
  },
};

interface Ranking {
  readonly rows: Matrix;
  readonly queries: Float32Array;
  readonly candidates: Int32Array;
  readonly count: number;
  readonly k: number;
}

function ranked(make: (rows: Matrix, width: number, k: number) => Rank, ranking: Ranking): Nearest {
  const { rows, queries, candidates, count, k } = ranking;
  const into = { distances: new Float32Array(count * k), ids: new Int32Array(count * k) };
  make(rows, candidates.length / count, k)(queries, candidates, count, into);
  return into;
}

for (const [kind, make] of Object.entries(KINDS)) {
  const rankedOf = (
    rows: Float32Array,
    dims: number,
    query: Float32Array,
    candidates: readonly number[],
    k: number,
  ) => {
    const matrix = asMatrix(rows, rows.length / dims, dims);
    const found = ranked(make, { rows: matrix, queries: query, candidates: Int32Array.from(candidates), count: 1, k });
    return { distances: [...found.distances], ids: [...found.ids] };
  };
  const nearestOf = (rows: Float32Array, dims: number, query: Float32Array, candidates: readonly number[]) => {
    const { distances, ids } = rankedOf(rows, dims, query, candidates, 1);
    return { distance: distances[0], id: ids[0] };
  };

  test(`${kind}: the k nearest candidates come in order, of equals the lower rows, and what is missing is infinitely far`, () => {
    const rows = Float32Array.of(9, 5, 1, 5, 6);
    const line = (candidates: readonly number[], k: number) => rankedOf(rows, 1, Float32Array.of(5), candidates, k);
    assert.deepEqual(line([0, 4, 3, 2, 1], 3), { distances: [0, 0, 1], ids: [1, 3, 4] });
    assert.deepEqual(line([2, 0], 2), { distances: [4, 4], ids: [0, 2] });
    assert.deepEqual(line([4, -1, -1], 2), { distances: [1, Infinity], ids: [4, -1] });
  });

  test(`${kind}: of equally near candidates the lowest row is reported, in whatever order they come`, () => {
    const rows = Float32Array.of(1, 5, 5, 5);
    assert.deepEqual(nearestOf(rows, 1, Float32Array.of(7), [3, 1, 2]), { distance: 2, id: 1 });
  });

  test(`${kind}: a row whose first dimensions alone are as far as the best one so far is no equal of it`, () => {
    // Row 1 is 4 away. Row 0 is 4 away after sixteen dimensions, where the sum may be cut short, and 5 away in all.
    const rows = new Float32Array(2 * 32);
    rows[32] = 4;
    rows[0] = 4;
    rows[31] = 3;
    assert.deepEqual(nearestOf(rows, 32, new Float32Array(32), [1, 0]), { distance: 4, id: 1 });
  });

  test(`${kind}: missing candidates are passed over`, () => {
    assert.deepEqual(nearestOf(Float32Array.of(0, 9), 1, Float32Array.of(1), [1, -1, -1]), { distance: 8, id: 1 });
    assert.throws(() => nearestOf(Float32Array.of(0), 1, Float32Array.of(1), [-1, -1]), BugError);
  });
}

/** Small steps make equals, 1e-30 and 1e30 sums that vanish and overflow, NaN a query of which nothing is known. */
const VALUES = fc.oneof(
  { weight: 20, arbitrary: fc.integer({ min: -3, max: 3 }) },
  { weight: 20, arbitrary: fc.float({ noNaN: true, min: -100, max: 100 }) },
  { weight: 1, arbitrary: fc.constantFrom(1e-30, 1e30, -1e30, NaN) },
);

const RANKINGS: fc.Arbitrary<Ranking> = fc
  .record({
    dims: fc.integer({ min: 1, max: 40 }),
    rows: fc.integer({ min: 1, max: 12 }),
    // Beyond one portion of the kernel.
    count: fc.constantFrom(1, 2, 63, 64, 65, 130),
    width: fc.integer({ min: 1, max: 6 }),
    values: fc.array(VALUES, { minLength: 97, maxLength: 97 }),
    missing: fc.boolean(),
  })
  .chain(({ dims, rows, count, width, values, missing }) =>
    fc.integer({ min: 1, max: Math.min(width, rows) }).map((k) => {
      const wide = Math.min(width, rows);
      // Different strides through the same values, so that rows and queries meet again.
      const pick = (length: number, step: number): Float32Array =>
        Float32Array.from({ length }, (_, i) => values[(i * step) % values.length]!);
      const candidates = Int32Array.from({ length: count * wide }, (_, i) => {
        const place = i % wide;
        if (missing && place > 0 && i % 5 === 0) return -1;
        return (Math.floor(i / wide) + place) % rows;
      });
      const matrix = asMatrix(pick(rows * dims, 3), rows, dims);
      return { rows: matrix, queries: pick(count * dims, 7), candidates, count, k };
    }),
  );

test("the kernel ranks any candidates as JavaScript does, to the last bit", () => {
  fc.assert(
    fc.property(RANKINGS, (ranking) => {
      const plain = ranked(KINDS["plain"]!, ranking);
      const kernel = ranked(KINDS["kernel"]!, ranking);
      assert.deepEqual(kernel.ids, plain.ids);
      assert.deepEqual(kernel.distances, plain.distances);
    }),
    { numRuns: 300 },
  );
});

test("the kernel holds the rows themselves", () => {
  const rows = asMatrix(Float32Array.of(1, 2, 3, 4, 5, 6), 3, 2);
  const { rows: held } = new RowKernel(rows, 1, 1);
  assert.deepEqual([held.rows, held.dims, ...held.data], [3, 2, ...rows.data]);
});
