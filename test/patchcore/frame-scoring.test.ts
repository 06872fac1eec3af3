import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FrameScoring, type FoundNearest, type ScoreRules } from "../../src/patchcore/frame-scoring.ts";
import { asMatrix, type Matrix } from "../../src/patchcore/matrix.ts";
import { rowsAround } from "../../src/patchcore/nearest-rows.ts";
import { seededRandom } from "../../src/patchcore/random.ts";
import { BugError, InputError } from "../../src/shared/errors.ts";
import { readNpy } from "../support/npy.ts";
import { hostileBanks, imageScoreByDefinition, isSameScore, RULES } from "./scores-by-definition.ts";

const MAXIMUM = RULES.maximum;

function onLine(...places: readonly number[]): Matrix {
  return asMatrix(Float32Array.from(places), places.length, 1);
}

/** What an index that proposes these rows reports: true distances of perhaps the wrong rows. */
function proposed(rows: Matrix, embeddings: Float32Array, ids: readonly number[]): FoundNearest {
  const { dims, data } = rows;
  const distances = ids.map((id, patch) =>
    Math.hypot(...Array.from({ length: dims }, (_, d) => embeddings[patch * dims + d]! - data[id * dims + d]!)),
  );
  return { distances: Float32Array.from(distances), ids: Int32Array.from(ids) };
}

test("a patch that an index found too far is put right, and the next claimants are looked at until one stands", () => {
  // Rows 0, 10, 20. Patches 1, 9, 23: exactly 1, 1 and 3. The index sends the first two to the wrong rows: 9 and 11.
  const rows = onLine(0, 10, 20);
  const patches = Float32Array.of(1, 9, 23);
  const scoring = new FrameScoring(rows, MAXIMUM);
  const { imageScore, patchScores, verified } = scoring.score(proposed(rows, patches, [1, 2, 2]), patches, 3);
  assert.equal(imageScore, 3);
  // First 11 (→ 1); then 9 (→ 1) and 3, which stands.
  assert.equal(verified, 3);
  assert.deepEqual([...patchScores], [1, 1, 3]);
});

test("where the largest score stands at once, one patch is verified and the others keep what was found", () => {
  const rows = onLine(0, 10, 20);
  const patches = Float32Array.of(1, 9, 28);
  const found = proposed(rows, patches, [0, 2, 2]);
  const { imageScore, patchScores, verified } = new FrameScoring(rows, MAXIMUM).score(found, patches, 3);
  // Its 8 is below 9 of the second patch, which the index sent to row 2: that one is verified first.
  assert.deepEqual([imageScore, verified, [...patchScores]], [8, 2, [1, 1, 8]]);
  const right = proposed(rows, patches, [0, 1, 2]);
  assert.equal(new FrameScoring(rows, MAXIMUM).score(right, patches, 3).verified, 1);
});

test("an even surface, whose patches are all the same, costs one comparison and not one for each", () => {
  const rows = onLine(...Array.from({ length: 50 }, (_, i) => i));
  const patches = new Float32Array(784).fill(7.25);
  const found = proposed(rows, patches, new Array<number>(784).fill(40));
  const { imageScore, patchScores, verified } = new FrameScoring(rows, MAXIMUM).score(found, patches, 784);
  assert.deepEqual([imageScore, verified], [0.25, 1]);
  assert.ok(patchScores.every((score) => score === 0.25));
});

test("neighbours that an index did not find are found by comparison", () => {
  const rows = onLine(0, 1, 5);
  const rules = { patchScore: { kind: "mean-squared", neighbours: 2 }, imageScore: { kind: "maximum" } } as const;
  const found = { distances: Float32Array.of(2, Infinity), ids: Int32Array.of(1, -1) };
  // Patch 3: rows 1 and 5 are 2 away, (4 + 4) / 2.
  assert.equal(new FrameScoring(rows, rules).score(found, Float32Array.of(3), 1).imageScore, 4);
});

test("the mean of squared distances equals NumPy's, of one and of five neighbours", () => {
  const bank = readNpy("bank.npy", Float32Array);
  const dims = bank.shape[1] ?? 0;
  const rows = asMatrix(bank.data, bank.data.length / dims, dims);
  const query = readNpy("embeddings.npy", Float32Array).data.slice(3 * 64 * dims);
  for (const neighbours of [1, 5]) {
    const rules = { patchScore: { kind: "mean-squared", neighbours }, imageScore: { kind: "maximum" } } as const;
    const expected = readNpy(`mean_squared_${neighbours}.npy`, Float32Array).data;
    for (let patch = 0; patch < 64; patch++) {
      const embedding = query.slice(patch * dims, (patch + 1) * dims);
      const nothing = {
        distances: new Float32Array(neighbours).fill(Infinity),
        ids: new Int32Array(neighbours).fill(-1),
      };
      const { imageScore } = new FrameScoring(rows, rules).score(nothing, embedding, 1);
      assert.ok(Math.abs(imageScore - expected[patch]!) <= 1e-5 * expected[patch]!);
    }
  }
});

test("scores equal their definition on random and hostile banks, whatever rows an index proposes", () => {
  const cases = hostileBanks().chain(({ rows, queries }) => {
    const patches = queries.length / rows.dims;
    const ids = fc.array(fc.nat(rows.rows - 1), { minLength: patches, maxLength: patches });
    return fc.record({ rows: fc.constant(rows), queries: fc.constant(queries), ids });
  });
  fc.assert(
    fc.property(
      cases,
      fc.constantFrom(RULES.maximum, RULES.paper, RULES.reproduction),
      ({ rows, queries, ids }, rules) => {
        const patches = queries.length / rows.dims;
        const { imageScore, verified } = new FrameScoring(rows, rules).score(
          proposed(rows, queries, ids),
          queries,
          patches,
        );
        const expected = imageScoreByDefinition(rows, queries, rules);
        const largest = imageScoreByDefinition(rows, queries, RULES.maximum);
        assert.ok(isSameScore(imageScore, expected, largest), `${imageScore} is not ${expected}`);
        assert.ok(verified >= 1 && verified <= patches);
      },
    ),
    { numRuns: 300 },
  );
});

test("numbers that are none are refused, in a patch as in what was found", () => {
  const rows = onLine(0, 1);
  const scoring = new FrameScoring(rows, MAXIMUM);
  const notFinite = (error: unknown): boolean => error instanceof InputError && error.code === "score-not-finite";
  const nan = { distances: Float32Array.of(1, NaN), ids: Int32Array.of(0, 0) };
  assert.throws(() => scoring.score(nan, Float32Array.of(1, NaN), 2), notFinite);
  const infinite = { distances: Float32Array.of(Infinity), ids: Int32Array.of(0) };
  assert.throws(() => scoring.score(infinite, Float32Array.of(Infinity), 1), notFinite);
  assert.throws(
    () => scoring.score({ distances: new Float32Array(0), ids: new Int32Array(0) }, rows.data, 0),
    BugError,
  );
});

test("rows around a row hold it first, also where more rows equal it than are asked for", () => {
  const rows = onLine(3, 3, 3, 5, 2, 3);
  assert.deepEqual([...rowsAround(rows, 5, 3)], [5, 0, 1]);
  assert.deepEqual([...rowsAround(rows, 1, 3)], [1, 0, 2]);
  assert.deepEqual([...rowsAround(rows, 3, 6)], [3, 0, 1, 2, 5, 4]);
  assert.deepEqual([...rowsAround(onLine(4), 0, 3)], [0]);
});

test("equal winners: the weight of eq. 7 is that of the lowest patch", () => {
  // Rows 0, 100, 101. Patches 2 (2 from row 0, whose neighbours are far) and 103 (2 from row 101, with one beside it).
  const rows = onLine(0, 100, 101);
  const rules: ScoreRules = { patchScore: { kind: "euclidean" }, imageScore: { kind: "reweighted", neighbours: 2 } };
  const score = (...patches: number[]): number => {
    const embeddings = Float32Array.from(patches);
    const ids = patches.map((place) => (place < 50 ? 0 : 2));
    return new FrameScoring(rows, rules).score(proposed(rows, embeddings, ids), embeddings, 2).imageScore;
  };
  const far = (1 - 1 / (1 + Math.exp(96))) * 2;
  const near = (1 - 1 / (1 + Math.E)) * 2;
  assert.ok(Math.abs(score(2, 103) - far) < 1e-12);
  assert.ok(Math.abs(score(103, 2) - near) < 1e-12);
});

test("of equal winners the lowest counts, also where it is the same patch as one that was verified before it", () => {
  // The frame of a failed property: patches 1 and 6 are (0, 1), 2 from rows 0, 2 and 4; patch 3 is (1, 1), 2 from row 5.
  const rows = asMatrix(Float32Array.of(0, 3, 0, -2, 0, 3, -1, -2, 0, 3, 1, -1), 6, 2);
  const embeddings = Float32Array.of(0, 0, 0, 1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 1, 0, 2, 0, 0);
  const rules: ScoreRules = { patchScore: { kind: "euclidean" }, imageScore: { kind: "reweighted", neighbours: 3 } };
  const ids = [0, 0, 0, 0, 1, 0, 1, 1, 0];
  const { imageScore } = new FrameScoring(rows, rules).score(proposed(rows, embeddings, ids), embeddings, 9);
  // The rows around row 0 are its two copies: three equal terms, weight 1 − 1/3.
  assert.ok(Math.abs(imageScore - (2 / 3) * 2) < 1e-12, String(imageScore));
});

test("a bank of some size learns bounds in many slices, and its scores are the same to the last bit with and without them", () => {
  const [count, dims, patches] = [1_024, 24, 40];
  const random = seededRandom(8);
  const gaussians = (n: number): Float32Array => Float32Array.from({ length: n }, () => random.gaussian());
  const rows = asMatrix(gaussians(count * dims), count, dims);
  const frame = gaussians(patches * dims);
  // What an index proposes: some row, for each patch.
  const ids = Int32Array.from({ length: patches }, (_, i) => i * 7);
  const found = proposed(rows, frame, [...ids]);
  const plain = new FrameScoring(rows, MAXIMUM);
  const expected = plain.score(found, frame, patches).imageScore;
  const bounded = new FrameScoring(rows, MAXIMUM);
  const slices = [...bounded.learnBounds()].length;
  assert.ok(slices >= 10, `${slices} slices`);
  assert.equal(bounded.score(found, frame, patches).imageScore, expected);
  // Where it would not pay nothing is learnt: for a small bank, and for a few frames.
  const small = new FrameScoring(asMatrix(rows.data.subarray(dims), count - 1, dims), MAXIMUM);
  assert.deepEqual([...small.learnBounds()], []);
  assert.deepEqual([...new FrameScoring(rows, MAXIMUM).learnBounds(259)], []);
  assert.notDeepEqual([...new FrameScoring(rows, MAXIMUM).learnBounds(260)], []);
});
