import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { thresholdFor } from "../../src/patchcore/calibration.ts";
import { exceedance, fitParetoTail, predictiveThreshold, tailQuantile } from "../../src/patchcore/pareto-tail.ts";
import { seededRandom, type Random } from "../../src/patchcore/random.ts";

interface Distribution {
  readonly draw: (random: Random) => number;
  /** P(X > x) */
  readonly beyond: (x: number) => number;
}

/** P(Z > z) of the standard normal for z ≥ 0, relative error below 1.2e-7 (Numerical Recipes, erfcc). */
function normalBeyond(z: number): number {
  const x = z / Math.SQRT2;
  const t = 1 / (1 + x / 2);
  const series = [
    1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277,
  ];
  const sum = series.reduceRight((inner, coefficient) => coefficient + t * inner, 0);
  return 0.5 * t * Math.exp(-x * x - 1.26551223 + t * sum);
}

const DISTRIBUTIONS: Readonly<Record<string, Distribution>> = {
  normal: { draw: (random) => 5 + random.gaussian(), beyond: (x) => normalBeyond(x - 5) },
  Gumbel: { draw: (random) => -Math.log(-Math.log(random.uniform())), beyond: (x) => -Math.expm1(-Math.exp(-x)) },
  exponential: { draw: (random) => -Math.log(random.uniform()), beyond: (x) => Math.exp(-x) },
  uniform: { draw: (random) => random.uniform(), beyond: (x) => Math.max(0, 1 - x) },
};

const REPETITIONS = 1000;

/** @returns the mean of the true rates beyond the thresholds of 1,000 calibrations on `count` scores */
function realisedRate({ draw, beyond }: Distribution, count: number, rate: number): number {
  const random = seededRandom(11);
  let sum = 0;
  for (let i = 0; i < REPETITIONS; i++) {
    const scores = Array.from({ length: count }, () => draw(random));
    sum += beyond(thresholdFor(scores, rate).threshold);
  }
  return sum / REPETITIONS;
}

for (const [name, distribution] of Object.entries(DISTRIBUTIONS)) {
  test(`over 1,000 calibrations a rate within reach of the images is kept: ${name}`, () => {
    // The conformal quantile of 99 scores at 5 % is the 95th: exceeded with 5 / 100 on average, each time with a
    // standard deviation of √(0.05 · 0.95 / 101) = 0.0217, the mean of 1,000 with 0.0007.
    const rate = realisedRate(distribution, 99, 0.05);
    assert.ok(rate < 0.05 + 4 * 0.0007, `${rate}`);
    assert.ok(rate > 0.05 - 4 * 0.0007, `${rate}`);
  });

  test(`over 1,000 calibrations an extrapolated rate is kept within a factor of 2.5: ${name}`, () => {
    // 60 scores for one in a thousand: sixteen times further than they reach.
    const rate = realisedRate(distribution, 60, 0.001);
    assert.ok(rate <= 0.0025, `${rate}`);
  });

  test(`over 1,000 calibrations a rate just out of reach is kept within a third: ${name}`, () => {
    const rate = realisedRate(distribution, 60, 0.01);
    assert.ok(rate <= 0.0133, `${rate}`);
  });
}

test("the fit recovers an exponential and a bounded tail", () => {
  const random = seededRandom(2);
  const exponential = Float64Array.from({ length: 40_000 }, () => -2 * Math.log(random.uniform())).sort();
  const tail = fitParetoTail(exponential);
  // Beyond its median 2 ln 2 = 1.386 an exponential is itself again.
  assert.ok(Math.abs(tail.start - 2 * Math.LN2) < 0.05 && tail.share === 0.5, JSON.stringify(tail));
  assert.ok(Math.abs(tail.shape) < 0.05 && Math.abs(tail.scale - 2) < 0.1, JSON.stringify(tail));
  // 1 − U⁵ has P(X > t) = (1 − t)^(1/5): shape −5, beyond the bound of −0.2.
  const bounded = Float64Array.from({ length: 1000 }, () => 1 - random.uniform() ** 5).sort();
  assert.equal(fitParetoTail(bounded).shape, -0.2);
});

test("exceedance and quantile are each other's inverse, also at shape 0 and beyond a tail's end", () => {
  fc.assert(
    fc.property(
      fc.double({ min: -0.2, max: 0.25, noNaN: true }),
      fc.double({ min: 1e-6, max: 0.5, noNaN: true }),
      (shape, rate) => {
        const tail = { start: 3, share: 0.5, scale: 0.7, shape };
        assert.ok(Math.abs(exceedance(tail, tailQuantile(tail, rate)) / rate - 1) < 1e-6);
      },
    ),
  );
  // Shape −0.2 ends at start + scale / 0.2.
  assert.equal(exceedance({ start: 0, share: 0.5, scale: 1, shape: -0.2 }, 5.1), 0);
  assert.equal(exceedance({ start: 2, share: 0.5, scale: 0, shape: 0 }, 2), 0);
  assert.equal(exceedance({ start: 2, share: 0.5, scale: 1, shape: 0 }, 1), 0.5);
});

test("the same scores give the same threshold, and a smaller rate a larger one", () => {
  const random = seededRandom(5);
  const scores = Float64Array.from({ length: 50 }, () => random.gaussian()).sort();
  assert.deepEqual(predictiveThreshold(scores, 0.001), predictiveThreshold(scores, 0.001));
  assert.ok(predictiveThreshold(scores, 0.001).threshold > predictiveThreshold(scores, 0.01).threshold);
  const { threshold, low, high } = predictiveThreshold(scores, 0.001);
  assert.ok(low < threshold && threshold <= high);
});

test("two scores are extrapolated by their distance", () => {
  const { threshold } = predictiveThreshold(Float64Array.of(1, 2), 0.01);
  assert.ok(threshold > 2 && Number.isFinite(threshold), `${threshold}`);
});
