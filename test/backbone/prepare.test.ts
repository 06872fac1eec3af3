import assert from "node:assert/strict";
import { test } from "node:test";
import { FramePreparer, type PrepareOptions } from "../../src/backbone/prepare.ts";
import { InputError } from "../../src/shared/errors.ts";
import type { RawImage, Region, Rotation } from "../../src/shared/image.ts";
import type { PixelSource } from "../../src/shared/pixels.ts";
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

function prepared(image: RawImage, how: PrepareOptions): RawImage {
  return new FramePreparer(how).prepare(image);
}

function options(rotation: Rotation, width: number, height: number, region: Region | null = null) {
  return { region, rotation, resize: { mode: "stretch", width, height, kernel: "linear" } } as const;
}

test("a frame of the right size comes out as it went in", () => {
  assert.deepEqual(redOf(prepared(LETTERS, options(0, 3, 2))), [
    [1, 2, 3],
    [4, 5, 6],
  ]);
});

test("rotation turns clockwise", () => {
  assert.deepEqual(redOf(prepared(LETTERS, options(90, 2, 3))), [
    [4, 1],
    [5, 2],
    [6, 3],
  ]);
  assert.deepEqual(redOf(prepared(LETTERS, options(180, 3, 2))), [
    [6, 5, 4],
    [3, 2, 1],
  ]);
  assert.deepEqual(redOf(prepared(LETTERS, options(270, 2, 3))), [
    [3, 6],
    [2, 5],
    [1, 4],
  ]);
});

test("the three channels of a pixel stay together and in order", () => {
  const turned = prepared(LETTERS, options(90, 2, 3));
  assert.deepEqual([...turned.data.subarray(0, 6)], [4, 54, 104, 1, 51, 101]);
});

test("the region is cut in the frame's own coordinates, before the turn", () => {
  const region = { x: 1, y: 0, width: 2, height: 2 };
  assert.deepEqual(redOf(prepared(LETTERS, options(90, 2, 2, region))), [
    [5, 2],
    [6, 3],
  ]);
});

test("a grey frame gives three equal channels", () => {
  const grey: RawImage = { width: 3, height: 1, format: "GRAY8", data: Uint8Array.of(7, 8, 9) };
  const { format, data } = prepared(grey, options(0, 3, 1));
  assert.equal(format, "RGB");
  assert.deepEqual([...data], [7, 7, 7, 8, 8, 8, 9, 9, 9]);
});

test("pixels in the middle of a larger buffer are read from their own offset", () => {
  const shared = Uint8Array.of(99, 99, 7, 8, 9, 99);
  const grey: RawImage = { width: 3, height: 1, format: "GRAY8", data: shared.subarray(2, 5) };
  assert.deepEqual(redOf(prepared(grey, options(0, 3, 1))), [[7, 8, 9]]);
});

test("shrinking weighs every pixel: fine stripes become an even grey", () => {
  const stripes = frame(Array.from({ length: 64 }, () => Array.from({ length: 64 }, (_, x) => (x % 2) * 100)));
  const small = redOf(prepared(stripes, options(0, 8, 8)));
  // Half of the pixels are 0 and half 100; the weights at the border are cut, so it may differ by a few levels.
  for (const level of small.flat()) assert.ok(Math.abs(level - 50) <= 4, `got ${level}`);
});

test("width and height need not keep the frame's proportions", () => {
  const { width, height, data } = prepared(LETTERS, options(90, 64, 32));
  assert.deepEqual([width, height, data.length], [64, 32, 64 * 32 * 3]);
});

test("frames that follow each other leave nothing of themselves behind, whatever their size and format", () => {
  const noise = (width: number, height: number, format: RawImage["format"]): RawImage => {
    const bytes = width * height * (format === "RGB" ? 3 : 1);
    return { width, height, format, data: Uint8Array.from({ length: bytes }, (_, i) => (i * i + 7 * i) % 251) };
  };
  const frames = [
    noise(401, 300, "RGB"),
    noise(33, 7, "RGB"),
    noise(1, 1, "RGB"),
    noise(640, 481, "GRAY8"),
    noise(401, 300, "RGB"),
    noise(2, 900, "GRAY8"),
    noise(3000, 2, "RGB"),
  ];
  const how = options(270, 96, 64);
  const preparer = new FramePreparer(how);
  const one = frames.map((image) => preparer.prepare(image));
  assert.deepEqual(
    one,
    frames.map((image) => prepared(image, how)),
  );
});

test("a frame that is fetched gives what the same frame in memory gives, and rows outside of the region are not fetched", () => {
  const [width, height] = [300, 200];
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * i + 7 * i) % 251);
  const region = { x: 31, y: 40, width: 64, height: 50 };
  const how = options(0, 24, 24, region);
  const rows = new Set<number>();
  const source: PixelSource = {
    width,
    height,
    format: "RGB",
    spentMs: 0,
    copy: (into, from) => {
      into.set(data.subarray(from, from + into.length));
      for (let at = from; at < from + into.length; at++) rows.add(Math.floor(at / (width * 3)));
    },
  };
  const fetched = new FramePreparer(how).prepare(source);
  assert.deepEqual(fetched, prepared({ width, height, format: "RGB", data }, how));
  assert.deepEqual([Math.min(...rows), Math.max(...rows), rows.size], [40, 89, 50]);
});

test("a region that reaches out of the frame is refused with both sizes", () => {
  const region = { x: 2, y: 0, width: 2, height: 2 };
  assert.throws(
    () => prepared(LETTERS, options(0, 2, 2, region)),
    (error) => {
      assert.ok(error instanceof InputError);
      assert.equal(error.code, "region-outside");
      assert.match(error.message, /frame of 3 × 2 but got x 2, y 0, width 2, height 2/);
      return true;
    },
  );
  const negative = { x: -1, y: 0, width: 2, height: 2 };
  assert.throws(() => prepared(LETTERS, options(0, 2, 2, negative)), InputError);
});

test("a crop scales the shorter side and keeps the middle", () => {
  // 4 × 12 pixels whose level is 10 · column: at shorter side 4 nothing is scaled, and columns 4 … 7 are the middle.
  const wide = frame(Array.from({ length: 4 }, () => Array.from({ length: 12 }, (_, x) => 10 * x)));
  const crop = { mode: "crop", shorterSide: 4, width: 4, height: 2, kernel: "bicubic" } as const;
  const middle = [40, 50, 60, 70];
  const inTheMiddle = prepared(wide, { region: null, rotation: 0, resize: crop });
  assert.deepEqual(redOf(inTheMiddle), [middle, middle]);
  // Turned by 90°, width and height are those of the result: two columns of the middle, four rows.
  const turned = prepared(wide, { region: null, rotation: 90, resize: { ...crop, width: 4, height: 2 } });
  assert.deepEqual(redOf(turned), [
    [50, 50, 50, 50],
    [60, 60, 60, 60],
  ]);
});

for (const [kernel, file] of [
  ["bicubic", "resized_bicubic.npy"],
  ["linear", "resized_linear.npy"],
] as const) {
  test(`a ${kernel} resize and crop is Pillow's to the bit`, () => {
    const { shape, data } = readNpy("resize_source.npy", Uint8Array);
    const [height = 0, width = 0] = shape;
    const expected = readNpy(file, Uint8Array);
    const resize = { mode: "crop", shorterSide: 56, width: 48, height: 48, kernel } as const;
    const found = prepared({ width, height, format: "RGB", data }, { region: null, rotation: 0, resize });
    assert.deepEqual([found.height, found.width, 3], expected.shape);
    assert.deepEqual(found.data, Uint8Array.from(expected.data));
  });
}
