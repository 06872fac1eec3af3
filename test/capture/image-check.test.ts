import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { checkImage, typeByContent } from "../../src/capture/image-check.ts";
import { InputError } from "../../src/shared/errors.ts";
import { picture, pngChunk } from "./pictures.ts";

const noise = Buffer.from(Array.from({ length: 33 * 21 * 3 }, (_, index) => (index * 7 + (index >> 5) * 13) % 256));
const source = (): ReturnType<typeof sharp> => sharp(noise, { raw: { width: 33, height: 21, channels: 3 } });
const isBroken = { name: InputError.name, code: "image-broken" };

test("the size of whole images is read, whatever their kind", async () => {
  const size = { width: 33, height: 21 };
  for (const png of [
    source().png(),
    source().png({ palette: true, colours: 4 }),
    source().png({ progressive: true }),
  ]) {
    assert.deepEqual(await checkImage("a", "png", await png.toBuffer()), size);
  }
  for (const jpeg of [source().jpeg(), source().jpeg({ progressive: true }), source().greyscale().jpeg()]) {
    assert.deepEqual(await checkImage("a", "jpeg", await jpeg.toBuffer()), size);
  }
});

test("a PNG with a flipped byte is named with the damaged chunk", async () => {
  const data = await source().png().toBuffer();
  const at = data.indexOf("IDAT") + 20;
  data.writeUInt8(data.readUInt8(at) ^ 1, at);
  await assert.rejects(checkImage("f.png", "png", data), { ...isBroken, message: /f\.png .* IDAT chunk .* checksum/ });
});

test("images that are cut off anywhere are broken", async () => {
  const [png, jpeg] = [await source().png().toBuffer(), await source().jpeg().toBuffer()];
  for (let length = 9; length < png.length; length += 7) {
    await assert.rejects(checkImage("f.png", "png", png.subarray(0, length)), isBroken, `PNG of ${length}`);
  }
  for (let length = 3; length < jpeg.length; length += 7) {
    await assert.rejects(checkImage("f.jpg", "jpeg", jpeg.subarray(0, length)), isBroken, `JPEG of ${length}`);
  }
});

test("a PNG whose chunks are whole but whose pixels are not is broken", async () => {
  // Rows of 1 + 33 · 3 bytes.
  const row = 1 + 33 * 3;
  const png = await source().png().toBuffer();
  const garbage = replacePixels(png, Buffer.alloc(50, 0xee));
  await assert.rejects(checkImage("f.png", "png", garbage), { ...isBroken, message: /do not decompress/ });
  const short = replacePixels(png, deflateSync(Buffer.alloc(row * 20)));
  await assert.rejects(checkImage("f.png", "png", short), { ...isBroken, message: /holds 2000 of the 2100 bytes/ });
  const whole = replacePixels(png, deflateSync(Buffer.alloc(row * 21)));
  assert.deepEqual(await checkImage("f.png", "png", whole), { width: 33, height: 21 });
});

test("kinds that the decoders turn into wrong colours, or pass over, are refused by name", async () => {
  const deep = await source().toColourspace("rgb16").png().toBuffer();
  await assert.rejects(checkImage("deep.png", "png", deep), {
    code: "image-unsupported",
    message: /deep\.png is a PNG of 16 bits/,
  });
  const print = await source().toColourspace("cmyk").jpeg().toBuffer();
  await assert.rejects(checkImage("p.jpg", "jpeg", print), {
    code: "image-unsupported",
    message: /p\.jpg is a JPEG of 4 channels/,
  });
});

test("a type is told by content", async () => {
  assert.equal(typeByContent(await picture("png", 2, 2, [0, 0, 0])), "png");
  assert.equal(typeByContent(await picture("jpeg", 2, 2, [0, 0, 0])), "jpeg");
  assert.equal(typeByContent(await picture("webp", 2, 2, [0, 0, 0])), "webp");
  assert.equal(typeByContent(Buffer.from("BM000")), "bmp");
  assert.equal(typeByContent(Buffer.alloc(0)), "nothing");
  assert.equal(typeByContent(Buffer.from("hello, world")), "unknown");
});

function replacePixels(png: Buffer, compressed: Buffer): Buffer {
  // The signature and the header are 8 + 25 bytes.
  return Buffer.concat([png.subarray(0, 33), pngChunk("IDAT", compressed), pngChunk("IEND", Buffer.alloc(0))]);
}
