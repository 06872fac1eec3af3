import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { greedyKCenter } from "../../src/patchcore/coreset.ts";
import { asMatrix, gatherRows, type Matrix } from "../../src/patchcore/matrix.ts";
import { gaussianProjection, project } from "../../src/patchcore/projection.ts";
import { seededRandom } from "../../src/patchcore/random.ts";
import { squaredDistance } from "../../src/patchcore/squared-distance.ts";
import { BugError, InputError } from "../../src/shared/errors.ts";

/** The textbook loop: after each pick the distance of every row is updated. */
function oneByOne(rows: Matrix, count: number, start: number): number[] {
  const { dims, data } = rows;
  const nearest = new Float64Array(rows.rows).fill(Infinity);
  const picks = [start];
  for (;;) {
    const pick = picks[picks.length - 1] ?? 0;
    for (let row = 0; row < rows.rows; row++) {
      nearest[row] = Math.min(nearest[row]!, squaredDistance(data, row * dims, data, pick * dims, dims));
    }
    const largest = Math.max(...nearest);
    if (picks.length === count || largest === 0) return picks;
    picks.push(nearest.indexOf(largest));
  }
}

/** Small integers, so that ties and duplicates are frequent; a few rows may be huge outliers. */
const banks = fc
  .record({ rows: fc.integer({ min: 1, max: 40 }), dims: fc.integer({ min: 1, max: 37 }) })
  .chain(({ rows, dims }) =>
    fc
      .array(fc.oneof({ weight: 9, arbitrary: fc.integer({ min: -2, max: 2 }) }, fc.constantFrom(1e6, -1e6)), {
        minLength: rows * dims,
        maxLength: rows * dims,
      })
      .map((values) => asMatrix(Float32Array.from(values), rows, dims)),
  );

test("the lazy heap picks the same rows as the textbook loop, ties and duplicates included", () => {
  fc.assert(
    fc.property(banks, fc.nat(), fc.nat(), (rows, countSeed, startSeed) => {
      const count = 1 + (countSeed % rows.rows);
      const start = startSeed % rows.rows;
      assert.deepEqual([...greedyKCenter(rows, count, { start }).picks], oneByOne(rows, count, start));
    }),
  );
});

test("the first pick is the row farthest from the mean, the lowest of equals", () => {
  // Mean 1: rows −2 and 4 are both 3 away.
  const rows = asMatrix(Float32Array.of(1, -2, 1, 4), 4, 1);
  assert.equal(greedyKCenter(rows, 1).picks[0], 1);
});

test("radii are the largest distances to the picks so far", () => {
  // Picks 0, then 10 (distance 10), then 4 (distance 4 to 0); then 6 is 2 away from 4 and is left.
  const rows = asMatrix(Float32Array.of(0, 4, 6, 10), 4, 1);
  const { picks, radii } = greedyKCenter(rows, 3, { start: 0 });
  assert.deepEqual([...picks], [0, 3, 1]);
  assert.deepEqual([...radii], [10, 4, 2]);
});

test("when only duplicates are left the coreset ends early and no row comes twice", () => {
  const rows = asMatrix(Float32Array.of(5, 5, 5, 7, 7), 5, 1);
  const { picks, radii } = greedyKCenter(rows, 5, { start: 0 });
  assert.deepEqual([...picks], [0, 3]);
  assert.deepEqual([...radii], [2, 0]);
});

test("progress is told once a pick and may stop the run", () => {
  const rows = asMatrix(Float32Array.of(0, 1, 2, 4), 4, 1);
  const told: string[] = [];
  greedyKCenter(rows, 3, { onPick: (done, total) => told.push(`${done}/${total}`) });
  assert.deepEqual(told, ["1/3", "2/3", "3/3"]);
  const stop = new Error("stopped");
  const run = () =>
    greedyKCenter(rows, 3, {
      onPick: () => {
        throw stop;
      },
    });
  assert.throws(run, stop);
});

test("a value that is not a number is refused with its row", () => {
  const rows = asMatrix(Float32Array.of(0, 1, 2, NaN), 2, 2);
  assert.throws(
    () => greedyKCenter(rows, 1),
    (error: unknown) => error instanceof InputError && error.message.includes("row 1 holds NaN"),
  );
  assert.throws(() => greedyKCenter(asMatrix(Float32Array.of(Infinity), 1, 1), 1, { start: 0 }), InputError);
});

test("more picks than rows, or none, are refused", () => {
  const rows = asMatrix(Float32Array.of(0, 1), 2, 1);
  for (const count of [0, 3, 1.5, NaN]) assert.throws(() => greedyKCenter(rows, count), BugError);
  assert.throws(() => greedyKCenter(rows, 1, { start: 2 }), BugError);
});

test("gathering rows copies them in the order asked for", () => {
  const rows = asMatrix(Float32Array.of(1, 2, 3, 4, 5, 6), 3, 2);
  assert.deepEqual([...gatherRows(rows, [2, 0]).data], [5, 6, 1, 2]);
  assert.throws(() => gatherRows(rows, [3]), BugError);
});

test("a matrix of the wrong length is refused", () => {
  assert.throws(() => asMatrix(new Float32Array(5), 2, 3), BugError);
});

test("a projection keeps squared distances on average", () => {
  const random = seededRandom(7);
  const rows = asMatrix(
    Float32Array.from({ length: 40 * 152 }, () => random.gaussian()),
    40,
    152,
  );
  const projected = project(gaussianProjection(152, 128, 1), rows);
  let ratio = 0;
  for (let row = 1; row < 40; row++) {
    const before = squaredDistance(rows.data, 0, rows.data, row * 152, 152);
    ratio += squaredDistance(projected.data, 0, projected.data, row * 128, 128) / before / 39;
  }
  // Each ratio has standard deviation √(2 / 128) = 0.125; their mean, sharing row 0, stays well within 0.2 of 1.
  assert.ok(Math.abs(ratio - 1) < 0.2, `mean ratio ${ratio}`);
});

test("a projection is the plain matrix product, whatever the number of outputs", () => {
  const random = seededRandom(3);
  for (const outputs of [1, 8, 11]) {
    const projection = gaussianProjection(5, outputs, 9);
    // Unit vectors read the matrix out, column by column.
    const identity = Float32Array.from({ length: 25 }, (_, i) => Number(i % 6 === 0));
    const entries = project(projection, asMatrix(identity, 5, 5)).data;
    const x = Float32Array.from({ length: 5 }, () => random.gaussian());
    const expected = Array.from({ length: outputs }, (_, o) => {
      let sum = 0;
      for (let d = 0; d < 5; d++) sum += x[d]! * entries[d * outputs + o]!;
      return Math.fround(sum);
    });
    assert.deepEqual([...project(projection, asMatrix(x, 1, 5)).data], expected);
  }
});

test("the same seed gives the same projection, another seed another", () => {
  assert.deepEqual(gaussianProjection(6, 4, 1), gaussianProjection(6, 4, 1));
  assert.notDeepEqual(gaussianProjection(6, 4, 1), gaussianProjection(6, 4, 2));
});
