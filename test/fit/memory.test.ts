import assert from "node:assert/strict";
import { test } from "node:test";
import { checkMemory, needOf } from "../../src/fit/memory.ts";
import { InputError } from "../../src/shared/errors.ts";

/** CLIP's RN50x16 at 384 pixels: a grid of 48 × 48 in 2,304 dimensions, 1 % of 400 images' patches. */
const LARGE = { images: 400, patchesPerImage: 2304, dims: 2304, coresetDims: 128, rows: 9216 };

test("400 images of RN50x16 take 8.5 GB on the disk and less than 2 GB of memory", () => {
  const { memory, disk } = needOf(LARGE);
  // 400 · 2,304 · 2,304 · 4 bytes.
  assert.equal(disk, 8_493_465_600);
  assert.ok(memory < 2e9, `${memory}`);
  checkMemory(LARGE, 2e9);
});

test("what does not fit is refused with what is needed and what there is", () => {
  assert.throws(
    () => checkMemory(LARGE, 1e9),
    (error: unknown) =>
      error instanceof InputError &&
      /available memory \(0\.9 GiB\) but 400 images of 2304 patches in 2304 dimensions, 9216 of them kept, need 1\.\d GiB/.test(
        error.message,
      ),
  );
});

test("without a projection the choice needs the rows themselves, and an array has its limit", () => {
  const whole = { ...LARGE, coresetDims: 2304 };
  assert.ok(needOf(whole).memory > 16e9);
  // Enough memory, but Node 20 makes no array of 8.5 GB.
  assert.throws(() => checkMemory(whole, 1e12), /no array above 4\.0 GiB but 400 images/);
  assert.throws(() => checkMemory({ ...LARGE, rows: 921_600 }, 1e12), /no array above 4\.0 GiB/);
  checkMemory(LARGE, 1e12);
});

test("a random choice takes no distances and so no projections", () => {
  assert.ok(needOf({ ...LARGE, coresetDims: 0 }).memory < needOf(LARGE).memory);
});
