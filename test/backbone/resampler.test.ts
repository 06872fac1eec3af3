import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { axisWeights } from "../../src/backbone/resample-weights.ts";
import { Resampler } from "../../src/backbone/resampler.ts";
import { BugError } from "../../src/shared/errors.ts";
import type { RawImage, Region, Resize } from "../../src/shared/image.ts";
import type { Placement } from "../../src/shared/placement.ts";

interface Case {
  readonly kernel: Resize["kernel"];
  readonly image: RawImage;
  readonly region: Region;
  readonly placement: Placement;
}

/** A length, and a piece of it. */
function piece(most: number): fc.Arbitrary<{ whole: number; start: number; size: number }> {
  return fc.tuple(fc.integer({ min: 1, max: most }), fc.nat(), fc.nat()).map(([whole, start, size]) => {
    const from = start % whole;
    return { whole, start: from, size: 1 + (size % (whole - from)) };
  });
}

/** Levels at the ends of the range are frequent: there a cubic overshoots. */
const LEVELS = [0, 255, 255, 0, 17, 128, 254, 1];

const CASES: fc.Arbitrary<Case> = fc
  .record({
    kernel: fc.constantFrom("linear", "bicubic"),
    isGrey: fc.boolean(),
    across: piece(90),
    down: piece(90),
    scaledAcross: piece(60),
    scaledDown: piece(60),
    seed: fc.integer({ min: 1, max: 2 ** 20 }),
  })
  .map(({ kernel, isGrey, across, down, scaledAcross, scaledDown, seed }) => {
    const bytes = across.whole * down.whole * (isGrey ? 1 : 3);
    const data = Uint8Array.from({ length: bytes }, (_, i) => {
      const random = Math.imul(i + seed, 2_654_435_761) >>> 16;
      return random % 3 === 0 ? random % 256 : LEVELS[random % LEVELS.length]!;
    });
    return {
      kernel,
      image: { width: across.whole, height: down.whole, format: isGrey ? "GRAY8" : "RGB", data },
      region: { x: across.start, y: down.start, width: across.size, height: down.size },
      placement: {
        scaled: { width: scaledAcross.whole, height: scaledDown.whole },
        left: scaledAcross.start,
        top: scaledDown.start,
        cut: { width: scaledAcross.size, height: scaledDown.size },
      },
    };
  });

/** One value after the other, in plain integers. */
function plainly({ kernel, image, region, placement }: Case): Uint8Array {
  const channels = image.format === "RGB" ? 3 : 1;
  const { scaled, left, top, cut } = placement;
  const columns = axisWeights(kernel, { from: region.width, to: scaled.width }, left, cut.width);
  const rows = axisWeights(kernel, { from: region.height, to: scaled.height }, top, cut.height);
  const half = 2 ** 21;
  const cutOff = (sum: number): number => Math.max(0, Math.min(255, sum >> 22));
  const between = (x: number, y: number, channel: number): number => {
    let sum = half;
    for (let tap = 0; tap < columns.taps; tap++) {
      const weight = columns.weights[x * columns.taps + tap]!;
      if (weight === 0) continue;
      const at = (region.y + y) * image.width + region.x + columns.starts[x]! + tap;
      sum += weight * image.data[at * channels + channel]!;
    }
    return cutOff(sum);
  };
  const result = new Uint8Array(cut.width * cut.height * channels);
  for (let y = 0, at = 0; y < cut.height; y++) {
    for (let x = 0; x < cut.width; x++) {
      for (let channel = 0; channel < channels; channel++, at++) {
        let sum = half;
        for (let tap = 0; tap < rows.taps; tap++) {
          const weight = rows.weights[y * rows.taps + tap]!;
          if (weight !== 0) sum += weight * between(x, rows.starts[y]! + tap, channel);
        }
        result[at] = cutOff(sum);
      }
    }
  }
  return result;
}

test("any region, scale and cut of any picture is what plain integers give, one after the other on one resampler", () => {
  const resamplers = { linear: new Resampler("linear"), bicubic: new Resampler("bicubic") };
  fc.assert(
    fc.property(CASES, (one) => {
      const found = resamplers[one.kernel].run(one.image, one.region, one.placement);
      assert.deepEqual(found, plainly(one));
    }),
    { numRuns: 150 },
  );
});

test("a picture of several portions is resized across their borders", () => {
  // 40 rows of 9,000 pixels make ten portions of four rows.
  const [width, height] = [9_000, 40];
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * 31 + (i >> 9)) % 256);
  const one: Case = {
    kernel: "linear",
    image: { width, height, format: "RGB", data },
    region: { x: 0, y: 0, width, height },
    placement: { scaled: { width: 20, height: 7 }, left: 0, top: 0, cut: { width: 20, height: 7 } },
  };
  assert.deepEqual(new Resampler("linear").run(one.image, one.region, one.placement), plainly(one));
});

test("weights of one position make one, however much is shrunk or stretched", () => {
  for (const kernel of ["linear", "bicubic"] as const) {
    for (const [from, to] of [
      [1, 1],
      [1, 9],
      [9, 1],
      [1080, 224],
      [224, 1080],
      [8_000, 7],
    ] as const) {
      const { weights, taps, starts } = axisWeights(kernel, { from, to });
      for (let i = 0; i < to; i++) {
        const own = weights.subarray(i * taps, (i + 1) * taps);
        // Each of them is rounded to 2⁻²² once.
        assert.ok(Math.abs(own.reduce((sum, weight) => sum + weight, 0) - 2 ** 22) <= taps / 2, `${from} → ${to}`);
        const last = own.findLastIndex((weight) => weight !== 0);
        assert.ok(starts[i]! + last < from, "nothing beyond the picture has a weight");
      }
    }
  }
});

test("a picture with fewer bytes than its size says is refused with both numbers", () => {
  const image: RawImage = { width: 4, height: 4, format: "RGB", data: new Uint8Array(47) };
  const size = { width: 4, height: 4 };
  assert.throws(
    () => new Resampler("linear").run(image, { x: 0, y: 0, ...size }, { scaled: size, left: 0, top: 0, cut: size }),
    (error) => error instanceof BugError && /Expected 48 bytes of a picture but received 47/.test(error.message),
  );
});
