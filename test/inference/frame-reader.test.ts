import assert from "node:assert/strict";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { FrameFile, FrameReader } from "../../src/inference/frame-reader.ts";
import { DeviceError } from "../../src/shared/errors.ts";
import type { RawImage } from "../../src/shared/image.ts";
import { slotFrame } from "./slot-frames.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "nominald-reader-"));
});
after(() => rm(folder, { recursive: true }));

function image(width: number, height: number, format: RawImage["format"], first: number): RawImage {
  const bytes = width * height * (format === "RGB" ? 3 : 1);
  return { width, height, format, data: Uint8Array.from({ length: bytes }, (_, i) => (first + i) % 256) };
}

test("a frame comes back byte by byte, also a smaller one after a larger one and a grey one after a coloured one", async () => {
  const reader = new FrameReader();
  for (const [slot, one] of [image(7, 5, "RGB", 3), image(2, 2, "RGB", 90), image(5, 4, "GRAY8", 200)].entries()) {
    assert.deepEqual(reader.read(await slotFrame(folder, slot, one)), one);
  }
});

test("a slot that has held a larger frame gives the frame's own bytes alone", async () => {
  const small = image(2, 2, "GRAY8", 10);
  const frame = await slotFrame(folder, 0, small);
  await writeFile(frame.path, Buffer.concat([small.data, new Uint8Array(100)]));
  assert.deepEqual(new FrameReader().read(frame), small);
});

test("a slot that is shorter than its frame is told with both lengths, and nothing of the frame before is taken for it", async () => {
  const reader = new FrameReader();
  const frame = await slotFrame(folder, 0, image(4, 4, "RGB", 1));
  reader.read(frame);
  await truncate(frame.path, 47);
  assert.throws(
    () => reader.read(frame),
    (error) =>
      error instanceof DeviceError &&
      error.code === "frame-unreadable" &&
      /Expected 48 bytes for 4 × 4 RGB in .*0\.raw but it holds 47/.test(error.message),
  );
});

test("a slot that is gone is told with its path", async () => {
  const frame = await slotFrame(folder, 9, image(1, 1, "GRAY8", 0));
  await rm(frame.path);
  assert.throws(() => new FrameReader().read(frame), { code: "frame-unreadable", message: /9\.raw but: ENOENT/ });
});

test("a frame comes in portions, from wherever they begin, and tells how long that took", async () => {
  const one = image(7, 5, "RGB", 3);
  const file = FrameFile.open(await slotFrame(folder, 1, one));
  try {
    assert.deepEqual([file.width, file.height, file.format, file.bytes], [7, 5, "RGB", 105]);
    for (const [from, length] of [
      [0, 105],
      [50, 20],
      [104, 1],
      [3, 0],
    ] as const) {
      const into = new Uint8Array(length);
      file.copy(into, from);
      assert.deepEqual(into, one.data.subarray(from, from + length));
    }
    assert.ok(file.spentMs > 0);
  } finally {
    file.close();
  }
});

test("a portion that the slot does not hold any more is told with both lengths", async () => {
  const frame = await slotFrame(folder, 2, image(4, 4, "RGB", 1));
  await truncate(frame.path, 30);
  const file = FrameFile.open(frame);
  try {
    file.copy(new Uint8Array(30), 0);
    assert.throws(() => file.copy(new Uint8Array(8), 40), {
      code: "frame-unreadable",
      message: /Expected 48 bytes for 4 × 4 RGB in .*2\.raw but it holds 30/,
    });
  } finally {
    file.close();
  }
});
