import assert from "node:assert/strict";
import { test } from "node:test";
import { packRows } from "../../src/capture/pixel-rows.ts";
import { DeviceError } from "../../src/shared/errors.ts";

test("the padding of rows that are no multiple of 4 bytes is taken out", () => {
  // 3 RGB pixels are 9 bytes, padded to 12.
  const padded = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0, 11, 12, 13, 14, 15, 16, 17, 18, 19, 0, 0, 0]);
  assert.deepEqual(
    packRows(padded, 3, 2, "RGB"),
    Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14, 15, 16, 17, 18, 19]),
  );
  // 2 grey pixels are 2 bytes, padded to 4.
  assert.deepEqual(packRows(Uint8Array.from([1, 2, 0, 0, 3, 4, 0, 0]), 2, 2, "GRAY8"), Uint8Array.from([1, 2, 3, 4]));
});

test("rows without padding are not copied", () => {
  const buffer = new Uint8Array(4 * 3 * 2);
  assert.equal(packRows(buffer, 4, 2, "RGB"), buffer);
});

test("a buffer that is not as long as its caps say is refused with both lengths", () => {
  for (const length of [23, 25, 18]) {
    assert.throws(() => packRows(new Uint8Array(length), 3, 2, "RGB"), {
      name: DeviceError.name,
      code: "frame-length",
      message: `Expected 24 bytes for a frame of 3 × 2 RGB but received ${length}`,
    });
  }
});
