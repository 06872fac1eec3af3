import assert from "node:assert/strict";
import { test } from "node:test";
import { bankIdOf, bankNameFrom, checkBankName } from "../../src/bank/bank-id.ts";
import { edgeParameters } from "../../src/bank/parameters.ts";

test("the edge preset stretches the whole region to 320 × 320 and joins layers 2 and 3", () => {
  const parameters = edgeParameters();
  assert.equal(parameters.preset, "edge");
  assert.deepEqual(parameters.resize, { mode: "stretch", width: 320, height: 320, kernel: "linear" });
  assert.deepEqual(parameters.layers, ["layer2", "layer3"]);
  assert.equal(parameters.coreset.ratio, 0.01);
  assert.equal(parameters.coreset.projectionDims, 128);
  assert.deepEqual(parameters.imageScore, { kind: "maximum" });
  assert.equal(parameters.region, null);
});

test("another size or other layers are no longer the edge preset; a region or seed still is", () => {
  assert.equal(edgeParameters({ size: 448 }).preset, "custom");
  assert.equal(edgeParameters({ layers: ["layer3"] }).preset, "custom");
  assert.equal(edgeParameters({ seed: 7, ratio: 0.1, rotation: 90 }).preset, "edge");
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
