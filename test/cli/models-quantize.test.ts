import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { checkBackbone } from "../../src/backbone/check.ts";
import { modelsCommand } from "../../src/cli/models.ts";
import { InputError } from "../../src/shared/errors.ts";
import { nominald } from "../support/daemon-process.ts";

/** Holds clip-tiny.random. */
const MODELS = fileURLToPath(new URL("../backbone", import.meta.url));
const SIDE = 64;
const TRAIN = 8;

let folder: string;
let dataset: string;

/** A grey ramp with noise that differs by seed; a defect is a white square. */
async function draw(path: string, seed: number, defect: boolean): Promise<void> {
  const data = new Uint8Array(SIDE * SIDE);
  let state = seed;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const [x, y] = [i % SIDE, Math.floor(i / SIDE)];
    data[i] = defect && x > 20 && x < 36 && y > 24 && y < 40 ? 250 : 60 + x + (state >>> 29);
  }
  await sharp(data, { raw: { width: SIDE, height: SIDE, channels: 1 } })
    .png()
    .toFile(path);
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "nominald-quantize-"));
  dataset = join(folder, "dataset");
  const kinds = { "train/good": TRAIN, "test/good": 3, "test/square": 3 };
  let seed = 0;
  for (const [kind, count] of Object.entries(kinds)) {
    await mkdir(join(dataset, kind), { recursive: true });
    for (let i = 0; i < count; i++) await draw(join(dataset, kind, `${i}.png`), ++seed, kind.endsWith("square"));
  }
});
after(() => rm(folder, { recursive: true }));

async function run(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const lines = { out: [] as string[], err: [] as string[] };
  const code = await modelsCommand(["quantize", ...args], {
    out: (line) => void lines.out.push(line),
    err: (line) => void lines.err.push(line),
    isTerminal: false,
    signal: new AbortController().signal,
  });
  return { code, out: lines.out.join("\n"), err: lines.err.join("\n") };
}

function quantize(...more: string[]) {
  const images = join(dataset, "train", "good");
  return run("--backbone", "clip-tiny.random", "--models", MODELS, "--images", images, "--threads", "1", ...more);
}

test("models quantize writes a backbone and tells latency, embedding error and AUROC before and after", async () => {
  const out = join(folder, "models");
  const { code, out: text, err } = await quantize("--out", out, "--dataset", dataset);
  assert.equal(code, 0, err);
  assert.match(text, /^clip-tiny\.random\.int8: written to /);
  assert.match(text, /int8 {7}15 of 15 convolutions, .* 8 nominal images/);
  // The manifest's preferred input, as no --size was given.
  assert.match(text, /latency {4}\d+\.\d\d → \d+\.\d\d ms, .* at 64 × 64, 1 threads, medians of 40 runs in turn/);
  assert.match(text, /embedding {2}relative error 0\.0\d+/);
  // White squares on a ramp: any backbone tells them apart.
  assert.match(text, /AUROC {6}1\.0000 → 1\.0000 \(\+0\.00 points\): .* bank of 8, 3 nominal and 3 anomalous tested/);
  const report = await checkBackbone(join(out, "clip-tiny.random.int8", "manifest.json"));
  assert.deepEqual(report.problems, []);
});

test("a CLIP encoder and its int8 form go through fit and score", async () => {
  const out = join(folder, "both");
  const { code, out: text } = await quantize("--out", out, "--weight-bits", "7", "--range", "percentile:99.9");
  assert.equal(code, 0);
  assert.match(text, /weights of 7 bits, reduced range/);
  assert.match(text, /AUROC {6}not measured/);
  const images = join(dataset, "train", "good");
  for (const name of ["clip-tiny.random", "clip-tiny.random.int8"]) {
    const bank = join(folder, `${name}.bank`);
    const models = ["--models", MODELS, "--models", out];
    const sized = ["--images", images, "--out", bank, "--size", "64", "--ratio", "0.2"];
    const fitted = await nominald(["fit", "--backbone", name, ...models, ...sized]);
    assert.equal(fitted.code, 0, fitted.stderr);
    const files = [join(dataset, "test/good/0.png"), join(dataset, "test/square/0.png")];
    const scored = await nominald(["score", "--bank", bank, ...models, ...files]);
    assert.equal(scored.code, 0, scored.stderr);
    const [good, square] = scored.stdout.split("\n", 2).map((line) => (JSON.parse(line) as { score: number }).score);
    assert.ok(good !== undefined && square !== undefined && square > 2 * good, scored.stdout);
  }
});

test("what is wrong on the command line is told all at once, with the help", async () => {
  const { code, out, err } = await run("--size", "0", "--range", "percentile:20", "--weight-bits", "6");
  assert.deepEqual([code, out], [2, ""]);
  for (const part of [
    /Expected --backbone\nExpected --images\nExpected --out/,
    /Expected an integer from 1 to 4096 for --size but received "0"/,
    /Expected minmax, or percentile:P with P from 50 to 100 for --range but received "percentile:20"/,
    /Expected 7 or 8 for --weight-bits but received "6"/,
    /usage: nominald models quantize/,
  ])
    assert.match(err, part);
  assert.match((await run("--help")).out, /usage: nominald models quantize/);
});

test("a folder without images, an unknown layer and a folder that is no dataset are refused", async () => {
  const out = join(folder, "refused");
  const empty = join(folder, "empty");
  await mkdir(empty);
  const named = ["--backbone", "clip-tiny.random", "--models", MODELS, "--out", out];
  await assert.rejects(run(...named, "--images", empty), /no-images|Expected image files .* but it is empty/);
  await assert.rejects(quantize("--out", out, "--layers", "layer9"), (error: unknown) => {
    assert.ok(error instanceof InputError);
    assert.equal(error.code, "bad-layers");
    return /layer1, layer2, layer3 but got layer9/.test(error.message);
  });
  const images = join(dataset, "train");
  await assert.rejects(quantize("--out", out, "--dataset", images), InputError);
  await assert.rejects(readFile(join(out, "clip-tiny.random.int8", "manifest.json")), /ENOENT/);
});
