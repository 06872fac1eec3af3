import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { asMatrix, type Matrix } from "../../src/patchcore/matrix.ts";
import { nearestRows, roomForNearest } from "../../src/patchcore/nearest-rows.ts";
import { seededRandom } from "../../src/patchcore/random.ts";
import { RowBounds } from "../../src/patchcore/row-bounds.ts";
import { hostileBanks } from "./scores-by-definition.ts";

function learned(rows: Matrix): RowBounds {
  const slices = RowBounds.learn(rows);
  for (;;) {
    const { done, value } = slices.next();
    if (done === true) return value;
  }
}

/** The k nearest rows of every query, with and without bounds; `loosen` times a distance that is known to suffice. */
function search(rows: Matrix, queries: Float32Array, k: number, loosen: number | null, bounds: RowBounds | null) {
  const count = queries.length / rows.dims;
  const all = Array.from({ length: count }, (_, i) => i);
  const found = roomForNearest(count, k);
  const bars = new Float64Array(count).fill(Infinity);
  if (loosen !== null) {
    nearestRows(rows, queries, all, count, bars.slice(), found);
    for (let i = 0; i < count; i++) bars[i] = found.squared[i * k + k - 1]! * loosen;
  }
  nearestRows(rows, queries, all, count, bars, found, bounds);
  return { squared: [...found.squared], ids: [...found.ids] };
}

test("rows that bounds rule out are never among the nearest, in random and hostile banks", () => {
  const neighbours = fc.integer({ min: 1, max: 3 });
  const looseness = fc.constantFrom(null, 1, 1.5);
  fc.assert(
    fc.property(hostileBanks(), neighbours, looseness, ({ rows, queries }, wanted, loosen) => {
      const k = Math.min(wanted, rows.rows);
      assert.deepEqual(search(rows, queries, k, loosen, learned(rows)), search(rows, queries, k, loosen, null));
    }),
    { numRuns: 300 },
  );
});

test("values near the end of float32 rule nothing out wrongly", () => {
  const rows = asMatrix(Float32Array.of(3e38, 3e38, -3e38, 3e38, 3e38, -3e38, 1, 1), 4, 2);
  const queries = Float32Array.of(3e38, 2.9e38, 0, 0);
  assert.deepEqual(search(rows, queries, 1, null, learned(rows)), search(rows, queries, 1, null, null));
});

test("of clustered rows nearly all are ruled out unread, also for a query far from all of them", () => {
  const [count, dims, clusters] = [2_000, 64, 20];
  const random = seededRandom(5);
  const gaussians = (n: number): Float32Array => Float32Array.from({ length: n }, () => random.gaussian());
  const centres = gaussians(clusters * dims);
  const noise = gaussians(count * dims);
  const data = noise.map((x, i) => 0.1 * x + centres[(Math.floor(i / dims) % clusters) * dims + (i % dims)]!);
  const rows = asMatrix(data, count, dims);
  const far = gaussians(dims).map((x, d) => x + data[d]!);
  const bounds = learned(rows);
  for (const query of [data.slice(0, dims).map((x) => x + 0.05), far]) {
    const [nearest = NaN] = search(rows, query, 1, null, null).squared;
    const asked = bounds.boundsOf(query, 0);
    let left = 0;
    for (let row = 0; row < count; row++) if (!bounds.rulesOut(row, asked, nearest)) left++;
    assert.ok(left >= 1 && left < count / 5, `${left} of ${count} rows are left`);
  }
});
