import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { contiguousFolds, rateAbove, smallestRate, thresholdFor } from "../../src/patchcore/calibration.ts";
import { BugError, InputError } from "../../src/shared/errors.ts";

test("folds are runs of neighbouring images and differ by one image at most", () => {
  assert.deepEqual(contiguousFolds(7, 3), [
    { start: 0, end: 2 },
    { start: 2, end: 4 },
    { start: 4, end: 7 },
  ]);
});

test("folds cover every image once and none is empty, however few images there are", () => {
  fc.assert(
    fc.property(fc.integer({ min: 2, max: 300 }), fc.integer({ min: 2, max: 20 }), (images, folds) => {
      const found = contiguousFolds(images, folds);
      assert.equal(found.length, Math.min(images, folds));
      let end = 0;
      for (const fold of found) {
        assert.equal(fold.start, end);
        assert.ok(fold.end > fold.start);
        end = fold.end;
      }
      assert.equal(end, images);
    }),
  );
});

test("one image or one fold cannot be cross-fitted", () => {
  assert.throws(() => contiguousFolds(1, 5), InputError);
  assert.throws(() => contiguousFolds(10, 1), BugError);
});

test("the threshold is the conformal quantile where there are scores enough", () => {
  const scores = Array.from({ length: 99 }, (_, i) => 99 - i);
  // ceil(100 · 0.98) = 98th smallest of 1 … 99; for 1 % it is the largest.
  const [two, one] = [thresholdFor(scores, 0.02), thresholdFor(scores, 0.01)];
  assert.deepEqual([two.threshold, two.method], [98, "conformal"]);
  assert.deepEqual([one.threshold, one.method], [99, "conformal"]);
});

test("rounding of the rank does not cost a whole score", () => {
  // 100 · (1 − 0.07) is 92.99999999999999 and 100 · (1 − 0.42) is 58.00000000000001 in floating point.
  const scores = Array.from({ length: 99 }, (_, i) => i + 1);
  assert.equal(thresholdFor(scores, 0.07).threshold, 93);
  assert.equal(thresholdFor(scores, 0.42).threshold, 58);
});

test("a quantile's interval follows from how many of the scores exceed it", () => {
  // Of 99 scores, R ~ Binomial(99, 0.1) exceed the true 90 % quantile: P(R ≤ 4) = 0.0253, P(R ≤ 5) = 0.0609,
  // P(R ≤ 14) = 0.946, P(R ≤ 15) = 0.973. So the 5th largest, 95, is above it and the 16th largest, 84, not.
  const scores = Array.from({ length: 99 }, (_, i) => i + 1);
  assert.deepEqual(thresholdFor(scores, 0.1).interval, { low: 84, high: 95 });
  // P(R = 0) = 0.99^99 = 0.37 is far above 5 %: no score is an upper bound.
  assert.equal(thresholdFor(scores, 0.01).interval.high, null);
  // P(R ≤ 8) = 1 for nine scores and P(R ≤ 7) = 0.61 at a rate of 0.9: no score is a lower bound for certain.
  assert.equal(thresholdFor([1, 2, 3, 4, 5, 6, 7, 8, 9], 0.9).interval.low, 0);
});

test("too few scores for the rate: the tail is extrapolated, never below the largest score", () => {
  const scores = Array.from({ length: 60 }, (_, i) => 5 + 0.01 * i * i);
  const { threshold, method, interval } = thresholdFor(scores, 0.001);
  assert.equal(method, "pareto-tail");
  assert.ok(threshold > 39.81 && interval.low < threshold && threshold < (interval.high ?? 0), `${threshold}`);
  assert.equal(thresholdFor([1, 1, 1, 1, 1, 9], 0.1).threshold >= 9, true);
  assert.deepEqual(thresholdFor([4], 0.01), { threshold: 4, method: "pareto-tail", interval: { low: 0, high: null } });
  assert.equal(thresholdFor([3, 3, 3], 0.001).threshold, 3);
});

test("the smallest rate that n scores bound, and the rate that a threshold had on them", () => {
  // 1 / 61 = 1.64 %.
  assert.equal(smallestRate(60).toFixed(4), "0.0164");
  assert.equal(
    thresholdFor(
      Array.from({ length: 60 }, (_, i) => i + 1),
      smallestRate(60),
    ).method,
    "conformal",
  );
  // One of four scores lies above 3: (1 + 1) / (4 + 1).
  assert.equal(rateAbove([1, 2, 3, 4], 3), 0.4);
});

test("the stated rate holds for a further image: at most α of all leave-one-out rounds reject", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 50 }), { minLength: 2, maxLength: 60 }),
      fc.double({ min: 0.01, max: 0.9, noNaN: true }),
      (scores, rate) => {
        const rejected = scores.filter((score, i) => score > thresholdFor(scores.toSpliced(i, 1), rate).threshold);
        if (scores.length * rate >= 1) assert.ok(rejected.length <= scores.length * rate + 1e-6);
      },
    ),
  );
});

test("no scores, scores that are not finite and rates outside (0, 1) are refused", () => {
  assert.throws(() => thresholdFor([], 0.01), InputError);
  assert.throws(() => thresholdFor([1, NaN], 0.01), InputError);
  assert.throws(() => thresholdFor([1, Infinity], 0.01), InputError);
  for (const rate of [0, 1, NaN]) assert.throws(() => thresholdFor([1], rate), BugError);
});
