import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Comparison } from "../../src/evaluation/compare.ts";
import type { Evaluation } from "../../src/evaluation/evaluation.ts";
import { auroc } from "../../src/patchcore/metrics.ts";
import { nominald } from "../support/daemon-process.ts";
import { writeMvtecParts } from "../support/mvtec-parts.ts";

/** Edge of the rendered parts; the banks see them at 128 and 96 pixels. */
const SIZE = 192;
const DEFECTS = ["stain", "stain", "dent", "missing-hole"] as const;
let folder: string;
let bank: string;
let smaller: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "nominald-eval-"));
  await writeMvtecParts(join(folder, "parts"), { train: 12, nominal: 4, defects: DEFECTS, size: SIZE, seed: 700 });
  [bank, smaller] = [join(folder, "parts.bank"), join(folder, "smaller.bank")];
  const images = ["--images", join(folder, "parts", "train", "good"), "--false-reject-rate", "0.1"];
  for (const [out, size] of [
    [bank, "128"],
    [smaller, "96"],
  ] as const) {
    const fit = await nominald(["fit", ...images, "--out", out, "--size", size, "--ratio", "0.1"]);
    assert.equal(fit.code, 0, fit.stderr);
  }
});
after(() => rm(folder, { recursive: true, force: true }));

const parts = (): string => join(folder, "parts");

async function evaluation(...args: string[]): Promise<Evaluation & { comparison?: Comparison; code: number | null }> {
  const { code, stdout, stderr } = await nominald(["eval", "--json", ...args]);
  assert.notEqual(stdout, "", stderr);
  return { ...(JSON.parse(stdout) as Evaluation & { comparison?: Comparison }), code };
}

test("a folder in MVTec's layout is measured as its images score, and the report needs no network", async () => {
  const out = join(folder, "new", "report");
  const found = await evaluation("--bank", bank, "--dataset", parts(), "--out", out, "--gallery", "2");
  assert.equal(found.code, 0);
  const { dataset, images, defects, atThreshold, pixels, approximation, bank: used } = found;
  assert.deepEqual([dataset.nominal, dataset.anomalous, dataset.withMask, dataset.emptyMasks], [4, 4, 4, 0]);
  assert.deepEqual(
    defects.map(({ defect, images: count }) => [defect, count]),
    [
      ["dent", 1],
      ["missing-hole", 1],
      ["stain", 2],
    ],
  );
  // The same scores as `nominald score` prints, and the AUROC of just these.
  const files = images.map(({ file }) => file);
  const scored = await nominald(["score", "--bank", bank, ...files]);
  const scores = scored.stdout
    .split("\n")
    .flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Evaluation["images"][0]]));
  assert.deepEqual(
    images.map(({ score, verdict }) => [score, verdict]),
    scores.map(({ score, verdict }) => [score, verdict]),
  );
  const truth = images.map(({ defect }) => defect !== null);
  assert.equal(
    found.imageAuroc,
    auroc(
      images.map(({ score }) => score),
      truth,
    ),
  );
  const missed = images.filter(({ defect, verdict }) => defect !== null && verdict === "PASS").length;
  assert.deepEqual([atThreshold.miss.hits, atThreshold.miss.of], [missed, 4]);
  // 128 × 128 pixels of eight images; maps point at the defects better than chance, or the masks are not theirs.
  assert.equal(pixels.nominalPixels + pixels.defectivePixels, 8 * 128 * 128);
  assert.ok(found.pixelAuroc !== null && found.pixelAuroc > 0.7, `pixel AUROC ${found.pixelAuroc}`);
  assert.ok(found.pro !== null && found.pro > 0 && found.pro <= 1);
  // Verification makes image scores exact, whatever searches.
  assert.deepEqual(
    approximation?.searches.map(({ kind, verdictFlips }) => [kind, verdictFlips]),
    [
      ["float32", 0],
      ["exact", 0],
      ["hnsw", 0],
    ],
  );
  for (const { largestScoreError } of approximation?.searches ?? []) assert.ok(largestScoreError <= 1e-5);
  const page = await readFile(join(out, "report.html"), "utf8");
  assert.ok(page.includes(used.bankId) && page.includes("missing-hole"));
  assert.doesNotMatch(page, /(src|href)="(?!data:)|url\(|@import|<script/);
  const written = JSON.parse(await readFile(join(out, "evaluation.json"), "utf8")) as Evaluation;
  assert.equal(written.imageAuroc, found.imageAuroc);
});

test("a list of labels measures the same images alike, and images without masks count for image metrics alone", async () => {
  const { images } = await evaluation("--bank", bank, "--dataset", parts(), "--no-approximation");
  const file = join(folder, "labels.csv");
  const lines = images.map(({ file: path, defect }) => `${path},${defect ?? "good"}`);
  await writeFile(file, ["path,label", ...lines].join("\n"));
  const listed = await evaluation("--bank", bank, "--csv", file, "--no-approximation");
  assert.deepEqual(
    listed.images.map(({ score }) => score),
    images.map(({ score }) => score),
  );
  assert.equal(listed.dataset.withMask, 0);
  assert.deepEqual([listed.pixelAuroc, listed.pro, listed.approximation], [null, null, null]);
});

test("a second bank is compared by the verdicts that flip", async () => {
  const [first] = (await evaluation("--bank", bank, "--dataset", parts(), "--no-approximation")).images;
  assert.ok(first !== undefined);
  // Below every score of the first bank all its verdicts are FAIL; the second keeps its own threshold.
  const args = ["--dataset", parts(), "--no-approximation", "--compare", smaller, "--threshold", "0.001"];
  const { images, comparison } = await evaluation("--bank", bank, ...args);
  assert.ok(comparison !== undefined && images.every(({ verdict }) => verdict === "FAIL"));
  const passed = (await evaluation("--bank", smaller, "--dataset", parts(), "--no-approximation")).images
    .filter(({ verdict }) => verdict === "PASS")
    .map(({ file }) => file);
  assert.deepEqual(comparison.flips.map(({ file }) => file).sort(), [...passed].sort());
  for (const { defect, better } of comparison.flips) assert.equal(better, defect === null);
});

test("images and masks that cannot be used are named, the others are measured, and the exit code is 4", async () => {
  const set = join(folder, "damaged");
  await writeMvtecParts(set, { train: 0, nominal: 2, defects: ["stain", "dent"], size: SIZE, seed: 700 });
  await writeFile(join(set, "test", "good", "000.png"), "no picture");
  await rm(join(set, "ground_truth", "dent", "001_mask.png"));
  await writeMvtecParts(join(folder, "other"), { train: 0, nominal: 0, defects: ["dent"], size: 160, seed: 1 });
  await symlink(
    join(folder, "other", "ground_truth", "dent", "000_mask.png"),
    join(set, "ground_truth", "dent", "001_mask.png"),
  );
  const { code, dataset, images } = await evaluation("--bank", bank, "--dataset", set, "--no-approximation");
  assert.equal(code, 4);
  assert.deepEqual([images.length, dataset.nominal, dataset.anomalous, dataset.withMask], [3, 1, 2, 1]);
  assert.deepEqual(
    dataset.unusable.map((one) => one.code),
    ["mask-size", "broken-image"],
  );
});

test("what is wrong on the command line or in the data set is told, with its exit code", async () => {
  const usage = await nominald(["eval", "--bank", bank, "--gallery", "1.5", "--index", "best", "--threshold", "x"]);
  assert.deepEqual([usage.code, usage.stdout], [2, ""]);
  for (const part of [
    "either --dataset DIR or --csv FILE",
    '--gallery but received "1.5"',
    '"best"',
    '--threshold but received "x"',
  ])
    assert.ok(usage.stderr.includes(part), `${part} in ${usage.stderr}`);
  const layout = await nominald(["eval", "--bank", bank, "--dataset", join(parts(), "train")]);
  assert.equal(layout.code, 4);
  assert.match(layout.stderr, /mvtec-layout: Expected a folder in MVTec's layout .* but there is no test/);
  const blocked = await nominald(["eval", "--bank", bank, "--dataset", parts(), "--out", join(bank, "report")]);
  assert.equal(blocked.code, 5);
  assert.match(blocked.stderr, /output-unwritable/);
  assert.match((await nominald(["eval", "--help"])).stdout, /^usage: nominald eval/);
});
