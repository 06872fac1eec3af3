import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Extremes, Histogram } from "../../src/backbone/int8-ranges.ts";
import { activationScale, biasLevels, weightLevels } from "../../src/backbone/int8-scales.ts";
import { BugError, InputError } from "../../src/shared/errors.ts";

test("each channel of the weights has its own scale: its largest weight becomes 127", () => {
  // Channel 0: largest 2.54, scale 0.02; 1.27 → 63.5 → 64 (Math.round), −2.54 → −127. Channel 1: a hundredth of that.
  const weights = Float32Array.of(1.28, -2.54, 0.0128, -0.0254);
  const { levels, scales } = weightLevels(weights, 2, null, 1, 127);
  assert.deepEqual([...levels], [64, -127, 64, -127]);
  assert.deepEqual([...scales], [Math.fround(Math.fround(2.54) / 127), Math.fround(Math.fround(0.0254) / 127)]);
});

test("weights of reduced range end at 63", () => {
  // 6.3 / 63 = 0.1 a level: 3.2 → 32.
  const { levels, scales } = weightLevels(Float32Array.of(6.3, 3.2, -6.3), 1, null, 1, 63);
  assert.deepEqual([...levels], [63, 32, -63]);
  assert.ok(Math.abs((scales[0] ?? 0) - 0.1) < 1e-8);
});

test("a dead channel gets a scale in which its bias fits into int32", () => {
  const bias = Float32Array.of(5, 0);
  const { levels, scales } = weightLevels(Float32Array.of(0, 0, 0, 0), 2, bias, 1e-3, 127);
  assert.deepEqual([...levels], [0, 0, 0, 0]);
  // 5 in steps of 0.001 · s is at most half of 2³¹ − 1: s = 10 / (0.001 · (2³¹ − 1)). Without a bias any scale does: 1.
  assert.ok(Math.abs((scales[0] ?? 0) / (10 / (1e-3 * (2 ** 31 - 1))) - 1) < 1e-6);
  assert.equal(scales[1], 1);
  const [level = 0] = biasLevels(bias, 1e-3, scales);
  assert.ok(Math.abs(level * 1e-3 * (scales[0] ?? 0) - 5) < 1e-5, `${level}`);
});

test("a bias is stored in steps of the input's scale times the channel's", () => {
  // 0.5 / (0.25 · 0.5) = 4; −3 / (0.25 · 2) = −6.
  assert.deepEqual([...biasLevels(Float32Array.of(0.5, -3), 0.25, Float32Array.of(0.5, 2))], [4, -6]);
});

test("an activation's range always holds 0, exactly", () => {
  // −1 to 4: 5 / 255 a level, 0 at 51. 2 to 5.1 begins at 0: 0.02 a level. Nothing but 0: any scale does.
  assert.deepEqual(activationScale({ low: -1, high: 4 }), { scale: Math.fround(5 / 255), zero: 51 });
  assert.deepEqual(activationScale({ low: 2, high: 5.1 }), { scale: Math.fround(5.1 / 255), zero: 0 });
  assert.deepEqual(activationScale({ low: -2.55, high: -1 }), { scale: Math.fround(0.01), zero: 255 });
  assert.deepEqual(activationScale({ low: 0, high: 0 }), { scale: 1, zero: 0 });
  assert.throws(() => activationScale({ low: 0, high: Infinity }), BugError);
});

test("every weight comes back to half a level of its channel", () => {
  const weight = fc.float({ min: -100, max: 100, noNaN: true });
  fc.assert(
    fc.property(fc.array(fc.tuple(weight, weight, weight), { minLength: 1, maxLength: 8 }), (rows) => {
      const weights = Float32Array.from(rows.flat());
      const { levels, scales } = weightLevels(weights, rows.length, null, 1, 127);
      weights.forEach((value, i) => {
        const scale = scales[Math.floor(i / 3)] ?? 0;
        assert.ok(Math.abs(value - (levels[i] ?? 0) * scale) <= scale * (0.5 + 1e-4));
      });
    }),
  );
});

test("the central 90 % of 100 equal steps leaves five at each end out", () => {
  const values = Float32Array.from({ length: 100 }, (_, i) => i);
  const range = new Extremes();
  range.add(values, "x");
  assert.deepEqual([range.low, range.high], [0, 99]);
  const histogram = new Histogram(range);
  histogram.add(values);
  const { low, high } = histogram.central(90);
  // 0 to 4 and 95 to 99 are left out; a bin is 99 / 8192 wide.
  assert.ok(Math.abs(low - 5) <= 99 / 8192 && Math.abs(high - 94) <= (2 * 99) / 8192, `${low} to ${high}`);
  assert.deepEqual(histogram.central(100), { low: 0, high: 99 });
});

test("a value that is always the same has that as its range", () => {
  const range = new Extremes();
  range.add(Float32Array.of(3, 3), "x");
  const histogram = new Histogram(range);
  histogram.add(Float32Array.of(3, 3));
  assert.deepEqual(histogram.central(99), { low: 3, high: 3 });
});

test("a network that gives NaN or infinity is refused", () => {
  for (const bad of [Number.NaN, Infinity, -Infinity])
    assert.throws(() => new Extremes().add(Float32Array.of(1, bad, 2), "layer2"), InputError);
});
