import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { contiguousFolds, thresholdFor } from "../../src/patchcore/calibration.ts";
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
  assert.deepEqual(thresholdFor(scores, 0.02), { threshold: 98, method: "conformal" });
  assert.deepEqual(thresholdFor(scores, 0.01), { threshold: 99, method: "conformal" });
});

test("rounding of the rank does not cost a whole score", () => {
  // 100 · (1 − 0.07) is 92.99999999999999 and 100 · (1 − 0.42) is 58.00000000000001 in floating point.
  const scores = Array.from({ length: 99 }, (_, i) => i + 1);
  assert.equal(thresholdFor(scores, 0.07).threshold, 93);
  assert.equal(thresholdFor(scores, 0.42).threshold, 58);
});

test("too few scores for the rate: the normal tail, and never below the largest score", () => {
  // Mean 2, sample deviation √(2 / 2) = 1, z(0.999) = 3.0902323.
  const tail = thresholdFor([1, 2, 3], 0.001);
  assert.equal(tail.method, "normal-tail");
  assert.ok(Math.abs(tail.threshold - 5.090232306167813) < 1e-9);
  // For a rate of 20 %, z = 0.84 and the tail would end below the score 3.
  assert.deepEqual(thresholdFor([1, 2, 3], 0.2), { threshold: 3, method: "normal-tail" });
  assert.deepEqual(thresholdFor([4], 0.01), { threshold: 4, method: "normal-tail" });
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
