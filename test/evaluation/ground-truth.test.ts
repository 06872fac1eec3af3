import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import sharp from "sharp";
import { FramePreparer } from "../../src/backbone/prepare.ts";
import { readTruth, truthOf, type FrameGeometry } from "../../src/evaluation/ground-truth.ts";
import type { RawImage, Region, Rotation } from "../../src/shared/image.ts";
import { readNpy } from "../support/npy.ts";

const grey = (width: number, levels: readonly number[]): RawImage => ({
  width,
  height: levels.length / width,
  format: "GRAY8",
  data: Uint8Array.from(levels),
});

function stretch(width: number, height: number, rotation: Rotation = 0, region: Region | null = null): FrameGeometry {
  return { region, rotation, resize: { mode: "stretch", width, height, kernel: "linear" } };
}

test("a mask is resized by the pixel under the centre and is defective above half", () => {
  // Two of four columns: centres 0.5 and 1.5 lie in source columns 1 and 3.
  assert.deepEqual([...truthOf(grey(4, [255, 127, 0, 128]), stretch(2, 1))], [0, 255]);
  // Four of two: 0, 0, 1, 1.
  assert.deepEqual([...truthOf(grey(2, [0, 200]), stretch(4, 1))], [0, 0, 255, 255]);
});

test("ground truth equals Pillow's nearest resize, above half", () => {
  const { data, shape } = readNpy("ground_truth_mask.npy", Uint8Array);
  const expected = readNpy("ground_truth_defective.npy", Uint8Array);
  const [height = 0, width = 0] = shape;
  const [rows = 0, columns = 0] = expected.shape;
  assert.equal(width * height, data.length);
  const truth = truthOf({ width, height, format: "GRAY8", data }, stretch(columns, rows));
  assert.deepEqual(
    truth,
    expected.data.map((set) => set * 255),
  );
});

test("of a coloured mask any channel counts", () => {
  const data = Uint8Array.of(200, 0, 0, 0, 0, 200, 10, 10, 10);
  assert.deepEqual([...truthOf({ width: 3, height: 1, format: "RGB", data }, stretch(3, 1))], [255, 255, 0]);
});

test("a crop takes the middle of the resized mask", () => {
  // 4 × 2 with the shorter side to 4 is 8 × 4; of that the middle 4 × 4: columns 2 to 5, source columns 1, 1, 2, 2.
  const geometry = { resize: { mode: "crop", shorterSide: 4, width: 4, height: 4, kernel: "linear" } } as const;
  const mask = grey(4, [255, 255, 0, 255, 0, 0, 255, 255]);
  const truth = truthOf(mask, { ...geometry, region: null, rotation: 0 });
  assert.deepEqual([...truth.subarray(0, 4)], [255, 255, 0, 0]);
  assert.deepEqual([...truth.subarray(12)], [0, 0, 255, 255]);
});

test("ground truth stays on the frame's pixels through every region and turn", async () => {
  // A frame that is bright exactly where its mask is set, in blocks that divide evenly: both must agree to the pixel.
  const [width, height, block] = [48, 32, 8];
  const set = (x: number, y: number): boolean => (x * 7 + y * 3 + x * y) % 5 < 2;
  const levels = Array.from({ length: width * height }, (_, i) =>
    set(Math.floor((i % width) / block), Math.floor(i / width / block)) ? 255 : 0,
  );
  const mask = grey(width, levels);
  for (const rotation of [0, 90, 180, 270] as const) {
    for (const region of [null, { x: 8, y: 8, width: 40, height: 16 }]) {
      const size = region ?? { width, height };
      const [w, h] = rotation % 180 === 0 ? [size.width, size.height] : [size.height, size.width];
      const geometry = stretch(w, h, rotation, region);
      const prepared = new FramePreparer(geometry).prepare(mask);
      const bright = prepared.data.filter((_, i) => i % 3 === 0).map((level) => (level > 127 ? 255 : 0));
      assert.deepEqual(truthOf(mask, geometry), bright, `rotation ${rotation}`);
    }
  }
});

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "nominald-truth-"));
});
after(() => rm(folder, { recursive: true, force: true }));

test("a mask of another size than its image is refused, with both sizes", async () => {
  const file = join(folder, "mask.png");
  await sharp({ create: { width: 6, height: 4, channels: 3, background: "white" } })
    .png()
    .toFile(file);
  assert.deepEqual([...(await readTruth(file, { width: 6, height: 4 }, stretch(1, 1)))], [255]);
  await assert.rejects(readTruth(file, { width: 4, height: 6 }, stretch(1, 1)), {
    code: "mask-size",
    message: /Expected a mask of 4 × 6 pixels.*mask\.png but received 6 × 4/,
  });
});
