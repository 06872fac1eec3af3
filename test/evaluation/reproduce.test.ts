import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { BackboneManifest } from "../../src/backbone/manifest.ts";
import { presetParameters } from "../../src/bank/parameters.ts";
import { ablationsOf } from "../../src/evaluation/reproduce/ablations.ts";
import { CellStore, type CellResult } from "../../src/evaluation/reproduce/cell-store.ts";
import { reproductionMarkdown } from "../../src/evaluation/reproduce/markdown.ts";
import type { Cell } from "../../src/evaluation/reproduce/plan.ts";
import { MVTEC_CLASSES } from "../../src/evaluation/reproduce/published.ts";
import { reproductionPage } from "../../src/evaluation/reproduce/reproduction-page.ts";
import { reproductionOf } from "../../src/evaluation/reproduce/reproduction.ts";
import type { CellOutcome } from "../../src/evaluation/reproduce/run-cells.ts";
import { resultTables } from "../../src/evaluation/reproduce/tables.ts";
import { trainingSubset, type Fraction } from "../../src/evaluation/reproduce/training-subset.ts";
import { parametersOf, type AblationValue, type Basis } from "../../src/evaluation/reproduce/variant.ts";
import { tinyManifest } from "../backbone/tiny-backbone.ts";

const BASIS: Basis = { preset: "reproduction", seed: 1, ratio: null, size: null };

function backbone(name: string, preferred?: BackboneManifest["input"]["preferred"]): BackboneManifest {
  const plain = tinyManifest(new Uint8Array());
  return { ...plain, name, input: { ...plain.input, ...(preferred === undefined ? {} : { preferred }) } };
}

function cellOf(className: string, name: string, fraction: Fraction = 1, ablation: AblationValue | null = null): Cell {
  return {
    key: [className, name, fraction, ablation?.axis ?? "", ablation?.value ?? ""].join("_"),
    className,
    backbone: backbone(name),
    manifestPath: "",
    fraction,
    ablation,
    parameters: presetParameters("reproduction"),
    train: ["1.png"],
    test: { name: className, images: [] },
    fingerprint: "ab".repeat(32),
  };
}

function resultOf(cell: Cell, imageAuroc: number | null, latencyMedianMs = 10): CellResult {
  return {
    format: "nominald-cell",
    formatVersion: 1,
    fingerprint: cell.fingerprint,
    className: cell.className,
    backbone: cell.backbone.name,
    fraction: cell.fraction,
    trainImages: 1,
    testImages: 2,
    rows: 3,
    dims: 4,
    imageAuroc,
    pixelAuroc: 0.9,
    pixelAurocAnomalous: 0.8,
    pro: 0.7,
    latencyMedianMs,
    latencyP99Ms: 20,
    fitSeconds: 1.5,
    program: "nominald test",
    machine: "a machine",
  };
}

test("smaller training sets are the first ⌊n/2⌋ + 1 and ⌊n/4⌋ + 1, as the authors took them", () => {
  const files = Array.from({ length: 10 }, (_, i) => `${i}.png`);
  const sizes = ([1, 0.5, 0.25] as const).map((fraction) => trainingSubset(files, fraction, "first", 1).length);
  assert.deepEqual(sizes, [10, 6, 3]);
  assert.deepEqual(trainingSubset(files, 0.25, "first", 1), ["0.png", "1.png", "2.png"]);
  assert.deepEqual(trainingSubset(["a.png"], 0.5, "first", 1), ["a.png"]);
});

test("drawn training sets are as large, in order, the same for a seed and others for another", () => {
  const files = Array.from({ length: 40 }, (_, i) => `${String(i).padStart(2, "0")}.png`);
  const draw = (seed: number): readonly string[] => trainingSubset(files, 0.5, "random", seed);
  assert.equal(draw(1).length, 21);
  assert.deepEqual(draw(1), [...draw(1)].sort());
  assert.deepEqual(draw(1), draw(1));
  assert.notDeepEqual(draw(1), draw(2));
  assert.equal(new Set(draw(3)).size, 21);
});

test("a backbone gets the pictures that it was trained on, where the preset crops", () => {
  const preferred = { shorterSide: 384, width: 384, height: 384, kernel: "bicubic" } as const;
  const clip = backbone("clip-rn50x16", preferred);
  assert.deepEqual(parametersOf(BASIS, clip, null).resize, { mode: "crop", ...preferred });
  assert.equal(parametersOf({ ...BASIS, preset: "edge" }, clip, null).resize.mode, "stretch");
  assert.equal(parametersOf({ ...BASIS, size: 224 }, clip, null).resize.width, 224);
  assert.deepEqual(parametersOf(BASIS, backbone("plain"), null).resize, presetParameters("reproduction").resize);
});

test("each ablation changes its one parameter and nothing else", () => {
  const plain = parametersOf(BASIS, backbone("plain"), null);
  const changed = (axis: AblationValue["axis"], value: string) =>
    parametersOf(BASIS, backbone("plain"), { axis, value });
  const custom = { ...plain, preset: "custom" } as const;
  assert.deepEqual(changed("ratio", "0.01"), {
    ...plain,
    coreset: { ...plain.coreset, budget: { kind: "ratio", ratio: 0.01 } },
  });
  assert.deepEqual(changed("coreset", "random"), { ...custom, coreset: { ...plain.coreset, method: "random" } });
  assert.deepEqual(changed("layers", "2"), { ...custom, layers: ["layer2"] });
  assert.deepEqual(changed("layers", "2+3"), plain);
  assert.deepEqual(changed("neighbourhood", "5"), { ...custom, neighbourhood: { ...plain.neighbourhood, size: 5 } });
  assert.deepEqual(changed("b", "1"), { ...custom, imageScore: { kind: "maximum" } });
  assert.deepEqual(changed("b", "9"), {
    ...custom,
    imageScore: { kind: "reweighted-reproduction", neighbours: 9 },
  });
});

test("tables have the best of each row in bold, what prints alike alike, and a mean of whole columns alone", () => {
  const names = ["wide-resnet50-2", "clip-rn50"];
  const aurocs = [
    [0.99, 0.980049],
    [0.98, 0.98001],
  ];
  const entries = ["bottle", "cable"].flatMap((className, c) =>
    names.map((name, b) => {
      const cell = cellOf(className, name);
      return { cell, result: resultOf(cell, aurocs[c]?.[b] ?? null) };
    }),
  );
  const tables = resultTables(entries);
  assert.deepEqual(
    tables.map(({ number }) => number),
    [1, 2, 3],
  );
  const [bottle, cable, mean] = tables[1]?.rows ?? [];
  assert.deepEqual(
    [bottle, cable].map((row) => row?.figures.map(({ best }) => best)),
    [
      [true, false],
      [true, true],
    ],
  );
  assert.ok(Math.abs((mean?.figures[0]?.ours ?? 0) - 0.985) < 1e-12);
  // Two classes are not the fifteen that published means are over.
  assert.deepEqual(
    mean?.figures.map(({ published }) => published),
    [null, null],
  );
  const holed = resultTables(entries.map((entry, i) => (i === 0 ? { ...entry, result: null } : entry)));
  assert.equal(holed[1]?.rows.at(-1)?.figures[0]?.ours, null);
});

test("published means stand beside means over MVTec's fifteen classes, and nowhere else", () => {
  const entries = MVTEC_CLASSES.flatMap((className) =>
    (["wide-resnet50-2", "clip-rn50x4"] as const).flatMap((name) =>
      ([1, 0.5] as const).map((fraction) => {
        const cell = cellOf(className, name, fraction);
        return { cell, result: resultOf(cell, 0.97) };
      }),
    ),
  );
  const tables = resultTables(entries);
  const published = tables.flatMap(({ number, rows }) =>
    rows.flatMap(({ name, figures }) =>
      figures.flatMap((one) => (one.published === null ? [] : [[number, name, one.published]])),
    ),
  );
  assert.deepEqual(published, [
    [1, "mean", 0.984],
    [2, "mean", 0.984],
  ]);
});

test("ablations are means over the classes, and none where a class is missing", () => {
  const value = (text: string): AblationValue => ({ axis: "ratio", value: text });
  const entry = (className: string, text: string, auroc: number, ms: number) => {
    const cell = cellOf(className, "clip-rn50", 1, value(text));
    return { cell, result: resultOf(cell, auroc, ms) };
  };
  const entries = [entry("bottle", "0.1", 0.9, 10), entry("cable", "0.1", 0.8, 20), entry("bottle", "1", 1, 30)];
  const open = { cell: cellOf("cable", "clip-rn50", 1, value("1")), result: null };
  const [ablation] = ablationsOf([...entries, open]);
  const [tenth, whole] = ablation?.rows ?? [];
  assert.ok(Math.abs((tenth?.imageAuroc ?? 0) - 0.85) < 1e-12);
  assert.equal(tenth?.latencyMs, 15);
  assert.deepEqual([whole?.value, whole?.imageAuroc, whole?.latencyMs], ["1", null, null]);
  assert.deepEqual(resultTables([...entries, open]), []);
});

test("Markdown and page say what is open and what failed, and show figures, bold and plots", () => {
  const cells = [
    cellOf("bottle", "wide-resnet50-2"),
    cellOf("bottle", "clip-rn50"),
    cellOf("bottle", "clip-rn50", 1, { axis: "b", value: "3" }),
    cellOf("cable", "clip-rn50"),
  ];
  const [first, second, third] = cells.map((cell, i) => resultOf(cell, 0.9 + i / 100));
  assert.ok(first !== undefined && second !== undefined && third !== undefined);
  const outcomes: CellOutcome[] = [
    { kind: "computed", result: first },
    { kind: "stored", result: second },
    { kind: "computed", result: third },
  ];
  const open = reproductionOf(cells, outcomes, "Preset reproduction", "a machine");
  const failed = reproductionOf(cells, [...outcomes, { kind: "failed", reason: "too <little> memory" }], "S", "M");
  assert.deepEqual([open.open, open.failures.length, failed.open, failed.failures.length], [1, 0, 0, 1]);
  const text = reproductionMarkdown(open);
  assert.match(text, /\*\*Not finished\*\*: 1 of 4/);
  assert.match(text, /\| bottle \| 0\.9000 \| {2}\| \*\*0\.9100\*\* \| {2}\|/);
  assert.match(text, /## Ablation: rows of the reweighting, b, clip-rn50/);
  assert.match(reproductionMarkdown(failed), /- `cable_clip-rn50_1__`: too <little> memory/);
  const page = reproductionPage(failed);
  assert.ok(page.includes("too &#60;little&#62; memory") && page.includes("<svg") && page.includes("<b>0.9100</b>"));
  assert.doesNotMatch(page + reproductionPage(open), /NaN|undefined|Infinity|<script|src="(?!data:)/);
});

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "nominald-cells-"));
});
after(() => rm(folder, { recursive: true, force: true }));

test("a stored result is found again by its cell, and by no other; a damaged one counts as none", async () => {
  const store = new CellStore(folder);
  const cell = cellOf("bottle", "clip-rn50");
  const result = resultOf(cell, null);
  assert.equal(store.read(cell), null);
  store.write(cell, result);
  assert.deepEqual(store.read(cell), result);
  assert.equal(store.read({ ...cell, fingerprint: "cd".repeat(32) }), null);
  for (const text of ["", "{", '{"format":"nominald-cell"}', JSON.stringify({ ...result, imageAuroc: 2 })]) {
    await writeFile(join(folder, `${cell.key}.json`), text);
    assert.equal(store.read(cell), null, text);
  }
});
