import assert from "node:assert/strict";
import { encode } from "bmp-ts";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import sharp from "sharp";
import { decodeImageFile, listImageFiles } from "../../src/backbone/decode.ts";
import { InputError } from "../../src/shared/errors.ts";

const WIDTH = 5;
const HEIGHT = 3;
/** 5 × 3 RGB pixels, no two alike, and no channel like another. */
const PIXELS = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => (i * 37 + 11) % 256);
const GREYS = PIXELS.filter((_, i) => i % 3 === 0);
const rgb = () => sharp(PIXELS, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });
const grey = () => sharp(GREYS, { raw: { width: WIDTH, height: HEIGHT, channels: 1 } }).toColourspace("b-w");

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "nominald-decode-"));
});
after(() => rm(folder, { recursive: true }));

async function file(name: string, content: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

async function decodes(name: string, content: Uint8Array, format: "RGB" | "GRAY8", pixels: Uint8Array): Promise<void> {
  const image = await decodeImageFile(await file(name, content));
  assert.deepEqual([image.width, image.height, image.format], [WIDTH, HEIGHT, format], name);
  assert.deepEqual([...image.data], [...pixels], name);
}

async function isBroken(name: string, content: Uint8Array, message: RegExp): Promise<void> {
  await assert.rejects(decodeImageFile(await file(name, content)), (error) => {
    assert.ok(error instanceof InputError, String(error));
    assert.equal(error.code, "broken-image");
    assert.ok(error.message.includes(name), error.message);
    assert.match(error.message, message);
    return true;
  });
}

/** A BMP as written byte by byte: the header of 54 bytes, a palette, a gap, then rows from the bottom. */
function bmp(bits: number, height: number, rows: Uint8Array, palette = new Uint8Array(0), gap = 0): Buffer {
  const header = Buffer.alloc(54 + palette.length + gap);
  header.write("BM");
  header.writeUInt32LE(header.length, 10);
  header.writeUInt32LE(40, 14);
  header.writeInt32LE(WIDTH, 18);
  header.writeInt32LE(height, 22);
  header.writeUInt16LE(1, 26);
  header.writeUInt16LE(bits, 28);
  header.writeUInt32LE(palette.length / 4, 46);
  header.set(palette, 54);
  return Buffer.concat([header, rows]);
}

test("lossless files give back their pixels exactly", async () => {
  await decodes("rgb.png", await rgb().png().toBuffer(), "RGB", PIXELS);
  await decodes("rgb.tif", await rgb().tiff({ compression: "lzw" }).toBuffer(), "RGB", PIXELS);
  await decodes("grey.png", await grey().png().toBuffer(), "GRAY8", GREYS);
  await decodes("grey.tiff", await grey().tiff({ compression: "none" }).toBuffer(), "GRAY8", GREYS);
});

test("the content decides, not the file's ending", async () => {
  await decodes("really-a-png.jpg", await rgb().png().toBuffer(), "RGB", PIXELS);
});

test("transparency is dropped, not blended", async () => {
  const rgba = Uint8Array.from({ length: WIDTH * HEIGHT * 4 }, (_, i) =>
    i % 4 === 3 ? 1 : (PIXELS[Math.floor(i / 4) * 3 + (i % 4)] ?? 0),
  );
  const png = await sharp(rgba, { raw: { width: WIDTH, height: HEIGHT, channels: 4 } })
    .png()
    .toBuffer();
  await decodes("rgba.png", png, "RGB", PIXELS);
});

test("16 bits are scaled to 8", async () => {
  const wide = Uint16Array.from(GREYS, (level) => level * 257);
  const png = await sharp(wide, { raw: { width: WIDTH, height: HEIGHT, channels: 1 } })
    .toColourspace("grey16")
    .png()
    .toBuffer();
  assert.equal((await sharp(png).metadata()).depth, "ushort");
  await decodes("grey16.png", png, "GRAY8", GREYS);
});

test("an EXIF orientation is applied", async () => {
  // Orientation 6: the camera lay on its side, the picture is to be turned clockwise by 90 degrees.
  const jpeg = await rgb().resize(40, 24, { kernel: "nearest" }).withMetadata({ orientation: 6 }).jpeg().toBuffer();
  const image = await decodeImageFile(await file("side.jpg", jpeg));
  assert.deepEqual([image.width, image.height], [24, 40]);
});

test("a colour profile does not change the pixels", async () => {
  const png = await rgb().withIccProfile("p3").png().toBuffer();
  assert.ok((await sharp(png).metadata()).icc !== undefined);
  const stored = await sharp(png, { ignoreIcc: true }).raw().toBuffer();
  await decodes("p3.png", png, "RGB", stored);
});

test("BMP files of 24 and 32 bits, also those of another encoder, give their pixels", async () => {
  const abgr = Buffer.alloc(WIDTH * HEIGHT * 4);
  for (let i = 0; i < WIDTH * HEIGHT; i++)
    abgr.set([0, PIXELS[i * 3 + 2] ?? 0, PIXELS[i * 3 + 1] ?? 0, PIXELS[i * 3] ?? 0], i * 4);
  for (const bitPP of [24, 32] as const) {
    const { data } = encode({ data: abgr, width: WIDTH, height: HEIGHT, bitPP });
    await decodes(`other-${bitPP}.bmp`, data, "RGB", PIXELS);
  }
});

test("BMP rows are stored from the bottom, or from the top when the height is negative, and padded to 4 bytes", async () => {
  const padded = Buffer.alloc(8 * HEIGHT);
  for (let y = 0; y < HEIGHT; y++) padded.set(GREYS.subarray(y * WIDTH, (y + 1) * WIDTH), y * 8);
  const palette = Uint8Array.from({ length: 1024 }, (_, i) => (i % 4 === 3 ? 0 : Math.floor(i / 4)));
  await decodes("top-down.bmp", bmp(8, -HEIGHT, padded, palette), "GRAY8", GREYS);
  const flipped = Uint8Array.from(
    { length: GREYS.length },
    (_, i) => GREYS[(HEIGHT - 1 - Math.floor(i / WIDTH)) * WIDTH + (i % WIDTH)] ?? 0,
  );
  await decodes("bottom-up.bmp", bmp(8, HEIGHT, padded, palette), "GRAY8", flipped);
  await decodes("gap.bmp", bmp(8, -HEIGHT, padded, palette, 10), "GRAY8", GREYS);
});

test("a BMP palette of colours gives RGB, in the palette's order blue, green, red", async () => {
  const palette = Uint8Array.of(1, 2, 3, 0, 4, 5, 6, 0);
  const image = await decodeImageFile(
    await file("palette.bmp", bmp(8, -1, Uint8Array.of(0, 1, 0, 1, 1, 0, 0, 0), palette)),
  );
  assert.equal(image.format, "RGB");
  assert.deepEqual([...image.data], [3, 2, 1, 6, 5, 4, 3, 2, 1, 6, 5, 4, 6, 5, 4]);
});

test("damaged and unsupported BMP files are refused with the reason", async () => {
  const good = bmp(24, HEIGHT, new Uint8Array(16 * HEIGHT));
  const changed = (change: (copy: Buffer) => void): Buffer => {
    const copy = Buffer.from(good);
    change(copy);
    return copy;
  };
  await isBroken("short.bmp", good.subarray(0, -1), /Expected 102 bytes for 5 × 3 pixels of 24 bits .* but got 101/);
  await isBroken("stub.bmp", good.subarray(0, 30), /a header of 54 bytes/);
  await isBroken(
    "rle.bmp",
    changed((copy) => copy.writeUInt32LE(1, 30)),
    /no compression .* but got method 1/,
  );
  await isBroken(
    "bits.bmp",
    changed((copy) => copy.writeUInt16LE(4, 28)),
    /8, 24 or 32 bits per pixel .* but got 4/,
  );
  await isBroken(
    "huge.bmp",
    changed((copy) => copy.writeInt32LE(2 ** 30, 18)),
    /268435456 pixels .* but got 1073741824 × 3/,
  );
  await isBroken(
    "offset.bmp",
    changed((copy) => copy.writeUInt32LE(20, 10)),
    /header and palette before the pixels/,
  );
  const palette = new Uint8Array(8);
  await isBroken(
    "index.bmp",
    bmp(8, 1, Uint8Array.of(0, 1, 2, 0, 0, 0, 0, 0), palette),
    /colours below 2, .* but got 2/,
  );
});

test("truncated and damaged files are refused, where a lenient decoder would fill in grey", async () => {
  const noise = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * i * 31) % 251);
  const picture = () => sharp(noise, { raw: { width: 64, height: 64, channels: 3 } });
  const jpeg = await picture().jpeg().toBuffer();
  await isBroken("truncated.jpg", jpeg.subarray(0, jpeg.length >> 1), /premature end of JPEG/);
  const damaged = Buffer.from(jpeg);
  damaged.fill(0, jpeg.length >> 1, (jpeg.length >> 1) + 60);
  await isBroken("damaged.jpg", damaged, /Corrupt JPEG data/);
  const png = await picture().png().toBuffer();
  await isBroken("truncated.png", png.subarray(0, png.length >> 1), /libpng/);
  // The directory of this TIFF lies behind its pixels.
  const tiff = await picture().tiff({ compression: "none" }).toBuffer();
  await isBroken("truncated.tif", tiff.subarray(0, tiff.length >> 1), /unsupported image format/);
});

test("files that are no pictures of a camera are refused with what they are", async () => {
  await isBroken("text.jpg", Buffer.from("hello"), /unsupported image format/);
  await isBroken("empty.png", Buffer.alloc(0), /an empty file/);
  await isBroken("web.png", await rgb().webp().toBuffer(), /the format webp/);
  await isBroken(
    "svg.png",
    Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'),
    /the format svg/,
  );
  await isBroken("cmyk.jpg", await rgb().toColourspace("cmyk").jpeg().toBuffer(), /colour space cmyk/);
  await isBroken(
    "float.tif",
    await rgb().toColourspace("scrgb").tiff({ compression: "none" }).toBuffer(),
    /samples of type float/,
  );
});

test("a file that cannot be read is named", async () => {
  await assert.rejects(decodeImageFile(join(folder, "nowhere.png")), (error) => {
    assert.ok(error instanceof InputError);
    assert.equal(error.code, "unreadable-image");
    assert.match(error.message, /nowhere\.png but ENOENT/);
    return true;
  });
});

test("a folder's images are listed by name, without hidden files, other kinds and subfolders", async () => {
  const images = join(folder, "images");
  await mkdir(join(images, "sub.png"), { recursive: true });
  for (const name of ["b.PNG", "a10.jpg", "a9.jpeg", ".hidden.png", "notes.txt", "C.bmp", "d.tiff", "e.tif"]) {
    await writeFile(join(images, name), "");
  }
  await symlink("/does/not/exist.png", join(images, "lost.png"));
  const names = (await listImageFiles(images)).map((path) => basename(path));
  assert.deepEqual(names, ["C.bmp", "a10.jpg", "a9.jpeg", "b.PNG", "d.tiff", "e.tif", "lost.png"]);
});

test("a folder that is missing, empty or without images is an error that says which", async () => {
  const refused = (path: string, message: RegExp): Promise<void> =>
    assert.rejects(listImageFiles(path), (error) => {
      assert.ok(error instanceof InputError);
      assert.equal(error.code, "no-images");
      assert.match(error.message, message);
      return true;
    });
  await refused(join(folder, "missing"), /missing but ENOENT/);
  const empty = join(folder, "empty");
  await mkdir(empty);
  await refused(empty, /but it is empty/);
  await writeFile(join(empty, "notes.txt"), "");
  await refused(empty, /but none of its 1 entries is one/);
});
