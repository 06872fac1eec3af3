import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../src/patchcore/random.ts";
import { trendOf, type Sample } from "../bench/soak/trend.ts";

/** Half an hour of samples, two seconds apart, as after the warm-up of an hour. */
const series = (valueAt: (minute: number, i: number) => number): Sample[] =>
  Array.from({ length: 901 }, (_, i) => ({ atS: 1_800 + 2 * i, value: valueAt(i / 30, i) }));
/** MiB, as of a process's memory. */
const ALLOWED = 2;
/** A process of 130 MiB: between collections it rises by 3 MiB within 70 s, and each sample errs by a third of one. */
const steady = (seed: number): ((minute: number, i: number) => number) => {
  const random = seededRandom(seed);
  return (_, i) => 130 + (3 * (i % 35)) / 35 + 0.3 * random.gaussian();
};

test("a leak of 1 MiB a minute grows, by 60 an hour", () => {
  const noise = steady(1);
  const trend = trendOf(
    series((minute, i) => noise(minute, i) + minute),
    ALLOWED,
  );
  const [low, high] = trend.slopeLimits;
  assert.equal(trend.verdict, "grows");
  assert.ok(Math.abs(trend.slopePerHour - 60) < 2, String(trend.slopePerHour));
  assert.ok(low > 55 && low < 60 && high > 60 && high < 65, `${low} to ${high}`);
  // 60 an hour for half an hour are 30, and the upper limit is above it.
  assert.ok(trend.growthLimit > 30 && trend.growthLimit < 33, String(trend.growthLimit));
});

test("a leak of 6 MiB an hour, 3 in the watched time, is seen below the teeth of the collector", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const noise = steady(seed);
    const trend = trendOf(
      series((minute, i) => noise(minute, i) + minute / 10),
      ALLOWED,
    );
    assert.equal(trend.verdict, "grows", JSON.stringify(trend));
  }
});

test("teeth of the collector, noise, a spike and shrinking are flat", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const trend = trendOf(series(steady(seed)), ALLOWED);
    assert.equal(trend.verdict, "flat", JSON.stringify(trend));
  }
  const flat = [series((_, i) => (i === 800 ? 500 : 130)), series((minute) => 500 - minute), series(() => 34)];
  for (const samples of flat) assert.equal(trendOf(samples, 0).verdict, "flat");
});

test("steps that have ended before the first twelfth are flat", () => {
  const noise = steady(3);
  const trend = trendOf(
    series((minute, i) => noise(minute, i) - (minute < 1 ? 5 : 0) - (minute < 2 ? 5 : 0)),
    ALLOWED,
  );
  assert.equal(trend.verdict, "flat", JSON.stringify(trend));
});

test("steps that end within the watched time are not shown to be flat, and steps that go on grow", () => {
  const noise = steady(4);
  const ended = trendOf(
    series((minute, i) => noise(minute, i) + 3 * Math.min(5, Math.floor(minute / 3))),
    ALLOWED,
  );
  assert.notEqual(ended.verdict, "flat", JSON.stringify(ended));
  const single = trendOf(
    series((minute, i) => noise(minute, i) + (minute < 15 ? 0 : 5)),
    ALLOWED,
  );
  assert.equal(single.verdict, "unsettled", JSON.stringify(single));
  const goesOn = trendOf(
    series((minute, i) => noise(minute, i) + 3 * Math.floor(minute / 5)),
    ALLOWED,
  );
  assert.equal(goesOn.verdict, "grows", JSON.stringify(goesOn));
});

test("the confidence limits are those of Sen's ranks", () => {
  // 12 parts with values 0 to 11 one unit of time apart, but the last is 0: the 55 slopes between the others are 1, those
  // of the 11 pairs with the last are 0, -1/10 … and -10: (0 - k) / (11 - k). z√Var(S) = 1.96·√(12·11·29/18) = 28.58; of the
  // 66 slopes by size the limits are the 18th, (66 - 28.58)/2 = 18.7, and the 49th, (66 + 28.58)/2 + 1 = 48.3: both 1.
  const parts = Array.from({ length: 12 }, (_, k) => ({ atS: k, value: k === 11 ? 0 : k }));
  const { slopePerHour, slopeLimits, growthLimit, median, largest } = trendOf(parts, 1);
  assert.deepEqual([slopePerHour, ...slopeLimits, growthLimit], [3_600, 3_600, 3_600, 11]);
  assert.deepEqual([median, largest], [4.5, 10]);
  // With the last three at 0, 36 slopes are 1, and the 9 × 3 with them -k/9, -k/10, -k/11 … or above; 3 more are 0. The median is
  // 1 still, the 18th from below is one of those that fall, so that the lower limit is below nothing.
  const fallen = trendOf(
    parts.map(({ atS }) => ({ atS, value: atS >= 9 ? 0 : atS })),
    1,
  );
  assert.equal(fallen.slopePerHour, 3_600);
  assert.ok(fallen.slopeLimits[0] < 0, String(fallen.slopeLimits[0]));
  assert.equal(fallen.verdict, "unsettled");
});

test("samples in too few parts of the time are no verdict", () => {
  assert.throws(() => trendOf([], 1), /at least 8 of 12 parts .* but there are some in 0/);
  assert.throws(() => trendOf([{ atS: 0, value: 1 }], 1), /in 0/);
  const gone = series(() => 1).filter(({ atS }) => atS < 2_700 || atS === 3_600);
  assert.throws(() => trendOf(gone, 1), /there are some in 7/);
});
