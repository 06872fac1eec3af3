import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { frameStatistics, regionBrightness } from "../../src/patchcore/frame-statistics.ts";
import type { MeasuredFrame } from "../../src/patchcore/frame-validity.ts";
import { frameProblem, learnLimits } from "../../src/patchcore/frame-validity.ts";
import type { RawImage } from "../../src/shared/image.ts";

/** Grey levels as an RGB frame; 77 + 150 + 29 = 256, so a grey pixel's luminance is its level. */
function grey(width: number, levels: readonly number[]): RawImage {
  const data = Uint8Array.from(levels.flatMap((level) => [level, level, level]));
  return { width, height: levels.length / width, format: "RGB", data };
}

const measure = (frame: RawImage) => frameStatistics(frame, new Uint8Array(frame.width * frame.height));

test("brightness, saturation and sharpness of 3 × 3 pixels, worked by hand", () => {
  // One white pixel in the middle of black: mean 255 / 9, one of nine saturated. The one inner pixel's Laplacian is
  // 4 · 255 = 1020; the variance is 255² / 9 − (255 / 9)² = 7225 − 802.777… = 6422.222…
  const { brightness, saturated, sharpness } = measure(grey(3, [0, 0, 0, 0, 255, 0, 0, 0, 0]));
  assert.equal(brightness, 255 / 9);
  assert.equal(saturated, 1 / 9);
  assert.ok(Math.abs(sharpness - 1020 ** 2 / (57_800 / 9 + 1)) < 1e-9);
});

test("a frame of one level has no sharpness, and 249 is not saturated while 250 is", () => {
  assert.deepEqual(measure(grey(4, new Array<number>(16).fill(249))), { brightness: 249, saturated: 0, sharpness: 0 });
  assert.equal(measure(grey(4, new Array<number>(16).fill(250))).saturated, 1);
});

test("half of the light changes the sharpness by its rounding alone", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 127 }), { minLength: 64, maxLength: 64 }), (levels) => {
      const variance = (values: readonly number[]): number => {
        const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
        return values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
      };
      fc.pre(variance(levels) > 200);
      const [dim, full] = [
        measure(grey(8, levels)),
        measure(
          grey(
            8,
            levels.map((level) => 2 * level),
          ),
        ),
      ];
      // L and variance both grow fourfold; the one level² on the variance is what differs.
      assert.ok(full.sharpness >= dim.sharpness && full.sharpness < 1.01 * dim.sharpness);
    }),
  );
});

test("the brightness of a region is the mean of its pixels alone, in grey and in colour", () => {
  const levels = [9, 9, 9, 9, 9, 10, 20, 9, 9, 30, 40, 9];
  const region = { x: 1, y: 1, width: 2, height: 2 };
  assert.equal(regionBrightness(grey(4, levels), region), 25);
  const bare: RawImage = { width: 4, height: 3, format: "GRAY8", data: Uint8Array.from(levels) };
  assert.equal(regionBrightness(bare, region), 25);
});

const frame = (changes: Partial<MeasuredFrame> = {}): MeasuredFrame => ({
  ...{ brightness: 100, saturated: 0, sharpness: 0.08, part: 60 },
  ...changes,
});
const REGION = { x: 0, y: 0, width: 10, height: 10 };

test("limits lie well outside of what the nominal images show", () => {
  const limits = learnLimits([frame(), frame({ brightness: 80, saturated: 0.2, sharpness: 0.1, part: 90 })], REGION);
  // Half of 80; 0.2 and the larger of the spread 0.2 and a quarter of 0.8; half of 0.08; 30 beyond 60 and 90.
  assert.deepEqual(limits, {
    minBrightness: 40,
    maxSaturated: 0.4,
    minSharpness: 0.04,
    part: { region: REGION, minimum: 30, maximum: 120 },
  });
  const uniform = learnLimits([frame({ part: 4 })], REGION);
  assert.deepEqual(uniform.part, { region: REGION, minimum: 0, maximum: 12 });
  assert.equal(uniform.maxSaturated, 0.25);
  assert.equal(learnLimits([frame()], null).part, null);
});

test("a frame is refused for the first thing that is wrong with it, and at its limit it is valid", () => {
  const limits = learnLimits([frame()], REGION);
  const reasonOf = (changes: Partial<MeasuredFrame>) => frameProblem(frame(changes), limits)?.reason ?? null;
  assert.equal(reasonOf({ brightness: 50 }), null);
  assert.equal(reasonOf({ brightness: 49.9, sharpness: 0 }), "frame-dark");
  assert.equal(reasonOf({ saturated: 0.25 }), null);
  assert.equal(reasonOf({ saturated: 0.26 }), "frame-saturated");
  assert.equal(reasonOf({ sharpness: 0.04 }), null);
  assert.equal(reasonOf({ sharpness: 0.039 }), "frame-blurred");
  assert.equal(reasonOf({ part: 52 }), null);
  assert.equal(reasonOf({ part: 51 }), "no-part");
  assert.equal(reasonOf({ part: 69 }), "no-part");
  assert.equal(reasonOf({ part: NaN }), "no-part");
  assert.deepEqual(frameProblem(frame({ brightness: 3.14159 }), limits), {
    reason: "frame-dark",
    expected: "a brightness of at least 50",
    received: "3.14",
  });
});

test("no nominal image is refused by the limits that were learnt from it", () => {
  const measured = fc.record({
    brightness: fc.double({ min: 0, max: 255, noNaN: true }),
    saturated: fc.double({ min: 0, max: 1, noNaN: true }),
    sharpness: fc.double({ min: 0, max: 20, noNaN: true }),
    part: fc.double({ min: 0, max: 255, noNaN: true }),
  });
  fc.assert(
    fc.property(fc.array(measured, { minLength: 1, maxLength: 20 }), (frames) => {
      const limits = learnLimits(frames, REGION);
      for (const one of frames) assert.equal(frameProblem(one, limits), null);
    }),
  );
});
