import assert from "node:assert/strict";
import { test } from "node:test";
import { trendOf } from "../bench/soak/trend.ts";

const series = (valueAt: (i: number) => number) =>
  Array.from({ length: 100 }, (_, i) => ({ atS: i * 36, value: valueAt(i) }));

test("a leak is not flat, and its slope is told per hour", () => {
  // One unit each 36 s: 100 an hour, and 99 over the 99 steps that were watched.
  const { slopePerHour, growth, isFlat, median, largest } = trendOf(
    series((i) => 50 + i),
    10,
  );
  assert.ok(Math.abs(slopePerHour - 100) < 1e-9);
  assert.ok(Math.abs(growth - 99) < 1e-9);
  assert.deepEqual([isFlat, median, largest], [false, 100, 149]);
});

test("a leak below a saw-tooth of a collector is still seen", () => {
  const { isFlat } = trendOf(
    series((i) => 50 + i + 20 * (i % 7)),
    10,
  );
  assert.equal(isFlat, false);
});

test("a saw-tooth, a spike and shrinking are flat", () => {
  assert.equal(
    trendOf(
      series((i) => 50 + 20 * (i % 7)),
      4,
    ).isFlat,
    true,
  );
  assert.equal(
    trendOf(
      series((i) => (i === 90 ? 500 : 50)),
      1,
    ).isFlat,
    true,
  );
  assert.equal(
    trendOf(
      series((i) => 500 - i),
      1,
    ).isFlat,
    true,
  );
});

test("too few samples are no verdict", () => {
  assert.throws(() => trendOf([{ atS: 0, value: 1 }], 1), /at least 3 samples/);
});
