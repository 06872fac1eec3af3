import assert from "node:assert/strict";
import { test } from "node:test";
import sharp from "sharp";
import { prepareFrame } from "../../src/backbone/prepare.ts";
import { InputError } from "../../src/shared/errors.ts";
import type { RawImage, Region, Rotation } from "../../src/shared/image.ts";
import { readNpy } from "../support/npy.ts";

/** Grey levels, row by row, as an RGB frame whose green and blue lie 50 and 100 higher. */
function frame(rows: readonly (readonly number[])[]): RawImage {
  const data = Uint8Array.from(rows.flat().flatMap((level) => [level, level + 50, level + 100]));
  return { width: rows[0]?.length ?? 0, height: rows.length, format: "RGB", data };
}

function redOf({ width, height, data }: RawImage): number[][] {
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => data[(y * width + x) * 3] ?? -1),
  );
}

const LETTERS = frame([
  [1, 2, 3],
  [4, 5, 6],
]);

function options(rotation: Rotation, width: number, height: number, region: Region | null = null) {
  return { region, rotation, resize: { mode: "stretch", width, height, kernel: "linear" } } as const;
}

test("a frame of the right size comes out as it went in", async () => {
  assert.deepEqual(redOf(await prepareFrame(LETTERS, options(0, 3, 2))), [
    [1, 2, 3],
    [4, 5, 6],
  ]);
});

test("rotation turns clockwise", async () => {
  assert.deepEqual(redOf(await prepareFrame(LETTERS, options(90, 2, 3))), [
    [4, 1],
    [5, 2],
    [6, 3],
  ]);
  assert.deepEqual(redOf(await prepareFrame(LETTERS, options(180, 3, 2))), [
    [6, 5, 4],
    [3, 2, 1],
  ]);
  assert.deepEqual(redOf(await prepareFrame(LETTERS, options(270, 2, 3))), [
    [3, 6],
    [2, 5],
    [1, 4],
  ]);
});

test("the three channels of a pixel stay together and in order", async () => {
  const turned = await prepareFrame(LETTERS, options(90, 2, 3));
  assert.deepEqual([...turned.data.subarray(0, 6)], [4, 54, 104, 1, 51, 101]);
});

test("the region is cut in the frame's own coordinates, before the turn", async () => {
  const region = { x: 1, y: 0, width: 2, height: 2 };
  assert.deepEqual(redOf(await prepareFrame(LETTERS, options(90, 2, 2, region))), [
    [5, 2],
    [6, 3],
  ]);
});

test("a grey frame gives three equal channels", async () => {
  const grey: RawImage = { width: 3, height: 1, format: "GRAY8", data: Uint8Array.of(7, 8, 9) };
  const { format, data } = await prepareFrame(grey, options(0, 3, 1));
  assert.equal(format, "RGB");
  assert.deepEqual([...data], [7, 7, 7, 8, 8, 8, 9, 9, 9]);
});

test("pixels in the middle of a larger buffer are read from their own offset", async () => {
  const shared = Uint8Array.of(99, 99, 7, 8, 9, 99);
  const grey: RawImage = { width: 3, height: 1, format: "GRAY8", data: shared.subarray(2, 5) };
  assert.deepEqual(redOf(await prepareFrame(grey, options(0, 3, 1))), [[7, 8, 9]]);
});

test("shrinking weighs every pixel: fine stripes become an even grey", async () => {
  const stripes = frame(Array.from({ length: 64 }, () => Array.from({ length: 64 }, (_, x) => (x % 2) * 100)));
  const small = redOf(await prepareFrame(stripes, options(0, 8, 8)));
  // Half of the pixels are 0 and half 100; the weights at the border are cut, so it may differ by a few levels.
  for (const level of small.flat()) assert.ok(Math.abs(level - 50) <= 4, `got ${level}`);
});

test("width and height need not keep the frame's proportions", async () => {
  const { width, height, data } = await prepareFrame(LETTERS, options(90, 64, 32));
  assert.deepEqual([width, height, data.length], [64, 32, 64 * 32 * 3]);
});

test("the pixels do not depend on the number of threads", async (t) => {
  const before = sharp.concurrency();
  t.after(() => sharp.concurrency(before));
  const noise = frame(
    Array.from({ length: 300 }, (_, y) => Array.from({ length: 401 }, (_, x) => (x * x + 7 * y * x) % 150)),
  );
  sharp.concurrency(1);
  const one = await prepareFrame(noise, options(270, 96, 64));
  sharp.concurrency(4);
  assert.deepEqual(await prepareFrame(noise, options(270, 96, 64)), one);
});

test("a region that reaches out of the frame is refused with both sizes", async () => {
  const region = { x: 2, y: 0, width: 2, height: 2 };
  await assert.rejects(prepareFrame(LETTERS, options(0, 2, 2, region)), (error) => {
    assert.ok(error instanceof InputError);
    assert.equal(error.code, "region-outside");
    assert.match(error.message, /frame of 3 × 2 but got x 2, y 0, width 2, height 2/);
    return true;
  });
  const negative = { x: -1, y: 0, width: 2, height: 2 };
  await assert.rejects(prepareFrame(LETTERS, options(0, 2, 2, negative)), InputError);
});

test("a crop scales the shorter side and keeps the middle", async () => {
  // 4 × 12 pixels whose level is 10 · column: at shorter side 4 nothing is scaled, and columns 4 … 7 are the middle.
  const wide = frame(Array.from({ length: 4 }, () => Array.from({ length: 12 }, (_, x) => 10 * x)));
  const crop = { mode: "crop", shorterSide: 4, width: 4, height: 2, kernel: "bicubic" } as const;
  const middle = [40, 50, 60, 70];
  const prepared = await prepareFrame(wide, { region: null, rotation: 0, resize: crop });
  assert.deepEqual(redOf(prepared), [middle, middle]);
  // Turned by 90°, width and height are those of the result: two columns of the middle, four rows.
  const turned = await prepareFrame(wide, { region: null, rotation: 90, resize: { ...crop, width: 4, height: 2 } });
  assert.deepEqual(redOf(turned), [
    [50, 50, 50, 50],
    [60, 60, 60, 60],
  ]);
});

for (const [kernel, file] of [
  ["bicubic", "resized_bicubic.npy"],
  ["linear", "resized_linear.npy"],
] as const) {
  test(`a ${kernel} resize and crop is torchvision's to within a level or so`, async () => {
    const { shape, data } = readNpy("resize_source.npy", Uint8Array);
    const [height = 0, width = 0] = shape;
    const expected = readNpy(file, Uint8Array);
    const resize = { mode: "crop", shorterSide: 56, width: 48, height: 48, kernel } as const;
    const image: RawImage = { width, height, format: "RGB", data };
    const prepared = await prepareFrame(image, { region: null, rotation: 0, resize });
    assert.deepEqual([prepared.height, prepared.width, 3], expected.shape);
    let sum = 0;
    let most = 0;
    for (let i = 0; i < expected.data.length; i++) {
      const error = Math.abs(expected.data[i]! - prepared.data[i]!);
      sum += error;
      most = Math.max(most, error);
    }
    const mean = sum / expected.data.length;
    assert.ok(mean < 1 && most <= 8, `mean error ${mean}, largest ${most}`);
  });
}
