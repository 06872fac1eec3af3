import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Reproduction } from "../../src/evaluation/reproduce/reproduction.ts";
import { nominald, NominaldProcess } from "../support/daemon-process.ts";
import { writeMvtecParts } from "../support/mvtec-parts.ts";
import { until } from "../support/until.ts";

const SIZE = 160;
let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "nominald-reproduce-"));
  for (const [seed, name] of ["nut", "washer"].entries()) {
    const parts = { train: 8, nominal: 2, defects: ["stain", "dent"], size: SIZE, seed: 100 * seed } as const;
    await writeMvtecParts(join(folder, "root", name), parts);
  }
});
after(() => rm(folder, { recursive: true, force: true }));

/** Small enough for seconds: the backbone that comes with nominald, at 64 pixels. */
function args(out: string, ...more: string[]): string[] {
  const small = ["--backbones", "efficientnet-lite0", "--preset", "edge", "--size", "64", "--ratio", "0.2"];
  return ["reproduce", "--root", join(folder, "root"), "--out", join(folder, out), ...small, ...more];
}

async function reproduction(out: string): Promise<Reproduction> {
  return JSON.parse(await readFile(join(folder, out, "reproduction.json"), "utf8")) as Reproduction;
}

/** Names of the results that are there; none before the run made the folder. */
async function results(out: string): Promise<string[]> {
  return (await readdir(join(folder, out, "cells")).catch(() => [])).filter((name) => name.endsWith(".json"));
}

test("every class and fraction is fitted and evaluated, and the tables, page and JSON are written", async () => {
  const ablations = ["--ablate-ratio", "0.2,0.1", "--ablate-coreset", "random"];
  const { code, stdout, stderr } = await nominald(args("all", "--train-fraction", "1,0.25", ...ablations));
  assert.equal(code, 0, stderr);
  const run = await reproduction("all");
  assert.deepEqual([run.cells, run.open, run.failures], [10, 0, []]);
  assert.deepEqual(
    run.tables.map(({ number, rows }) => [number, rows.map(({ name }) => name)]),
    [2, 3, 6, 7].map((number) => [number, ["nut", "washer", "mean"]]),
  );
  // Ratio 0.2 is the tables' own: of ten cells eight are different. All of 8 images, then ⌊8/4⌋ + 1.
  assert.equal(run.results.length, 8);
  assert.deepEqual([...new Set(run.results.map(({ trainImages }) => trainImages))].sort(), [3, 8]);
  assert.deepEqual(
    run.ablations.map(({ axis, rows }) => [axis, rows.map(({ value }) => value)]),
    [
      ["ratio", ["0.2", "0.1"]],
      ["coreset", ["random"]],
    ],
  );
  const [fifth, tenth] = run.ablations[0]?.rows ?? [];
  assert.ok((fifth?.rows ?? 0) > (tenth?.rows ?? 0));
  for (const { imageAuroc, pixelAuroc } of run.results) assert.ok(imageAuroc !== null && pixelAuroc !== null);
  assert.equal(stdout, await readFile(join(folder, "all", "reproduction.md"), "utf8"));
  assert.match(await readFile(join(folder, "all", "reproduction.html"), "utf8"), /<svg/);
  // Neither banks nor embeddings stay behind.
  assert.deepEqual((await readdir(join(folder, "all"))).sort(), [
    "cells",
    "reproduction.html",
    "reproduction.json",
    "reproduction.md",
  ]);
});

test("a run that was ended goes on with what is left, and a third has nothing to do", async () => {
  const first = new NominaldProcess(args("ended", "--train-fraction", "1,0.5"));
  let isOver = false;
  void first.finished.then(() => (isOver = true));
  await until("the first result", async () => isOver || (await results("ended")).length > 0);
  first.kill("SIGINT");
  const ended = await first.finished;
  const before = await results("ended");
  if (before.length < 4) {
    assert.equal(ended.code, 130, ended.stderr);
    assert.match(ended.stdout, /Not finished/);
    assert.match(ended.stderr, /the same command goes on/);
  }
  const second = await nominald(args("ended", "--train-fraction", "1,0.5"));
  assert.equal(second.code, 0, second.stderr);
  assert.equal(second.stderr.split("from an earlier run").length - 1, before.length, second.stderr);
  const figures = (await reproduction("ended")).results;
  const third = await nominald(args("ended", "--train-fraction", "1,0.5"));
  assert.equal(third.stderr.split("from an earlier run").length - 1, 4, third.stderr);
  assert.deepEqual((await reproduction("ended")).results, figures);
});

test("a class that cannot be evaluated leaves a hole, is named, and ends with exit code 4", async () => {
  const file = join(folder, "root", "nut", "test", "good", "008.png");
  const whole = await readFile(file);
  await writeFile(file, whole.subarray(0, 200));
  const { code, stdout } = await nominald(args("hole")).finally(() => writeFile(file, whole));
  assert.equal(code, 4);
  assert.match(stdout, /\*\*Failed\*\*: 1 of 2 cells/);
  assert.match(stdout, /broken-image: .*008\.png/);
  assert.match(stdout, /\| nut \| – \|/);
  assert.match(stdout, /\| mean \| – \|/);
});

test("backbones, classes and options that do not exist are told before anything is done", async () => {
  const missing = await nominald(["reproduce", "--root", join(folder, "root"), "--out", join(folder, "none")]);
  assert.equal(missing.code, 4);
  assert.match(missing.stderr, /wrong-backbone: Expected the backbones wide-resnet50-2, clip-rn50, .*clip-rn50x16/);
  const classes = await nominald(args("none", "--classes", "nut,bolt"));
  assert.equal(classes.code, 4);
  assert.match(classes.stderr, /no-images: .*bolt/);
  const empty = await nominald(["reproduce", "--root", join(folder, "root", "nut")]);
  assert.match(empty.stderr, /no-classes: .*none of its 3 entries/);
  const wrong = ["--train-fraction", "0.3", "--ablate-b", "0", "--ablate-layers", "two", "--preset", "best"];
  const usage = await nominald(["reproduce", ...wrong]);
  assert.equal(usage.code, 2);
  for (const part of ["--root DIR", '"0.3"', '--ablate-b but received "0"', '"two"', '"best"'])
    assert.ok(usage.stderr.includes(part), `${part} in ${usage.stderr}`);
  const unfit = await nominald(args("none", "--preset", "reference", "--ablate-b", "3"));
  assert.equal(unfit.code, 3);
  assert.match(unfit.stderr, /bank-parameters/);
  assert.deepEqual(await readdir(join(folder, "none")).catch(() => "nothing"), "nothing");
});
