import assert from "node:assert/strict";
import { test } from "node:test";
import { bankIdOf, bankNameFrom, checkBankName } from "../../src/bank/bank-id.ts";
import { parameterProblems, parametersShape } from "../../src/bank/parse-parameters.ts";
import type { Problem } from "../../src/bank/shape.ts";
import { ConfigError } from "../../src/shared/errors.ts";
import { presetParameters } from "../../src/bank/parameters.ts";

test("the edge preset stretches the whole region to 320 × 320 and joins layers 2 and 3", () => {
  const parameters = presetParameters("edge");
  assert.equal(parameters.preset, "edge");
  assert.deepEqual(parameters.resize, { mode: "stretch", width: 320, height: 320, kernel: "linear" });
  assert.deepEqual(parameters.layers, ["layer2", "layer3"]);
  assert.deepEqual(parameters.coreset.budget, { kind: "ratio", ratio: 0.01 });
  assert.deepEqual(parameters.coreset.projection, { kind: "gaussian", dims: 128 });
  assert.deepEqual(parameters.imageScore, { kind: "maximum" });
  assert.equal(parameters.region, null);
});

test("each preset is what it is called, and its parameters fit each other", () => {
  for (const name of ["edge", "reference", "paper", "reproduction"] as const) {
    const parameters = presetParameters(name);
    assert.equal(parameters.preset, name);
    assert.equal(parameters.basis, name);
    assert.deepEqual(parameterProblems(parameters), []);
    // Written and read again it is the same: a manifest can hold it.
    const problems: Problem[] = [];
    assert.ok(parametersShape(JSON.parse(JSON.stringify(parameters)), "", problems), JSON.stringify(problems));
  }
});

test("another size or other layers are no longer the preset, and the manifest says which one they started from", () => {
  assert.equal(presetParameters("edge", { size: 448 }).preset, "custom");
  assert.equal(presetParameters("edge", { layers: ["layer3"] }).preset, "custom");
  const custom = presetParameters("reproduction", { imageScore: { kind: "maximum" } });
  assert.deepEqual([custom.preset, custom.basis], ["custom", "reproduction"]);
});

test("region, rotation, seed and budget are the station's own and keep the preset's name", () => {
  const coreset = { seed: 7, budget: { kind: "rows", rows: 500 } } as const;
  assert.equal(presetParameters("edge", { coreset, rotation: 90 }).preset, "edge");
  // A choice that equals the preset's value is no change, in whatever order its keys come.
  const resize = { kernel: "linear", height: 320, width: 320, mode: "stretch" } as const;
  assert.equal(presetParameters("edge", { resize }).preset, "edge");
  assert.equal(presetParameters("edge", { coreset: { method: "random" } }).preset, "custom");
});

test("a preset that crops keeps its proportion at another size", () => {
  // 256 / 224 · 320 = 365.7.
  const { resize } = presetParameters("reference", { size: 320 });
  assert.deepEqual(resize, { mode: "crop", shorterSide: 366, width: 320, height: 320, kernel: "linear" });
});

test("parameters that do not fit each other are refused together", () => {
  const choices = {
    layers: ["layer2", "layer2"],
    join: { kind: "concat", stretch: "bilinear" },
    patchScore: { kind: "mean-squared", neighbours: 5 },
  } as const;
  assert.throws(
    () => presetParameters("paper", choices),
    (error) =>
      error instanceof ConfigError &&
      /layers: expected different/.test(error.message) &&
      /join\.kind: expected "adaptive"/.test(error.message) &&
      /imageScore\.kind: expected "maximum"/.test(error.message),
  );
  const resize = { mode: "crop", shorterSide: 200, width: 224, height: 224, kernel: "bicubic" } as const;
  assert.throws(() => presetParameters("reference", { resize }), /shorterSide: expected at least 224/);
  const join = { kind: "concat", stretch: "bilinear" } as const;
  assert.throws(() => presetParameters("reproduction", { join }), /without padding/);
});

test("a bank's id fits the 32 characters of a PLC's text field", () => {
  const longest = checkBankName("n".repeat(23));
  assert.equal(bankIdOf(longest, "0123456789abcdef".repeat(4)), `${longest}-01234567`);
  assert.equal(bankIdOf(longest, "0".repeat(64)).length, 32);
  for (const bad of ["", "n".repeat(24), "a b", "ä", "a;b", "a\n"]) {
    assert.throws(() => checkBankName(bad), { code: "bank-name", faultClass: "config" });
  }
});

test("any folder's name becomes a legal bank name", () => {
  for (const text of ["good parts (2025)", "", "日本", "x".repeat(99)]) checkBankName(bankNameFrom(text));
  assert.equal(bankNameFrom("good parts"), "good-parts");
});
