import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { builtInModelsFolder, findBackbone } from "../../src/backbone/find.ts";
import { readBank } from "../../src/bank/bundle-read.ts";
import { presetParameters } from "../../src/bank/parameters.ts";
import { PRESETS } from "../../src/bank/presets.ts";
import { fitBank } from "../../src/fit/fit-bank.ts";
import type { FitPlan } from "../../src/fit/fit-options.ts";
import type { Progress } from "../../src/fit/progress.ts";
import { DeviceError, InputError } from "../../src/shared/errors.ts";
import { fitOptions, writeNominal } from "./nominal-images.ts";

let folder = "";
let files: string[] = [];
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "nominald-fit-"));
  files = await writeNominal(join(folder, "good"), 12);
});
after(() => rm(folder, { recursive: true }));

const out = (name: string): string => join(folder, `${name}.bank`);

test("the same images give the same bytes: on one and two threads, with kept embeddings and without", async () => {
  const plain = await fitBank({ ...fitOptions(files, out("one")), index: "auto" });
  const variants = {
    two: { threads: 2 },
    cold: { cache: join(folder, "cache") },
    warm: { cache: join(folder, "cache"), threads: 2 },
  };
  for (const [name, variant] of Object.entries(variants)) {
    const result = await fitBank({ ...fitOptions(files, out(name)), index: "auto", ...variant });
    assert.equal(result.reused, name === "warm" ? 12 : 0, name);
    assert.equal(result.bankId, plain.bankId, name);
    assert.deepEqual(await readFile(out(name)), await readFile(out("one")), name);
  }
});

test("the default backbone gives the same bytes on one and two threads", async () => {
  const backbone = await findBackbone([builtInModelsFolder()], { name: "efficientnet-lite0" });
  const parameters = presetParameters("edge", { size: 64, coreset: { budget: { kind: "rows", rows: 40 } } });
  const banks: Buffer[] = [];
  for (const threads of [1, 2]) {
    const path = out(`lite0-${threads}`);
    await fitBank({ ...fitOptions(files, path), backbone, parameters, threads });
    banks.push(await readFile(path));
  }
  assert.deepEqual(banks[0], banks[1]);
});

const DETAIL = { share: 0.5, exponent: 0.5, shrinkage: 0.05 };

test("learned detail gives the same bytes on one and two threads, and lies in the bank", async () => {
  for (const threads of [1, 2]) {
    await fitBank({ ...fitOptions(files, out(`detail-${threads}`), { detail: DETAIL }), threads });
  }
  assert.deepEqual(await readFile(out("detail-1")), await readFile(out("detail-2")));
  const bank = await readBank(out("detail-1"));
  assert.deepEqual(bank.manifest.parameters.detail, DETAIL);
  const plain = await fitBank(fitOptions(files, out("no-detail"), { detail: null }));
  assert.equal(bank.manifest.dims, plain.manifest.dims);
  assert.notDeepEqual(bank.rows, (await readBank(out("no-detail"))).rows);
});

test("learning the detail is the first stage, told from its beginning to its end", async () => {
  const reports: Progress[] = [];
  const onProgress = (progress: Progress): void => void reports.push(progress);
  const { stageMs } = await fitBank({ ...fitOptions(files, out("detail-stage"), { detail: DETAIL }), onProgress });
  const own = reports.slice(
    0,
    reports.findIndex(({ stage }) => stage === "read"),
  );
  assert.deepEqual(
    [own.at(0), own.at(-1)],
    [
      { stage: "detail", done: 0, total: 12 },
      { stage: "detail", done: 12, total: 12 },
    ],
  );
  assert.ok(own.every(({ stage }) => stage === "detail"));
  assert.ok(stageMs.detail > 0);
});

test("a fit that is stopped while it learns the detail ends at once and writes no bank", async () => {
  const controller = new AbortController();
  const stopped = fitBank({
    ...fitOptions(files, out("detail-stopped"), { detail: DETAIL }),
    signal: controller.signal,
    onProgress: ({ done }) => void (done === 2 && controller.abort(new Error("enough"))),
  });
  await assert.rejects(stopped, /enough/);
  assert.equal(existsSync(out("detail-stopped")), false);
});

test("detail of a first layer that is too wide is refused with both numbers, before anything is embedded", async () => {
  const backbone = await findBackbone([builtInModelsFolder()], { name: "efficientnet-lite0" });
  const wide = { ...fitOptions(files, out("wide"), { layers: ["expand2"], detail: DETAIL }), backbone };
  await assert.rejects(fitBank(wide), { code: "detail-too-wide", message: /at most 64 channels .* but it has 240/ });
});

test("kept embeddings are those of their detail: with other images it is another, and all are embedded anew", async () => {
  const cache = join(folder, "detail-cache");
  const options = { ...fitOptions(files, out("detail-cold"), { detail: DETAIL }), cache };
  assert.equal((await fitBank(options)).reused, 0);
  assert.equal((await fitBank({ ...options, out: out("detail-warm") })).reused, 12);
  assert.deepEqual(await readFile(out("detail-warm")), await readFile(out("detail-cold")));
  assert.equal((await fitBank({ ...options, files: files.slice(0, 8) })).reused, 0);
});

test("a bank's rows are patches of the images that it names, in their order", async () => {
  await fitBank(fitOptions(files, out("rows")));
  const bank = await readBank(out("rows"));
  // 12 images of 16 × 16 patches; 2 % of 3,072 is 61.44.
  assert.equal(bank.manifest.rows, 61);
  assert.deepEqual(bank.rowImage, Int32Array.from(bank.rowImage).sort());
  assert.equal(bank.manifest.calibration.scores.length, 12);
  assert.equal(bank.manifest.calibration.mapMaxima.length, 12);
});

test("a budget in rows or bytes decides the number of rows", async () => {
  const rows = await fitBank(fitOptions(files, out("b1"), { coreset: { budget: { kind: "rows", rows: 25 } } }));
  assert.equal(rows.manifest.rows, 25);
  // 6 dimensions of 4 bytes: 24 a row, and 1,000 bytes hold 41.
  const bytes = await fitBank(fitOptions(files, out("b2"), { coreset: { budget: { kind: "bytes", bytes: 1000 } } }));
  assert.equal(bytes.manifest.rows, 41);
});

test("random rows make another bank than the greedy choice, and the same for the same seed", async () => {
  const random = { coreset: { method: "random" } } as const;
  const one = await fitBank(fitOptions(files, out("r1"), random));
  const same = await fitBank(fitOptions(files, out("r2"), random));
  const greedy = await fitBank(fitOptions(files, out("g")));
  assert.equal(one.bankId, same.bankId);
  assert.notEqual(one.bankId, greedy.bankId);
  assert.equal(one.manifest.rows, greedy.manifest.rows);
});

test("every preset's choice of rows runs: projections, starts and budgets", async () => {
  for (const preset of ["edge", "reference", "paper", "reproduction"] as const) {
    const coreset = { ...PRESETS[preset].coreset, budget: { kind: "rows", rows: 30 } } as const;
    const { manifest } = await fitBank(fitOptions(files, out(preset), { coreset }));
    assert.equal(manifest.rows, 30, preset);
  }
});

test("a coreset for each fold scores every image, and says what masking would have done", async () => {
  const masked = await fitBank({ ...fitOptions(files, out("m")), calibration: "masked" });
  const own = await fitBank({ ...fitOptions(files, out("p")), calibration: "per-fold" });
  assert.equal(masked.manifest.calibration.mode, "masked");
  // A small fit can afford the better mode unasked.
  assert.equal((await fitBank(fitOptions(files, out("p")))).bankId, own.bankId);
  assert.equal(own.manifest.calibration.mode, "per-fold");
  assert.equal(own.manifest.calibration.bias?.images, 12);
  // The first fold of five, images 0 and 1, is measured by masking too.
  assert.equal(masked.manifest.calibration.bias?.images, 2);
  assert.notDeepEqual(own.manifest.calibration.scores, masked.manifest.calibration.scores);
  const ratios = own.manifest.calibration.scores.map((score, i) => masked.manifest.calibration.scores[i]! / score);
  const [low, high] = [Math.min(...ratios), Math.max(...ratios)];
  const { medianRatio } = own.manifest.calibration.bias ?? { medianRatio: 0 };
  assert.ok(low <= medianRatio && medianRatio <= high, `${low} ${medianRatio} ${high}`);
});

test("stages come in order, each from its beginning to its end, and the plan comes before the first embedding", async () => {
  const seen: Progress[] = [];
  let plan: FitPlan | undefined;
  await fitBank({
    ...fitOptions(files, out("progress")),
    index: "hnsw",
    onProgress: (progress) => seen.push(progress),
    onPlan: (stated) => {
      assert.ok(!seen.some(({ stage }) => stage === "embed"));
      plan = stated;
    },
  });
  const stages = [...new Set(seen.map(({ stage }) => stage))];
  assert.deepEqual(stages, ["read", "embed", "coreset", "calibrate", "graph", "index", "write"]);
  for (const stage of stages) {
    const steps = seen.filter((progress) => progress.stage === stage);
    assert.deepEqual(
      [...steps].sort((a, b) => a.done - b.done),
      steps,
      stage,
    );
    assert.equal(steps.at(-1)?.done, steps.at(-1)?.total, stage);
  }
  // 12 images · 256 patches · 6 dimensions · 4 bytes.
  assert.equal(plan?.disk, 73_728);
  assert.equal(plan?.rows, 61);
});

test("a fit that is stopped keeps the embeddings, and the next goes on from them", async () => {
  const stop = new AbortController();
  const reason = new Error("enough");
  const onProgress = ({ stage, done }: Progress): void => {
    if (stage === "embed" && done === 7) stop.abort(reason);
  };
  await assert.rejects(fitBank({ ...fitOptions(files, out("again")), signal: stop.signal, onProgress }), reason);
  assert.ok(!existsSync(out("again")));
  const { reused, bankId } = await fitBank(fitOptions(files, out("again")));
  assert.equal(reused, 7);
  assert.equal(bankId, (await fitBank(fitOptions(files, out("whole")))).bankId);
  // What was kept is gone with the end of the fit.
  assert.deepEqual(
    (await readdir(folder)).filter((name) => name.startsWith("again.bank.")),
    [],
  );
});

test("a fit that is stopped while it picks, calibrates or compares ends at once and writes no bank", async () => {
  for (const at of ["coreset", "calibrate", "graph", "index"] as const) {
    const stop = new AbortController();
    const reason = new Error("enough");
    const onProgress = ({ stage }: Progress): void => {
      if (stage === at) stop.abort(reason);
    };
    const options = {
      ...fitOptions(files, out(`stop-${at}`)),
      index: "hnsw",
      signal: stop.signal,
      onProgress,
    } as const;
    await assert.rejects(fitBank(options), reason, at);
    assert.ok(!existsSync(options.out), at);
  }
});

test("other parameters, another backbone or another image are embedded anew; a changed coreset is not", async () => {
  const cache = join(folder, "keys");
  const fit = async (name: string, choices: Parameters<typeof fitOptions>[2] = {}) =>
    (await fitBank({ ...fitOptions(files, out(name), choices), cache })).reused;
  assert.equal(await fit("k1"), 0);
  assert.equal(await fit("k2", { coreset: { seed: 9 } }), 12);
  assert.equal(await fit("k3", { rotation: 90 }), 0);
  assert.equal(await fit("k4", { size: 16 }), 0);
  assert.equal(await fit("k5"), 12);
});

test("a fit that the memory cannot hold is refused before anything is embedded", async () => {
  const seen: Progress[] = [];
  const options = {
    ...fitOptions(files, out("large")),
    availableBytes: 100e6,
    onProgress: (p: Progress) => seen.push(p),
  };
  await assert.rejects(fitBank(options), (error: unknown) => {
    assert.ok(error instanceof InputError && error.code === "fit-too-large", String(error));
    return /available memory \(0\.1 GiB\).*12 images of 256 patches in 6 dimensions.*need 0\.5 GiB/.test(error.message);
  });
  assert.deepEqual(seen, []);
});

test("an output folder that is not there is told before the work", async () => {
  const options = fitOptions(files, join(folder, "nowhere", "x.bank"));
  await assert.rejects(
    fitBank(options),
    (error: unknown) => error instanceof DeviceError && error.code === "bank-write",
  );
});
