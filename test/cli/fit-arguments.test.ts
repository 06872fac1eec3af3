import assert from "node:assert/strict";
import { test } from "node:test";
import { parseManifest } from "../../src/bank/parse-manifest.ts";
import { presetParameters } from "../../src/bank/parameters.ts";
import { parseFitArguments } from "../../src/cli/fit-arguments.ts";
import { sampleDraft } from "../bank/sample-bank.ts";

const NEEDED = ["--images", "good", "--out", "x.bank"];

function parsed(...args: string[]) {
  const result = parseFitArguments([...NEEDED, ...args]);
  assert.ok(!("problems" in result), JSON.stringify(result));
  return result;
}

function problemsOf(...args: string[]): string {
  const result = parseFitArguments([...NEEDED, ...args]);
  assert.ok("problems" in result, JSON.stringify(result));
  return result.problems.join("\n");
}

test("without a flag the preset is edge and nothing is chosen otherwise", () => {
  const { preset, choices } = parsed();
  assert.deepEqual([preset, choices], ["edge", {}]);
  assert.deepEqual(parsed("--preset", "reproduction").preset, "reproduction");
});

/** Each flag alone, on a preset that it fits, and what it makes of the parameters. */
const FLAGS = [
  ["edge", ["--size", "448"], { resize: { mode: "stretch", width: 448, height: 448, kernel: "linear" } }],
  ["edge", ["--resize", "stretch:320x160"], { resize: { mode: "stretch", width: 320, height: 160, kernel: "linear" } }],
  [
    "paper",
    ["--resize", "crop:366:320x320", "--kernel", "bicubic"],
    { resize: { mode: "crop", shorterSide: 366, width: 320, height: 320, kernel: "bicubic" } },
  ],
  ["edge", ["--kernel", "bicubic"], { resize: { mode: "stretch", width: 320, height: 320, kernel: "bicubic" } }],
  ["edge", ["--layers", "layer1, layer3"], { layers: ["layer1", "layer3"] }],
  ["edge", ["--neighbourhood", "average:5"], { neighbourhood: { kind: "average", size: 5, padding: "zeros" } }],
  [
    "reproduction",
    ["--neighbourhood", "average:1:unpadded"],
    { neighbourhood: { kind: "average", size: 1, padding: "none" } },
  ],
  ["paper", ["--neighbourhood", "unfold:5"], { neighbourhood: { kind: "unfold", size: 5 } }],
  ["paper", ["--join", "adaptive:512:256"], { join: { kind: "adaptive", layerDims: 512, dims: 256 } }],
  ["edge", ["--join", "concat:adaptive-pooling"], { join: { kind: "concat", stretch: "adaptive-pooling" } }],
  ["edge", ["--detail", "0.25:1:0.1"], { detail: { share: 0.25, exponent: 1, shrinkage: 0.1 } }],
  ["edge", ["--patch-score", "mean-squared:5"], { patchScore: { kind: "mean-squared", neighbours: 5 } }],
  ["edge", ["--image-score", "reweighted:9"], { imageScore: { kind: "reweighted", neighbours: 9 } }],
  ["reproduction", ["--image-score", "maximum"], { imageScore: { kind: "maximum" } }],
  [
    "edge",
    ["--smoothing", "gaussian-8bit:4"],
    { map: { upsample: "bilinear", smoothing: { kind: "gaussian-8bit", sigma: 4 } } },
  ],
  [
    "edge",
    ["--smoothing", "gaussian:2.5:10"],
    { map: { upsample: "bilinear", smoothing: { kind: "gaussian", sigma: 2.5, radius: 10 } } },
  ],
] as const;

/** The parameters as a manifest gives them back. */
function throughManifest(preset: Parameters<typeof presetParameters>[0], choices: object) {
  const draft = sampleDraft();
  const file = (bytes: number): object => ({ bytes, sha256: "ef".repeat(32) });
  const parameters = presetParameters(preset, choices);
  const files = {
    "rows.f32": file(24),
    "rows.i8": file(6),
    "mean.f32": file(8),
    ...(parameters.detail === null ? {} : { "detail.f32": file(36) }),
    "row-image.i32": file(12),
  };
  const manifest = { ...draft.manifest, parameters };
  const json = JSON.stringify({ format: "nominald-bank", formatVersion: 1, ...manifest, files });
  return parseManifest(json, "x.bank").parameters;
}

for (const [preset, flags, expected] of FLAGS) {
  test(`${preset} with ${flags.join(" ")} changes that parameter alone, and the manifest holds it`, () => {
    const { choices } = parsed("--preset", preset, ...flags);
    const parameters = throughManifest(preset, choices);
    assert.deepEqual(parameters, { ...presetParameters(preset), preset: "custom", ...expected });
    assert.equal(parameters.basis, preset);
  });
}

for (const [flags, expected, name] of [
  [["--coreset", "random"], { method: "random" }, "custom"],
  [["--projection", "sparse:0.9"], { projection: { kind: "sparse", eps: 0.9 } }, "custom"],
  [["--projection", "none"], { projection: { kind: "none" } }, "custom"],
  [["--projection", "linear-untrained:64"], { projection: { kind: "linear-untrained", dims: 64 } }, "custom"],
  [["--start", "first-row"], { start: "first-row" }, "custom"],
  [["--ratio", "0.1"], { budget: { kind: "ratio", ratio: 0.1 } }, "edge"],
  [["--rows", "2500"], { budget: { kind: "rows", rows: 2500 } }, "edge"],
  [["--bytes", "1000000"], { budget: { kind: "bytes", bytes: 1_000_000 } }, "edge"],
  [["--seed", "0"], { seed: 0 }, "edge"],
] as const) {
  test(`${flags.join(" ")} changes that part of the coreset's rule alone; the preset is then ${name}`, () => {
    const parameters = throughManifest("edge", parsed(...flags).choices);
    const edge = presetParameters("edge");
    assert.deepEqual(parameters, { ...edge, preset: name, coreset: { ...edge.coreset, ...expected } });
  });
}

test("every value that is none is told, all in one go", () => {
  const wrong = [
    ["--preset", "fast"],
    ["--resize", "crop:256"],
    ["--neighbourhood", "average:2"],
    ["--join", "adaptive:10"],
    ["--detail", "0.5:0.5"],
    ["--coreset", "best"],
    ["--projection", "gaussian:0"],
    ["--start", "row"],
    ["--ratio", "1.1"],
    ["--patch-score", "mean-squared"],
    ["--image-score", "reweighted:1"],
    ["--smoothing", "gaussian:0:16"],
    ["--kernel", "cubic:1"],
    ["--layers", "a,,b"],
    ["--seed", "4294967296"],
  ] as const;
  const lines = problemsOf(...wrong.flat()).split("\n");
  assert.equal(lines.length, wrong.length);
  for (const [option, value] of wrong) {
    assert.ok(
      lines.some((line) => line.includes(`for ${option} but received "${value}"`)),
      option,
    );
  }
});

test("detail can be left out, and has only the plain mean and join to stand in", () => {
  assert.equal(throughManifest("edge", parsed("--detail", "none").choices).detail, null);
  assert.throws(
    () => presetParameters("edge", parsed("--detail", "0.5:0.5:0.05", "--neighbourhood", "average:5").choices),
    { code: "bank-parameters", message: /edge\.detail: expected null for any neighbourhood but the padded average/ },
  );
  assert.throws(() => presetParameters("paper", parsed("--detail", "0.5:0.5:0.05").choices), {
    code: "bank-parameters",
  });
});

test("two sizes and two budgets are refused", () => {
  assert.match(problemsOf("--size", "320", "--resize", "stretch:64x64"), /either --size or --resize/);
  assert.match(
    problemsOf("--ratio", "0.1", "--rows", "5"),
    /one of --ratio, --rows and --bytes but received ratio and/,
  );
});

test("a preset that crops takes the input that the backbone was trained on, and keeps its name", () => {
  const preferred = { shorterSide: 288, width: 288, height: 288, kernel: "bicubic" } as const;
  const clip = presetParameters("reproduction", { preferred });
  assert.deepEqual([clip.preset, clip.resize], ["reproduction", { mode: "crop", ...preferred }]);
  assert.equal(presetParameters("reproduction", { preferred, size: 320 }).preset, "custom");
  // edge looks at the whole region with every backbone.
  assert.equal(presetParameters("edge", { preferred }).resize.mode, "stretch");
});
