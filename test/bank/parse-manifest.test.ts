import assert from "node:assert/strict";
import { test } from "node:test";
import { parseManifest } from "../../src/bank/parse-manifest.ts";
import { InputError } from "../../src/shared/errors.ts";
import { sampleDraft } from "./sample-bank.ts";

function validManifest(): Record<string, unknown> {
  const file = (bytes: number): object => ({ bytes, sha256: "ef".repeat(32) });
  return {
    format: "nominald-bank",
    formatVersion: 1,
    ...sampleDraft().manifest,
    // 3 rows × 2 dims: 24 bytes of float32, 6 of int8; mean 2 × 4; 3 image indexes × 4.
    files: { "rows.f32": file(24), "rows.i8": file(6), "mean.f32": file(8), "row-image.i32": file(12) },
  };
}

function problemsOf(manifest: unknown): string {
  try {
    parseManifest(JSON.stringify(manifest), "x.bank");
  } catch (error) {
    assert.ok(error instanceof InputError);
    assert.equal(error.code, "bank-manifest");
    return error.message;
  }
  return "";
}

test("a valid manifest comes back as it is", () => {
  const manifest = validManifest();
  assert.deepEqual(parseManifest(JSON.stringify(manifest), "x.bank"), manifest);
});

test("all problems are listed in one error, with path, expected and actual", () => {
  const message = problemsOf({ ...validManifest(), rows: "3", dims: 2.5, grid: { rows: 2 }, colour: "red" });
  assert.match(message, /rows: expected an integer from 1 to \d+, received "3"/);
  assert.match(message, /dims: expected an integer .*, received 2\.5/);
  assert.match(message, /grid\.cols: expected an integer .*, received nothing/);
  assert.match(message, /colour: expected no such key, received "red"/);
});

test("a key of JavaScript's own objects is an unknown key like any other", () => {
  const json = JSON.stringify(validManifest()).replace("{", '{"__proto__":{"rows":9},"constructor":1,');
  assert.throws(
    () => parseManifest(json, "x.bank"),
    /__proto__: expected no such key[\s\S]*constructor: expected no such key/,
  );
});

test("parameters that this version cannot follow are refused rather than ignored", () => {
  const { parameters } = sampleDraft().manifest;
  const withScore = (patchScore: object): string =>
    problemsOf({ ...validManifest(), parameters: { ...parameters, patchScore } });
  assert.match(withScore({ kind: "euclidean", neighbours: 5 }), /patchScore\.neighbours: expected no such key/);
  assert.match(
    withScore({ kind: "cosine" }),
    /patchScore\.kind: expected "euclidean" or "mean-squared", received "cos/,
  );
  assert.match(withScore({ kind: "toString" }), /patchScore\.kind: expected "euclidean"/);
  assert.equal(withScore({ kind: "mean-squared", neighbours: 5 }), "");
  const imageScore = { kind: "reweighted", neighbours: 1 };
  assert.match(problemsOf({ ...validManifest(), parameters: { ...parameters, imageScore } }), /imageScore\.neighbours/);
  const reweighted = { ...parameters, imageScore: { kind: "reweighted", neighbours: 3 } };
  assert.equal(problemsOf({ ...validManifest(), parameters: reweighted }), "");
});

test("numbers that contradict one another are refused", () => {
  // 2 × 2 patches × 2 images = 8.
  assert.match(
    problemsOf({ ...validManifest(), nominal: { images: 2, patches: 9, sha256: "cd".repeat(32) } }),
    /nominal\.patches: expected 8/,
  );
  const { calibration } = sampleDraft().manifest;
  assert.match(problemsOf({ ...validManifest(), calibration: { ...calibration, scores: [1] } }), /expected 2 scores/);
  assert.match(
    problemsOf({ ...validManifest(), calibration: { ...calibration, threshold: 0 } }),
    /calibration\.threshold/,
  );
  assert.match(problemsOf({ ...validManifest(), rows: 4 }), /files\.rows\.f32\.bytes: expected 32 bytes/);
  assert.match(problemsOf({ ...validManifest(), rows: 9 }), /rows: expected at most nominal\.patches/);
  const hnsw = { connectivity: 16, expansionAdd: 128, expansionSearch: 64 };
  assert.match(
    problemsOf({ ...validManifest(), index: { kind: "hnsw", hnsw } }),
    /files\.hnsw\.usearch: expected size and digest/,
  );
});

test("what is no JSON, or no manifest, is said", () => {
  assert.throws(() => parseManifest("{", "x.bank"), { code: "bank-manifest" });
  assert.match(problemsOf([1]), /document: expected an object/);
  assert.match(problemsOf({ format: "other", formatVersion: 7 }), /format: expected "nominald-bank"/);
});
