import assert from "node:assert/strict";
import { encode } from "bmp-ts";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import sharp from "sharp";
import { renderPart } from "../../src/cli/demo/render-part.ts";
import { readBank } from "../../src/bank/bundle-read.ts";
import { nominald } from "../support/daemon-process.ts";
import { ANY_VERDICTS, TestLine } from "../support/test-line.ts";

const SIZE = 480;
let line: TestLine;
/** The same part in every format. */
const files = { png: "", tif: "", bmp: "", jpg: "" };

before(async () => {
  line = await TestLine.prepare(ANY_VERDICTS);
  const { image } = await renderPart({ seed: 9, defect: null, size: SIZE });
  const picture = () => sharp(image.data, { raw: { width: SIZE, height: SIZE, channels: 3 } });
  for (const kind of ["png", "tif", "bmp", "jpg"] as const) files[kind] = join(line.folder, `part.${kind}`);
  await picture().png().toFile(files.png);
  await picture().tiff({ compression: "lzw" }).toFile(files.tif);
  await picture().jpeg({ quality: 95 }).toFile(files.jpg);
  // bmp-ts takes ABGR.
  const abgr = Buffer.alloc(SIZE * SIZE * 4);
  for (let i = 0; i < SIZE * SIZE; i += 1) {
    const [r = 0, g = 0, b = 0] = image.data.subarray(i * 3, i * 3 + 3);
    abgr.set([255, b, g, r], i * 4);
  }
  await writeFile(files.bmp, encode({ data: abgr, width: SIZE, height: SIZE, bitPP: 24 }).data);
});
after(() => line.dispose());

interface Line {
  readonly file: string;
  readonly score: number;
  readonly threshold: number;
  readonly verdict: string;
  readonly verifiedPatches: number;
  readonly error?: { readonly code: string; readonly message: string };
}

async function score(...args: string[]) {
  const finished = await nominald(["score", "--bank", line.bank, ...args]);
  const lines = finished.stdout
    .split("\n")
    .filter((text) => text !== "")
    .map((text) => JSON.parse(text) as Line);
  return { ...finished, lines };
}

test("the same picture has the same score as PNG, TIFF and BMP, and nearly the same as JPEG", async () => {
  const { code, lines, stderr } = await score(files.png, files.tif, files.bmp, files.jpg);
  assert.equal(code, 0, stderr);
  assert.deepEqual(
    lines.map(({ file }) => file),
    [files.png, files.tif, files.bmp, files.jpg],
  );
  const [png, tif, bmp, jpg] = lines.map((one) => one.score);
  assert.ok(png !== undefined && jpg !== undefined && png > 0);
  assert.deepEqual([tif, bmp], [png, png]);
  assert.ok(Math.abs(jpg - png) < 0.1 * png, `${jpg} against ${png}`);
  const { threshold } = (await readBank(line.bank)).manifest.calibration;
  for (const one of lines) {
    assert.equal(one.threshold, threshold);
    assert.equal(one.verdict, one.score <= threshold ? "PASS" : "FAIL");
  }
});

test("verified patches are told with each frame and in sum", async () => {
  const { lines, stderr } = await score(files.png, files.bmp);
  assert.ok(lines.every(({ verifiedPatches }) => Number.isInteger(verifiedPatches) && verifiedPatches >= 1));
  assert.match(stderr, /^2 scored; verified patches a frame: P50 \d+, P99 \d+$/m);
});

test("another input size than the bank's is taken, and refused where the backbone cannot", async () => {
  const [larger] = (await score("--input", "128x96", files.png)).lines;
  assert.ok((larger?.score ?? 0) > 0);
  const refused = await score("--input", "100x96", files.png);
  assert.equal(refused.code, 4);
  assert.match(refused.stderr, /bad-frame-size: Expected frames .* multiples of 32 but got 96 × 100/);
  assert.match(
    (await score("--input", "0x64", files.png)).stderr,
    /Expected WxH in pixels for --input but received "0x64"/,
  );
});

test("a score above the threshold that was asked for is FAIL, one at it PASS", async () => {
  const [first] = (await score(files.png)).lines;
  assert.ok(first !== undefined);
  const verdict = async (threshold: number): Promise<string | undefined> =>
    (await score("--threshold", String(threshold), files.png)).lines[0]?.verdict;
  assert.equal(await verdict(first.score), "PASS");
  assert.equal(await verdict(first.score * 0.999), "FAIL");
});

test("broken and missing files are told by name and do not hide the others; the exit code is 4", async () => {
  const broken = join(line.folder, "broken.png");
  const whole = await sharp(files.png).toBuffer();
  await writeFile(broken, whole.subarray(0, whole.length >> 1));
  const missing = join(line.folder, "missing.png");
  const { code, lines } = await score(broken, missing, files.png);
  assert.equal(code, 4);
  assert.deepEqual(
    lines.map(({ file, error }) => [file, error?.code]),
    [
      [broken, "broken-image"],
      [missing, "unreadable-image"],
      [files.png, undefined],
    ],
  );
  assert.match(lines[0]?.error?.message ?? "", /broken\.png/);
  assert.ok((lines[2]?.score ?? 0) > 0);
});

test("overlay and mask of each file are written under its number and name", async () => {
  const folder = join(line.folder, "new", "overlays");
  const { code, stderr } = await score("--overlay", folder, files.png, files.bmp);
  assert.equal(code, 0, stderr);
  const names = ["1-part.mask.png", "1-part.overlay.jpg", "2-part.mask.png", "2-part.overlay.jpg"];
  assert.deepEqual((await readdir(folder)).sort(), names);
  for (const name of names) {
    const { format, width, height } = await sharp(join(folder, name)).metadata();
    assert.deepEqual([format, width, height], [name.endsWith(".png") ? "png" : "jpeg", 320, 320]);
  }
});

test("a place where overlays cannot be written is the device's fault, exit code 5", async () => {
  for (const folder of ["/proc/none/overlays", join(files.png, "overlays")]) {
    const { code, stderr } = await score("--overlay", folder, files.png);
    assert.equal(code, 5, stderr);
    assert.ok(stderr.startsWith(`nominald: output-unwritable: Expected to write ${folder} but: `), stderr);
  }
  const taken = join(line.folder, "taken");
  await mkdir(join(taken, "1-part.mask.png"), { recursive: true });
  const { code, stderr } = await score("--overlay", taken, files.png);
  assert.equal(code, 5, stderr);
  assert.match(stderr, /output-unwritable: Expected to write .*1-part\.mask\.png but: EISDIR/);
});

test("a missing bank, and a file that is none, end with exit code 4 and the bank's name", async () => {
  for (const [bank, code] of [
    [join(line.folder, "none.bank"), "bank-missing"],
    [files.png, "bank-format"],
  ] as const) {
    const finished = await nominald(["score", "--bank", bank, files.png]);
    assert.equal(finished.code, 4);
    assert.ok(finished.stderr.startsWith(`nominald: ${code}: `) && finished.stderr.includes(bank), finished.stderr);
    assert.equal(finished.stdout, "");
  }
});

test("every mistake of the command line is told at once, with exit code 2", async () => {
  const wrong = ["--threshold=-1", "--threads", "1.5", "--index", "fast"];
  const { code, stderr, stdout } = await score(...wrong);
  assert.deepEqual([code, stdout], [2, ""]);
  for (const part of ["at least one FILE", '--threshold but received "-1"', '--threads but received "1.5"', '"fast"'])
    assert.ok(stderr.includes(part), `${part} in ${stderr}`);
  assert.equal((await nominald(["score", files.png])).code, 2);
  assert.equal((await score("--speed", "9", files.png)).code, 2);
  const help = await nominald(["score", "--help"]);
  assert.equal(help.code, 0);
  assert.match(help.stdout, /^usage: nominald score/);
});
