import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { coresetStart, randomRows } from "../../src/patchcore/coreset-start.ts";
import { greedyKCenter } from "../../src/patchcore/coreset.ts";
import { asMatrix, gatherRows, type Matrix } from "../../src/patchcore/matrix.ts";
import { seededRandom } from "../../src/patchcore/random.ts";
import { squaredDistance } from "../../src/patchcore/squared-distance.ts";
import { BugError, InputError } from "../../src/shared/errors.ts";
import { lowProducts, plainProducts } from "./plain-products.ts";

const products = plainProducts;

/** The textbook loop: after each pick the distance of every row is updated. */
function oneByOne(rows: Matrix, count: number, nearest: Float64Array, first: number): number[] {
  const { dims, data } = rows;
  const picks = [first];
  for (;;) {
    const pick = picks[picks.length - 1] ?? 0;
    for (let row = 0; row < rows.rows; row++) {
      nearest[row] = Math.min(nearest[row]!, squaredDistance(data, row * dims, data, pick * dims, dims));
    }
    const largest = nearest.reduce((most, value) => Math.max(most, value));
    if (picks.length === count || largest === 0) return picks;
    picks.push(nearest.indexOf(largest));
  }
}

function fromRow(rows: Matrix, count: number, first: number): number[] {
  return oneByOne(rows, count, new Float64Array(rows.rows).fill(Infinity), first);
}

/** Small integers, so that ties and duplicates are frequent; a few rows may be huge outliers. */
const banks = fc
  .record({ rows: fc.integer({ min: 1, max: 40 }), dims: fc.integer({ min: 1, max: 37 }) })
  .chain(({ rows, dims }) =>
    fc
      .array(
        fc.oneof({ weight: 9, arbitrary: fc.integer({ min: -2, max: 2 }) }, fc.constantFrom(1e6, -1e6, 3e19, -2e19)),
        {
          minLength: rows * dims,
          maxLength: rows * dims,
        },
      )
      .map((values) => asMatrix(Float32Array.from(values), rows, dims)),
  );

test("the picks are those of the textbook loop, ties, duplicates and squares beyond float32 included", async () => {
  await fc.assert(
    fc.asyncProperty(banks, fc.nat(), fc.nat(), fc.integer({ min: 1, max: 9 }), async (rows, n, first, candidates) => {
      const count = 1 + (n % rows.rows);
      const row = first % rows.rows;
      const { picks } = await greedyKCenter(rows, count, { start: { row }, products, candidates });
      assert.deepEqual([...picks], fromRow(rows, count, row));
    }),
    { numRuns: 500 },
  );
});

for (const seed of [1, 2, 3]) {
  test(`of 6,000 rows in several rounds the picks are those of the textbook loop, seed ${seed}`, async () => {
    const random = seededRandom(seed);
    // Clusters of different widths around a common offset, each tenth row a copy of the one before.
    const dims = 12;
    const data = new Float32Array(6000 * dims);
    for (let row = 0; row < 6000; row++) {
      const width = 10 ** (random.uniform() * 3 - 2);
      for (let d = 0; d < dims; d++) data[row * dims + d] = 50 + (row % 7) + width * random.gaussian();
      if (row % 10 === 9) data.copyWithin(row * dims, (row - 1) * dims, row * dims);
    }
    const rows = asMatrix(data, 6000, dims);
    const { picks } = await greedyKCenter(rows, 600, { start: { row: 17 }, products });
    assert.deepEqual([...picks], fromRow(rows, 600, 17));
  });
}

test("where rounding is larger than the distances, the filter rules nothing out", async () => {
  // Two clouds 4,000 apart, each finer than the rounding of float32 squares of 4 · 10⁶ (half a unit and more).
  const random = seededRandom(4);
  const dims = 8;
  const fine = (): number => Math.floor(1024 * random.uniform()) / 1024;
  const data = Float32Array.from({ length: 600 * dims }, (_, i) => (i < 300 * dims ? 2000 : -2000) + fine());
  const rows = asMatrix(data, 600, dims);
  for (const filter of [plainProducts, lowProducts]) {
    const { picks } = await greedyKCenter(rows, 200, { start: { row: 0 }, products: filter, candidates: 4 });
    assert.deepEqual([...picks], fromRow(rows, 200, 0));
  }
});

test("where squares overflow float32, the filter rules nothing out", async () => {
  // Picks 0 and 1 are 3e19 and 2e19; both squares are infinite in float32. Row 2 lies 2e19 from pick 1, row 3 a bit more.
  const rows = asMatrix(Float32Array.of(3e19, 0, -2e19, 0, 0, 0, 0, 1e19, 1e19, 1e19), 5, 2);
  const { picks } = await greedyKCenter(rows, 5, { start: { row: 0 }, products, candidates: 1 });
  assert.deepEqual([...picks], fromRow(rows, 5, 0));
});

test("the first pick is the row farthest from the mean, the lowest of equals", async () => {
  // Mean 1: rows −2 and 4 are both 3 away.
  const rows = asMatrix(Float32Array.of(1, -2, 1, 4), 4, 1);
  assert.equal((await greedyKCenter(rows, 1, { products })).picks[0], 1);
});

test("the reference's start: the largest mean distance to ten random rows, which also bounds the others", async () => {
  const random = seededRandom(9);
  const rows = asMatrix(
    Float32Array.from({ length: 200 * 3 }, () => random.gaussian()),
    200,
    3,
  );
  const anchors = randomRows(200, 10, 5);
  const means = Float64Array.from({ length: 200 }, (_, row) => {
    let sum = 0;
    for (const anchor of anchors) sum += Math.sqrt(squaredDistance(rows.data, row * 3, rows.data, anchor * 3, 3));
    return (sum / 10) ** 2;
  });
  const start = coresetStart(rows, "mean-distance-to-10-random", 5);
  const { picks } = await greedyKCenter(rows, 40, { start, products });
  const first = means.indexOf(Math.max(...means));
  assert.deepEqual([...picks], oneByOne(rows, 40, means, first));
});

test("fewer than ten rows are all anchors; the reproduction starts from row 0", () => {
  // Rows 0, 1, 5: mean distances 2, 5 / 3 and 3.
  const rows = asMatrix(Float32Array.of(0, 1, 5), 3, 1);
  const start = coresetStart(rows, "mean-distance-to-10-random", 1);
  assert.ok("squaredDistances" in start);
  assert.deepEqual([...start.squaredDistances], [4, (5 / 3) ** 2, 9]);
  assert.deepEqual(coresetStart(rows, "first-row", 1), { row: 0 });
});

test("random rows are different rows, all of them when all are asked for, and follow the seed", () => {
  assert.deepEqual(
    [...randomRows(50, 50, 3)].sort((a, b) => a - b),
    [...Array(50).keys()],
  );
  assert.deepEqual(randomRows(1000, 20, 3), randomRows(1000, 20, 3));
  assert.notDeepEqual(randomRows(1000, 20, 3), randomRows(1000, 20, 4));
});

test("radii are the largest distances to the picks so far", async () => {
  // Picks 0, then 10 (distance 10), then 4 (distance 4 to 0); then 6 is 2 away from 4 and is left.
  const rows = asMatrix(Float32Array.of(0, 4, 6, 10), 4, 1);
  const { picks, radii } = await greedyKCenter(rows, 3, { start: { row: 0 }, products });
  assert.deepEqual([...picks], [0, 3, 1]);
  assert.deepEqual([...radii], [10, 4, 2]);
});

test("when only duplicates are left the coreset ends early and no row comes twice", async () => {
  const rows = asMatrix(Float32Array.of(5, 5, 5, 7, 7), 5, 1);
  const { picks, radii } = await greedyKCenter(rows, 5, { start: { row: 0 }, products });
  assert.deepEqual([...picks], [0, 3]);
  assert.deepEqual([...radii], [2, 0]);
});

test("of rows that are all alike one is picked, whatever the start", async () => {
  const rows = asMatrix(new Float32Array(12).fill(3), 6, 2);
  for (const kind of ["farthest-from-mean", "mean-distance-to-10-random", "first-row"] as const) {
    const start = coresetStart(rows, kind, 1);
    assert.deepEqual([...(await greedyKCenter(rows, 4, { start, products })).picks], [0], kind);
  }
});

test("progress is told once a pick and may stop the run", async () => {
  const rows = asMatrix(Float32Array.of(0, 1, 2, 4), 4, 1);
  const told: string[] = [];
  await greedyKCenter(rows, 3, { products, onPick: (done, total) => told.push(`${done}/${total}`) });
  assert.deepEqual(told, ["1/3", "2/3", "3/3"]);
  const stop = new Error("stopped");
  const onPick = (): never => {
    throw stop;
  };
  await assert.rejects(greedyKCenter(rows, 3, { products, onPick }), stop);
});

test("a value that is not a number is refused with its row", async () => {
  const rows = asMatrix(Float32Array.of(0, 1, 2, NaN), 2, 2);
  await assert.rejects(
    greedyKCenter(rows, 1, { products }),
    (error: unknown) => error instanceof InputError && error.message.includes("row 1 holds NaN"),
  );
  const infinite = asMatrix(Float32Array.of(Infinity), 1, 1);
  await assert.rejects(greedyKCenter(infinite, 1, { start: { row: 0 }, products }), InputError);
});

test("more picks than rows, or none, and starts that do not fit are refused", async () => {
  const rows = asMatrix(Float32Array.of(0, 1), 2, 1);
  for (const count of [0, 3, 1.5, NaN]) await assert.rejects(greedyKCenter(rows, count, { products }), BugError);
  await assert.rejects(greedyKCenter(rows, 1, { start: { row: 2 }, products }), BugError);
  const short = { squaredDistances: Float64Array.of(1) };
  await assert.rejects(greedyKCenter(rows, 1, { start: short, products }), BugError);
});

test("gathering rows copies them in the order asked for", () => {
  const rows = asMatrix(Float32Array.of(1, 2, 3, 4, 5, 6), 3, 2);
  assert.deepEqual([...gatherRows(rows, [2, 0]).data], [5, 6, 1, 2]);
  assert.throws(() => gatherRows(rows, [3]), BugError);
});

test("a matrix of the wrong length is refused", () => {
  assert.throws(() => asMatrix(new Float32Array(5), 2, 3), BugError);
});
