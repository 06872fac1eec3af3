import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import sharp from "sharp";
import { drawPictures, pictureSize, type PictureInput } from "../../src/inference/pictures.ts";

const SIDE = 32;

/** A grey frame with a square anomaly: rows and columns 8 to 15. */
function input(aspect: number): PictureInput {
  const mask = new Uint8Array(SIDE * SIDE);
  const map = new Float32Array(SIDE * SIDE);
  for (let y = 8; y < 16; y += 1) {
    for (let x = 8; x < 16; x += 1) {
      mask[y * SIDE + x] = 255;
      map[y * SIDE + x] = 3;
    }
  }
  const data = new Uint8Array(SIDE * SIDE * 3).fill(100);
  return { frame: { width: SIDE, height: SIDE, format: "RGB", data }, map, mask, maskThreshold: 1, aspect };
}

const settings = { mask: true, overlay: true, overlayFormat: "jpeg", overlayQuality: 90, size: SIDE } as const;

test("the mask comes back from its PNG pixel by pixel, one channel", async () => {
  const { mask } = await drawPictures(input(1), settings, 0);
  assert.ok(mask !== undefined);
  assert.equal(mask.contentType, "image/png");
  assert.equal(mask.sha256, createHash("sha256").update(mask.data).digest("hex"));
  const { width, height, channels } = await sharp(mask.data).metadata();
  assert.deepEqual([width, height, channels], [SIDE, SIDE, 1]);
  const data = await sharp(mask.data).extractChannel(0).raw().toBuffer();
  assert.deepEqual(new Uint8Array(data), input(1).mask);
});

test("the overlay is coloured where the part is anomalous and untouched elsewhere", async () => {
  const { overlay } = await drawPictures(input(1), { ...settings, overlayFormat: "webp", overlayQuality: 100 }, 0);
  assert.ok(overlay !== undefined);
  assert.equal(overlay.contentType, "image/webp");
  const data = await sharp(overlay.data).raw().toBuffer();
  const pixel = (x: number, y: number): number[] => [...data.subarray((y * SIDE + x) * 3, (y * SIDE + x) * 3 + 3)];
  const [red = 0, , blue = 0] = pixel(11, 11);
  assert.ok(red > 150 && blue < 80, `heat at the anomaly, got ${pixel(11, 11).join()}`);
  for (const value of pixel(28, 28))
    assert.ok(Math.abs(value - 100) <= 6, `frame elsewhere, got ${pixel(28, 28).join()}`);
});

test("pictures of a stretched region have the region's own aspect", async () => {
  const { mask, overlay } = await drawPictures(input(2), settings, 0);
  for (const picture of [mask, overlay]) {
    const { width, height } = await sharp(picture?.data).metadata();
    assert.deepEqual([width, height], [SIDE, SIDE / 2]);
  }
});

test("a very long region still has a picture of at least one pixel", () => {
  assert.deepEqual(pictureSize(1000, 32), [32, 1]);
  assert.deepEqual(pictureSize(0.001, 32), [1, 32]);
});

test("pictures that nobody wants are not drawn", async () => {
  const pictures = await drawPictures(input(1), { ...settings, mask: false, overlay: false }, 5);
  assert.equal(pictures.mask, undefined);
  assert.equal(pictures.overlay, undefined);
  assert.equal(pictures.mapMs, 5);
});
