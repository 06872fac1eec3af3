import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { asMatrix } from "../../src/patchcore/matrix.ts";
import {
  imageScore,
  mostAnomalousPatch,
  reproductionScore,
  reweightedImageScore,
  reweightedScore,
} from "../../src/patchcore/scores.ts";
import { BugError, InputError } from "../../src/shared/errors.ts";

const paper = (neighbours: number) => ({ kind: "reweighted", neighbours }) as const;

test("the image score is the largest patch score, the lowest patch of equals", () => {
  const scores = Float32Array.of(1, 5, 5, 2);
  assert.equal(imageScore(scores), 5);
  assert.equal(mostAnomalousPatch(scores), 1);
});

test("a score that is not finite is an error, since NaN would be above no threshold", () => {
  for (const bad of [NaN, Infinity]) assert.throws(() => imageScore(Float32Array.of(1, bad)), InputError);
  assert.throws(() => imageScore(new Float32Array(0)), BugError);
});

test("a bank of one row still flags a far patch", () => {
  // Eq. 7 would give 1 − e/e = 0 here.
  assert.equal(reweightedScore(7, [7]), 7);
  const bank = asMatrix(Float32Array.of(0, 0), 1, 2);
  const patches = asMatrix(Float32Array.of(3, 4, 0, 0), 2, 2);
  assert.equal(reweightedImageScore(Float32Array.of(5, 0), Int32Array.of(0, 0), patches, bank, paper(3)), 5);
});

test("reweighting follows equation 7 by hand", () => {
  // t* = 3 on a line with rows 0, 1 and 10: m* = 1, s* = 2; around m* lie 1, 0 and 10 at distances 2, 3 and 7.
  const bank = asMatrix(Float32Array.of(0, 1, 10), 3, 1);
  const patches = asMatrix(Float32Array.of(3), 1, 1);
  const score = (neighbours: number) =>
    reweightedImageScore(Float32Array.of(2), Int32Array.of(1), patches, bank, paper(neighbours));
  const [e2, e3, e7] = [Math.exp(2), Math.exp(3), Math.exp(7)];
  assert.ok(Math.abs(score(2) - (1 - e2 / (e2 + e3)) * 2) < 1e-12);
  assert.ok(Math.abs(score(3) - (1 - e2 / (e2 + e3 + e7)) * 2) < 1e-12);
  assert.equal(score(99), score(3));
});

test("the reproduction's weight leaves m* out and divides exponents by the root of the dimension, by hand", () => {
  // As above, in four dimensions of which three are 0: √D = 2. Of three rows around m* = 1, those at 3 and 7 remain.
  const onLine = (...places: number[]) =>
    asMatrix(Float32Array.from(places.flatMap((x) => [x, 0, 0, 0])), places.length, 4);
  const rule = { kind: "reweighted-reproduction", neighbours: 3 } as const;
  const score = reweightedImageScore(Float32Array.of(2), Int32Array.of(1), onLine(3), onLine(0, 1, 10), rule);
  const expected = (1 - Math.exp(1) / (Math.exp(1.5) + Math.exp(3.5))) * 2;
  assert.ok(Math.abs(score - expected) < 1e-12);
  assert.equal(reweightedImageScore(Float32Array.of(2), Int32Array.of(0), onLine(3), onLine(1), rule), 2);
});

test("the reproduction's score is negative where the support lies nearer than m*, as its code gives it", () => {
  // 1 − e² / e¹ in one dimension.
  assert.ok(Math.abs(reproductionScore(2, [1], 1) - (1 - Math.E) * 2) < 1e-12);
});

test("fewer than two neighbours are refused, since the weight would always be 0", () => {
  const one = asMatrix(Float32Array.of(0), 1, 1);
  for (const b of [1, 0, 2.5]) {
    assert.throws(() => reweightedImageScore(Float32Array.of(0), Int32Array.of(0), one, one, paper(b)), BugError);
  }
});

test("distances of thousands stay finite and the weight stays in [0, 1]", () => {
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1e6, noNaN: true }),
      fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 9 }),
      (nearest, further) => {
        const score = reweightedScore(nearest, [nearest, ...further.map((more) => nearest + more)]);
        assert.ok(score >= 0 && score <= nearest, `${score} of ${nearest}`);
      },
    ),
  );
});
