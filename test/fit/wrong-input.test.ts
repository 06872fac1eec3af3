import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import sharp from "sharp";
import { readBank } from "../../src/bank/bundle-read.ts";
import { fitBank } from "../../src/fit/fit-bank.ts";
import type { FitResult } from "../../src/fit/fit-bank.ts";
import { summaryLines } from "../../src/fit/summary.ts";
import { InputError } from "../../src/shared/errors.ts";
import { blobs, fitOptions, SIDE, writeNominal } from "./nominal-images.ts";

/** Longer side of a camera of 50 megapixels, pixels. */
const WIDE = 8660;
const HIGH = 5774;

let folder = "";
let files: string[] = [];
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "nominald-wrong-"));
  files = await writeNominal(join(folder, "good"), 6);
});
after(() => rm(folder, { recursive: true }));

const rgb = (seed: number, width = SIDE, height = SIDE) =>
  sharp(blobs(seed, width, height), { raw: { width, height, channels: 3 } });

async function save(name: string, content: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

/** Fits the six good images and one more. */
function fitWith(name: string, more: string, onBroken: "refuse" | "skip" = "refuse"): Promise<FitResult> {
  return fitBank({ ...fitOptions([...files, more], join(folder, `${name}.bank`)), onBroken });
}

test("grey, 16-bit and transparent pictures take part as what their pixels show", async () => {
  const grey = blobs(40).filter((_, i) => i % 3 === 0);
  const wide = Uint16Array.from(grey, (level) => level * 257);
  const greyOf = (data: Uint8Array | Uint16Array) => sharp(data, { raw: { width: SIDE, height: SIDE, channels: 1 } });
  const eight = await save("grey.png", await greyOf(grey).toColourspace("b-w").png().toBuffer());
  const sixteen = await save("grey16.png", await greyOf(wide).toColourspace("grey16").png().toBuffer());
  const thrice = Uint8Array.from({ length: grey.length * 3 }, (_, i) => grey[Math.floor(i / 3)]!);
  const colour = await save(
    "colour.png",
    await sharp(thrice, { raw: { width: SIDE, height: SIDE, channels: 3 } })
      .png()
      .toBuffer(),
  );
  const alpha = await save(
    "alpha.png",
    await sharp(thrice, { raw: { width: SIDE, height: SIDE, channels: 3 } })
      .ensureAlpha(0.3)
      .png()
      .toBuffer(),
  );
  const banks = [];
  for (const file of [eight, sixteen, colour, alpha])
    banks.push((await fitWith("depth", file)).manifest.nominal.sha256);
  // The same picture four times over: the network sees the same pixels.
  assert.equal(new Set(banks).size, 1);
});

test("an EXIF orientation is applied: the turned picture is the picture", async () => {
  const upright = rgb(41, SIDE, SIDE * 2);
  const tiff = await upright.clone().tiff({ compression: "lzw" }).toBuffer();
  // Orientation 6: shown after a clockwise turn by 90 degrees, so the stored pixels lie turned the other way.
  const lying = await upright
    .clone()
    .rotate(270)
    .withMetadata({ orientation: 6 })
    .tiff({ compression: "lzw" })
    .toBuffer();
  assert.equal((await sharp(lying).metadata()).orientation, 6);
  const one = await fitWith("upright", await save("upright.tif", tiff));
  const other = await fitWith("lying", await save("lying.tif", lying));
  assert.equal(other.manifest.nominal.sha256, one.manifest.nominal.sha256);
});

test("a CMYK picture is refused by name, or left out when that was asked for", async () => {
  const cmyk = await save("print.jpg", await rgb(42).toColourspace("cmyk").jpeg().toBuffer());
  await assert.rejects(fitWith("cmyk", cmyk), (error: unknown) => {
    assert.ok(error instanceof InputError && error.code === "broken-images", String(error));
    return /print\.jpg: .*colour space cmyk/.test(error.message);
  });
  const { broken, manifest } = await fitWith("cmyk", cmyk, "skip");
  assert.deepEqual([broken.length, manifest.nominal.images], [1, 6]);
});

test("a picture of one pixel is an image like any other, and stands out as the least like them", async () => {
  const pixel = await save("pixel.png", await rgb(43, 1, 1).png().toBuffer());
  const { hygiene, manifest } = await fitWith("pixel", pixel);
  assert.equal(manifest.nominal.images, 7);
  assert.ok(hygiene.sizes.some(({ width, height, images }) => width === 1 && height === 1 && images === 1));
});

test("a picture of 50 megapixels is taken", async () => {
  const flat = sharp({ create: { width: WIDE, height: HIGH, channels: 3, background: { r: 90, g: 120, b: 60 } } });
  const huge = await save("huge.png", await flat.png({ compressionLevel: 1 }).toBuffer());
  const { manifest } = await fitWith("huge", huge);
  assert.equal(manifest.nominal.images, 7);
});

test("mixed sizes are taken and told", async () => {
  const large = await save("large.png", await rgb(44, 80, 60).png().toBuffer());
  const result = await fitWith("mixed", large);
  const line = summaryLines(result, "x.bank").find((text) => text.startsWith("sizes"));
  assert.equal(line, "sizes      the images differ in size: 6 of 32 × 32, 1 of 80 × 60");
});

test("no images, or one, are refused", async () => {
  for (const few of [[], files.slice(0, 1)]) {
    await assert.rejects(fitBank(fitOptions(few, join(folder, "few.bank"))), (error: unknown) => {
      assert.ok(error instanceof InputError && error.code === "too-few-images", String(error));
      return error.message.includes(`at least 2 nominal images for a fit but received ${few.length}`);
    });
  }
});

test("copies of one image are refused, as nothing says how good parts differ", async () => {
  const copies: string[] = [];
  await mkdir(join(folder, "copies"), { recursive: true });
  for (let i = 0; i < 5; i++) {
    copies.push(join(folder, "copies", `${i}.png`));
    await copyFile(files[0]!, copies[i]!);
  }
  await assert.rejects(fitBank(fitOptions(copies, join(folder, "copies.bank"))), (error: unknown) => {
    assert.ok(error instanceof InputError, String(error));
    // All rows come from the first image: no fold but the first has any left, or every score is 0.
    return ["images-identical", "coreset-too-small"].includes(error.code);
  });
});

test("pictures of one plain colour are refused too", async () => {
  const plain: string[] = [];
  for (let i = 0; i < 4; i++) {
    const flat = sharp({ create: { width: SIDE, height: SIDE, channels: 3, background: { r: 9, g: 9, b: 9 } } });
    plain.push(await save(`plain${i}.png`, await flat.png().toBuffer()));
  }
  await assert.rejects(fitBank(fitOptions(plain, join(folder, "plain.bank"))), InputError);
});

test("duplicates are named, and still make a bank", async () => {
  const copy = join(folder, "again.png");
  await copyFile(files[2]!, copy);
  const result = await fitWith("duplicate", copy);
  assert.deepEqual(result.hygiene.duplicates, [[files[2], copy]]);
  assert.ok(summaryLines(result, "x").some((line) => line.includes(`${files[2]} = ${copy}`)));
  assert.equal((await readBank(join(folder, "duplicate.bank"))).manifest.nominal.images, 7);
});

test("a file that cannot be read and one that is no image are named together", async () => {
  const text = await save("text.png", Buffer.from("no image"));
  const missing = join(folder, "missing.png");
  const options = fitOptions([...files, text, missing], join(folder, "broken.bank"));
  await assert.rejects(fitBank(options), (error: unknown) => {
    assert.ok(error instanceof InputError && error.code === "broken-images", String(error));
    return (
      error.message.includes("text.png") && error.message.includes("missing.png") && error.message.includes("2 of them")
    );
  });
  const { broken } = await fitBank({ ...options, onBroken: "skip" });
  assert.deepEqual(
    broken.map(({ file }) => file),
    [text, missing],
  );
});
