import assert from "node:assert/strict";
import { test } from "node:test";
import { placementOf } from "../../src/shared/placement.ts";

const crop = { mode: "crop", shorterSide: 256, width: 224, height: 224, kernel: "linear" } as const;

test("a stretch takes the whole region, sideways when the frame is turned", () => {
  const resize = { mode: "stretch", width: 320, height: 160, kernel: "linear" } as const;
  const size = { width: 320, height: 160 };
  assert.deepEqual(placementOf({ width: 1920, height: 1080 }, resize, 0), { scaled: size, left: 0, top: 0, cut: size });
  const turned = { width: 160, height: 320 };
  assert.deepEqual(placementOf({ width: 9, height: 9 }, resize, 270), { scaled: turned, left: 0, top: 0, cut: turned });
});

test("a crop rounds as torchvision does", () => {
  // 1920 · 256 / 1080 = 455.1; (455 − 224) / 2 = 115.5, half to the even 116.
  const wide = placementOf({ width: 1920, height: 1080 }, crop, 0);
  assert.deepEqual([wide.scaled, wide.left, wide.top], [{ width: 455, height: 256 }, 116, 16]);
  // 640 · 256 / 480 = 341.3; (341 − 224) / 2 = 58.5, half to the even 58.
  const narrow = placementOf({ width: 480, height: 640 }, crop, 0);
  assert.deepEqual([narrow.scaled, narrow.left, narrow.top], [{ width: 256, height: 341 }, 16, 58]);
});
