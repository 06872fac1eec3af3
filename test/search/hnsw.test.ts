import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { test } from "node:test";
import { asMatrix } from "../../src/patchcore/matrix.ts";
import { fitQuantiser, quantise } from "../../src/patchcore/quantiser.ts";
import { seededRandom } from "../../src/patchcore/random.ts";
import { chooseIndex } from "../../src/search/choose-index.ts";
import { compareIndex } from "../../src/search/compare.ts";
import { ExactFloat32 } from "../../src/search/exact-float32.ts";
import { ExactInt8 } from "../../src/search/exact-int8.ts";
import { buildHnsw, DEFAULT_HNSW, Hnsw } from "../../src/search/hnsw.ts";
import type { Nearest, NearestNeighbours } from "../../src/search/nearest-neighbours.ts";
import { InputError } from "../../src/shared/errors.ts";

function bankOf(count: number, dims: number) {
  const random = seededRandom(11);
  const rows = asMatrix(
    Float32Array.from({ length: count * dims }, () => random.gaussian()),
    count,
    dims,
  );
  const quantiser = fitQuantiser(rows);
  return { rows, quantiser, quantised: quantise(quantiser, rows.data, count) };
}

test("the same levels give the same bytes, and progress ends at all rows", async () => {
  const { quantised } = bankOf(600, 16);
  const told: string[] = [];
  const first = await buildHnsw(quantised, 16, DEFAULT_HNSW, (done, total) => told.push(`${done}/${total}`));
  assert.deepEqual(told, ["256/600", "512/600", "600/600"]);
  assert.ok(Buffer.from(first).equals(await buildHnsw(quantised, 16, DEFAULT_HNSW)));
});

test("every row is in the graph with its levels as they are, not scaled to unit length", async () => {
  // All rows point in one direction and differ in length alone; scaled to unit length they would be one point.
  const lengths = Float32Array.from({ length: 100 }, (_, i) => i);
  const bank = { rows: asMatrix(lengths, 100, 1), quantiser: { mean: Float32Array.of(0), scale: 1 } };
  const quantised = quantise(bank.quantiser, lengths, 100);
  const graph = await buildHnsw(quantised, 1, DEFAULT_HNSW);
  const index = await Hnsw.open({ ...bank, quantised }, graph, DEFAULT_HNSW, { threads: 2 });
  const { ids } = await index.search(lengths, 100);
  assert.deepEqual([...ids], Array.from(lengths));
  await index.close();
});

test("more threads than the machine has cores are no reason to refuse a search", async () => {
  const bank = bankOf(300, 8);
  const graph = await buildHnsw(bank.quantised, 8, DEFAULT_HNSW);
  const index = await Hnsw.open(bank, graph, DEFAULT_HNSW, { threads: 4 * availableParallelism() });
  const { ids } = await index.search(bank.rows.data, 300);
  assert.deepEqual(
    [...ids],
    Array.from({ length: 300 }, (_, i) => i),
  );
  await index.close();
});

test("building and opening leave no file behind", async () => {
  const scratch = () => readdirSync(tmpdir()).filter((name) => name.startsWith(`nominald-hnsw-`)).length;
  const before = scratch();
  const bank = bankOf(50, 4);
  const graph = await buildHnsw(bank.quantised, 4, DEFAULT_HNSW);
  await (await Hnsw.open(bank, graph, DEFAULT_HNSW, { threads: 1 })).close();
  assert.ok(scratch() <= before);
});

test("a graph of another bank is refused", async () => {
  const graph = await buildHnsw(bankOf(50, 4).quantised, 4, DEFAULT_HNSW);
  await assert.rejects(
    Hnsw.open(bankOf(51, 4), graph, DEFAULT_HNSW, { threads: 1 }),
    (error: unknown) => error instanceof InputError && error.code === "hnsw-mismatch",
  );
});

/** An index that answers what it is told, frame by frame. */
function fixed(
  ...answers: readonly { readonly distances: readonly number[]; readonly ids: readonly number[] }[]
): NearestNeighbours {
  let frame = 0;
  return {
    kind: "exact",
    search: async (): Promise<Nearest> => {
      const { distances = [], ids = [] } = answers[frame++] ?? {};
      return { distances: Float32Array.from(distances), ids: Int32Array.from(ids) };
    },
    close: async () => undefined,
  };
}

const RULES = { patchScore: { kind: "euclidean" }, imageScore: { kind: "maximum" } } as const;

test("a graph over as many other rows is refused, and one over the bank's own rows in part too", async () => {
  const { rows, quantiser, quantised } = bankOf(600, 16);
  const random = seededRandom(12);
  const others = quantised.map(() => (random.uint32() % 255) - 127);
  const half = quantised.slice();
  half.set(others.subarray(0, 300 * 16));
  for (const [levels, found] of [
    [others, /but [0-3] of 256 rows that were looked up are in it/],
    [half, /but 1[23]\d of 256 rows/],
  ] as const) {
    const graph = await buildHnsw(levels, 16, DEFAULT_HNSW);
    await assert.rejects(Hnsw.open({ rows, quantiser, quantised }, graph, DEFAULT_HNSW, { threads: 1 }), {
      code: "hnsw-mismatch",
      message: found,
    });
  }
});

test("a comparison counts patches that an index found wrongly; the scores are verified, and so the exact ones", async () => {
  // The bank is 0 and 10 on a line. Frame 1 is −1 and 8: the index takes row 0 for the second patch, at distance 8
  // instead of 2. Frame 2 agrees.
  const rows = asMatrix(Float32Array.of(0, 10), 2, 1);
  const report = await compareIndex(
    fixed({ distances: [1, 8], ids: [0, 0] }, { distances: [4, 4], ids: [0, 1] }),
    fixed({ distances: [1, 2], ids: [0, 1] }, { distances: [4, 4], ids: [0, 1] }),
    [Float32Array.of(-1, 8), Float32Array.of(-4, 14)],
    { rows, rules: RULES, patches: 2, threshold: 2.5, expected: 2 },
  );
  assert.deepEqual(report, { recallAt1: 0.75, largestScoreError: 0, verdictFlips: 0, frames: 2 });
});

test("a comparison of no frames claims nothing", async () => {
  const rows = asMatrix(Float32Array.of(0), 1, 1);
  const report = await compareIndex(fixed(), fixed(), [], {
    rows,
    rules: RULES,
    patches: 2,
    threshold: 1,
    expected: 0,
  });
  assert.deepEqual(report, { recallAt1: 1, largestScoreError: 0, verdictFlips: 0, frames: 0 });
});

test("real indexes compared with exact float32 give no score error on rows of the bank", async () => {
  const bank = bankOf(500, 16);
  const exact = await ExactFloat32.open(bank.rows, { threads: 2 });
  const int8 = await ExactInt8.open(bank, { threads: 2 });
  const report = await compareIndex(int8, exact, [bank.rows.data], {
    rows: bank.rows,
    rules: RULES,
    patches: 500,
    threshold: 0.5,
    expected: 1,
  });
  assert.deepEqual(report, { recallAt1: 1, largestScoreError: 0, verdictFlips: 0, frames: 1 });
  await Promise.all([exact.close(), int8.close()]);
});

test("small banks are searched exactly, large ones by graph, later with more dimensions", () => {
  assert.equal(chooseIndex(960, 152), "exact");
  assert.equal(chooseIndex(16_000, 152), "exact");
  assert.equal(chooseIndex(100_000, 152), "hnsw");
  assert.equal(chooseIndex(20_000, 384), "exact");
  assert.equal(chooseIndex(22_000, 384), "hnsw");
  assert.equal(chooseIndex(29_000, 1536), "exact");
  assert.equal(chooseIndex(31_000, 4000), "hnsw");
  // Halfway between 384 and 1,536 on a logarithmic scale lies 768, and 25,000 rows.
  assert.equal(chooseIndex(24_999, 768), "exact");
  assert.equal(chooseIndex(25_001, 768), "hnsw");
});
