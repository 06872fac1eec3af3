import assert from "node:assert/strict";
import { after, test } from "node:test";
import fc from "fast-check";
import { asMatrix, type Matrix } from "../../src/patchcore/matrix.ts";
import { fitQuantiser, quantise } from "../../src/patchcore/quantiser.ts";
import { seededRandom } from "../../src/patchcore/random.ts";
import { squaredDistance } from "../../src/patchcore/squared-distance.ts";
import { ExactFloat32 } from "../../src/search/exact-float32.ts";
import { ExactInt8 } from "../../src/search/exact-int8.ts";
import { buildHnsw, DEFAULT_HNSW, Hnsw } from "../../src/search/hnsw.ts";
import type { Nearest, NearestNeighbours, QuantisedBank } from "../../src/search/nearest-neighbours.ts";
import { BugError, InputError } from "../../src/shared/errors.ts";
import { readNpy } from "../support/npy.ts";

const options = { threads: 2 };
const opened: NearestNeighbours[] = [];
after(() => Promise.all(opened.map((index) => index.close())));

function bankOf(rows: Matrix): QuantisedBank {
  const quantiser = fitQuantiser(rows);
  return { rows, quantiser, quantised: quantise(quantiser, rows.data, rows.rows) };
}

/** Every kind of index over the same rows; the same suite must hold for all of them. */
const kinds = {
  exact: (rows: Matrix, threads = 2) => ExactInt8.open(bankOf(rows), { threads }),
  float32: (rows: Matrix, threads = 2) => ExactFloat32.open(rows, { threads }),
  hnsw: async (rows: Matrix, threads = 2) => {
    const bank = bankOf(rows);
    return Hnsw.open(bank, await buildHnsw(bank.quantised, rows.dims, DEFAULT_HNSW), DEFAULT_HNSW, { threads });
  },
} as const satisfies Record<string, (rows: Matrix, threads?: number) => Promise<NearestNeighbours>>;

async function search(kind: keyof typeof kinds, rows: Matrix, queries: Float32Array, threads = 2): Promise<Nearest> {
  const index = await kinds[kind](rows, threads);
  try {
    const { distances, ids } = await index.search(queries, queries.length / rows.dims);
    return { distances: distances.slice(), ids: ids.slice() };
  } finally {
    await index.close();
  }
}

/** Every query against every row in float64, of equals the lowest row. */
function bruteForce(rows: Matrix, queries: Float32Array): { distances: number[]; ids: number[] } {
  const distances: number[] = [];
  const ids: number[] = [];
  for (let query = 0; query < queries.length; query += rows.dims) {
    const all = Array.from({ length: rows.rows }, (_, row) =>
      squaredDistance(queries, query, rows.data, row * rows.dims, rows.dims),
    );
    const least = Math.min(...all);
    ids.push(all.indexOf(least));
    distances.push(Math.fround(Math.sqrt(least)));
  }
  return { distances, ids };
}

function gaussianMatrix(rows: number, dims: number, seed: number): Matrix {
  const random = seededRandom(seed);
  return asMatrix(
    Float32Array.from({ length: rows * dims }, () => random.gaussian()),
    rows,
    dims,
  );
}

/** Rows in clusters, as patches are: several near each other, the next ones far away. */
function clustered(rows: number, dims: number, seed: number): Matrix {
  const random = seededRandom(seed);
  const centres = gaussianMatrix(50, dims, seed + 1).data;
  const data = Float32Array.from({ length: rows * dims }, (_, i) => {
    const centre = Math.floor(i / dims) % 50;
    return 5 * centres[centre * dims + (i % dims)]! + 0.5 * random.gaussian();
  });
  return asMatrix(data, rows, dims);
}

for (const kind of ["exact", "float32", "hnsw"] as const) {
  for (const threads of [1, 2])
    test(`${kind}: the golden queries find the golden rows and distances, ${threads} threads`, async () => {
      const bank = readNpy("bank.npy", Float32Array);
      const dims = bank.shape[1] ?? 0;
      const queries = readNpy("embeddings.npy", Float32Array).data.slice(3 * 64 * dims);
      const rows = asMatrix(bank.data, bank.data.length / dims, dims);
      const { distances, ids } = await search(kind, rows, queries, threads);
      assert.deepEqual(ids, readNpy("nearest_ids.npy", Int32Array).data);
      const expected = readNpy("nearest.npy", Float32Array).data;
      for (let i = 0; i < 64; i++) assert.ok(Math.abs(distances[i]! - expected[i]!) <= 1e-4 * expected[i]!);
    });

  test(`${kind}: the reported distance is the true one of the reported row`, async () => {
    const rows = clustered(5000, 24, 5);
    const queries = clustered(200, 24, 6).data;
    const { distances, ids } = await search(kind, rows, queries);
    for (let query = 0; query < 200; query++) {
      const squared = squaredDistance(queries, query * 24, rows.data, ids[query]! * 24, 24);
      assert.equal(distances[query], Math.fround(Math.sqrt(squared)));
    }
  });

  test(`${kind}: patches beside the bank's clusters find their nearest row, over several tiles of rows`, async () => {
    const rows = clustered(3000, 24, 5);
    const queries = clustered(200, 24, 6).data;
    const found = await search(kind, rows, queries);
    const expected = bruteForce(rows, queries);
    const hits = expected.distances.filter((distance, query) => distance === found.distances[query]).length;
    // A graph is approximate by design, and clusters far from each other are its hardest case.
    const least = { float32: 200, exact: 196, hnsw: 170 }[kind];
    assert.ok(hits >= least, `${hits} of 200`);
  });

  test(`${kind}: a bank row finds itself at distance 0`, async () => {
    const rows = gaussianMatrix(1100, 7, 3);
    const { distances, ids } = await search(kind, rows, rows.data);
    let others = 0;
    for (let row = 0; row < 1100; row++) {
      if (distances[row] !== 0) others++;
      else assert.equal(ids[row], row);
    }
    // At seven dimensions several rows may share all levels, and then three candidates need not hold the right one.
    assert.ok(others <= (kind === "float32" ? 0 : 5), `${others} rows found another`);
  });

  test(`${kind}: banks of one, two and three rows are searched`, async () => {
    for (const count of [1, 2, 3]) {
      const rows = asMatrix(Float32Array.from([0, 0, 10, 0, 0, 10].slice(0, 2 * count)), count, 2);
      const { distances, ids } = await search(kind, rows, Float32Array.of(9, 1, 1, 9, 1, 0));
      const expected = bruteForce(rows, Float32Array.of(9, 1, 1, 9, 1, 0));
      assert.deepEqual([...ids], expected.ids);
      assert.deepEqual([...distances], expected.distances);
    }
  });

  test(`${kind}: a single query is answered`, async () => {
    const rows = gaussianMatrix(40, 5, 8);
    const { ids } = await search(kind, rows, rows.data.slice(35, 40));
    assert.deepEqual([...ids], [7]);
  });

  test(`${kind}: hostile banks (duplicates, constant dimensions, outliers) give true distances, never below the least`, async () => {
    const values = fc.oneof(
      { weight: 8, arbitrary: fc.integer({ min: -3, max: 3 }) },
      { weight: 1, arbitrary: fc.constantFrom(1e6, -1e6, 1e-30) },
    );
    const shapes = fc.record({ rows: fc.integer({ min: 1, max: 30 }), dims: fc.integer({ min: 1, max: 20 }) });
    const cases = shapes.chain(({ rows, dims }) =>
      fc.record({
        rows: fc
          .array(values, { minLength: rows * dims, maxLength: rows * dims })
          .map((data) => asMatrix(Float32Array.from(data), rows, dims)),
        queries: fc.array(values, { minLength: 2 * dims, maxLength: 2 * dims }).map((data) => Float32Array.from(data)),
        repeat: fc.boolean(),
      }),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ({ rows, queries, repeat }) => {
        // Half of the banks hold the first row twelve times more: more equals than there are candidates.
        const copies = repeat ? 12 : 0;
        const data = new Float32Array((rows.rows + copies) * rows.dims);
        data.set(rows.data);
        for (let i = 0; i < copies; i++) data.set(rows.data.subarray(0, rows.dims), (rows.rows + i) * rows.dims);
        const bank = asMatrix(data, rows.rows + copies, rows.dims);
        const found = await search(kind, bank, queries);
        const least = bruteForce(bank, queries);
        for (let query = 0; query < 2; query++) {
          const at = found.ids[query]! * bank.dims;
          const squared = squaredDistance(queries, query * bank.dims, bank.data, at, bank.dims);
          assert.equal(found.distances[query], Math.fround(Math.sqrt(squared)));
          assert.ok(found.distances[query]! >= least.distances[query]!);
          if (kind === "float32") assert.equal(found.ids[query], least.ids[query]);
        }
      }),
      { numRuns: 40 },
    );
  });

  test(`${kind}: a query that holds NaN reports NaN and leaves the others alone`, async () => {
    const rows = asMatrix(
      Float32Array.from({ length: 20 }, (_, i) => i),
      20,
      1,
    );
    const { distances } = await search(kind, rows, Float32Array.of(4.25, NaN, 7.5));
    assert.equal(distances[0], 0.25);
    assert.ok(Number.isNaN(distances[1]));
    assert.equal(distances[2], 0.5);
  });

  test(`${kind}: queries may grow and shrink; a query array that is too short is refused`, async () => {
    const index = await kinds[kind](gaussianMatrix(20, 4, 1));
    opened.push(index);
    const queries = gaussianMatrix(9, 4, 2).data;
    for (const count of [9, 1, 5, 0]) {
      const { distances, ids } = await index.search(queries, count);
      assert.deepEqual([distances.length, ids.length], [count, count]);
    }
    await assert.rejects(index.search(queries, 10), BugError);
  });

  test(`${kind}: close may be called twice, a search after it is refused`, async () => {
    const index = await kinds[kind](gaussianMatrix(20, 4, 1));
    await index.close();
    await index.close();
    await assert.rejects(index.search(new Float32Array(4), 1), BugError);
  });

  test(`${kind}: an empty bank is refused`, async () => {
    await assert.rejects(async () => kinds[kind](asMatrix(new Float32Array(0), 0, 4)), InputError);
  });
}

test("levels of ±127 in every dimension do not saturate", async () => {
  // Query and rows at the ends of the range: products of 127² = 16,129 in 512 dimensions. An instruction that adds pairs
  // of them in 16 bits would saturate at 32,767 and rank row 2 (12 dimensions away from the query) as near as row 1.
  const dims = 512;
  const rows = new Float32Array(6 * dims);
  const query = new Float32Array(dims).fill(127);
  [256, 4, 12, 100, 8, 512].forEach((different, row) => {
    for (let d = 0; d < dims; d++) rows[row * dims + d] = d < different ? -127 : 127;
  });
  const quantiser = { mean: new Float32Array(dims), scale: 1 };
  const quantised = quantise(quantiser, rows, 6);
  // The float32 rows all lie at the origin but for a mark, so that re-ranking keeps to the candidates' marks alone.
  const marked = new Float32Array(6 * dims);
  marked.set([50, 1, 3, 40, 2, 60].flatMap((mark) => [mark, ...new Array<number>(dims - 1).fill(0)]));
  const index = await ExactInt8.open({ rows: asMatrix(marked, 6, dims), quantiser, quantised }, options);
  opened.push(index);
  // Candidates by levels are rows 1, 4 and 2; of the marks 1, 2 and 3 the query's 127 is nearest to 3.
  assert.equal((await index.search(query, 1)).ids[0], 2);
  // The opposite corner reverses the order: rows 5, 0 and 3 with marks 60, 50 and 40; nearest to −127 is 40.
  assert.equal(
    (
      await index.search(
        query.map((x) => -x),
        1,
      )
    ).ids[0],
    3,
  );
});

test("keys that reach 2²⁴ are exact on both sides of the largest dimension that float32 is taken for", async () => {
  for (const dims of [689, 690]) {
    const rows = new Float32Array(5 * dims).fill(127);
    for (let row = 0; row < 5; row++) rows.fill(126, row * dims, row * dims + 2 * (5 - row));
    // Row 4 differs from the query by one level in two dimensions, row 3 in four, and so on: keys differ by one.
    // Marks as above.
    const marked = new Float32Array(5 * dims);
    [101, 100, 9, 8, 7].forEach((mark, row) => marked.fill(mark, row * dims, (row + 1) * dims));
    const quantiser = { mean: new Float32Array(dims), scale: 1 };
    const bank = { rows: asMatrix(marked, 5, dims), quantiser, quantised: quantise(quantiser, rows, 5) };
    const index = await ExactInt8.open(bank, options);
    opened.push(index);
    // Of the candidates 4, 3 and 2 the one whose marks are nearest to 127.
    assert.equal((await index.search(new Float32Array(dims).fill(127), 1)).ids[0], 2, `${dims}`);
  }
});

test("integer keys beyond 2²⁴ still tell rows apart", async () => {
  // |b|² = 2304 · 127² = 37 million, where float32 steps by 4. Row 1 differs from the query by one level in one
  // dimension (squared 1), row 0 by one level in two (squared 2), rows 2 and 3 by more.
  const dims = 2304;
  const rows = new Float32Array(5 * dims).fill(127);
  rows.set([126, 126], 0);
  rows.set([126], dims);
  rows.set([126, 126, 126], 2 * dims);
  rows.set([126, 126, 126, 126], 3 * dims);
  rows.set([126, 126, 126, 126, 126], 4 * dims);
  const quantiser = { mean: new Float32Array(dims), scale: 1 };
  // Marks as above: only the candidates 1, 0 and 2 may be chosen.
  const marked = new Float32Array(5 * dims);
  [7, 8, 9, 100, 101].forEach((mark, row) => marked.fill(mark, row * dims, (row + 1) * dims));
  const bank = { rows: asMatrix(marked, 5, dims), quantiser, quantised: quantise(quantiser, rows, 5) };
  const index = await ExactInt8.open(bank, options);
  opened.push(index);
  assert.equal((await index.search(new Float32Array(dims).fill(127), 1)).ids[0], 2);
});

test("exact float32 compares with all rows where its filter cannot be sure", async () => {
  // Twelve rows within rounding of each other, far from the origin of the others: no eight of them are provably best.
  const rows = new Float32Array(13);
  for (let i = 0; i < 12; i++) rows[i] = 1e6 + i / 16;
  rows[12] = -1e6;
  const index = await ExactFloat32.open(asMatrix(rows, 13, 1), options);
  opened.push(index);
  const { ids, distances } = await index.search(Float32Array.of(1e6 + 11 / 16, 1e6), 2);
  assert.deepEqual([...ids], [11, 0]);
  assert.deepEqual([...distances], [0, 0]);
  assert.equal(index.verifiedInFull, 2);
});
