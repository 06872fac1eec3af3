import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import type { onnx } from "onnx-proto";
import { checkBackbone } from "../../src/backbone/check.ts";
import { builtInModelsFolder } from "../../src/backbone/find.ts";
import type { BackboneManifest } from "../../src/backbone/manifest.ts";
import { tinyManifest, tinyModel } from "./tiny-backbone.ts";

async function problemsOf(
  t: TestContext,
  model: Uint8Array,
  change: (manifest: BackboneManifest) => object = (manifest) => manifest,
): Promise<readonly string[]> {
  const folder = await mkdtemp(join(tmpdir(), "nominald-check-"));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "tiny.onnx"), model);
  await writeFile(join(folder, "manifest.json"), JSON.stringify(change(tinyManifest(model))));
  return (await checkBackbone(join(folder, "manifest.json"))).problems;
}

function matches(problems: readonly string[], ...expected: readonly RegExp[]): void {
  for (const one of expected)
    assert.ok(
      problems.some((problem) => one.test(problem)),
      `${one} in\n${problems.join("\n")}`,
    );
}

test("the default backbone and its manifest agree", async () => {
  const report = await checkBackbone(join(builtInModelsFolder(), "efficientnet-lite0", "manifest.json"));
  assert.deepEqual(report.problems, []);
  assert.deepEqual([report.nodes, report.irVersion], [65, 8]);
});

test("a right manifest of another backbone passes", async (t) => {
  assert.deepEqual(await problemsOf(t, tinyModel()), []);
});

test("digest, opset, input and output names, channels and strides are compared, all in one go", async (t) => {
  const problems = await problemsOf(t, tinyModel(), (manifest) => ({
    ...manifest,
    sha256: "0".repeat(64),
    opset: 17,
    outputs: [
      { name: "half", channels: 3, stride: 4 },
      { name: "quarter", channels: 7, stride: 4 },
    ],
  }));
  matches(
    problems,
    /^sha256: expected 0{64} \(the manifest\) but the file has [0-9a-f]{64}$/,
    /^opset: expected 17 \(the manifest\) but the model has 13$/,
    /^half: expected float32 1 × 3 × 16 × 17 for an input of 1 × 3 × 64 × 68 .* but got float32 1 × 3 × 32 × 34$/,
    /^quarter: expected float32 1 × 7 × 16 × 17 .* but got float32 1 × 3 × 16 × 17$/,
  );
  const misnamed = await problemsOf(t, tinyModel(), (manifest) => ({
    ...manifest,
    input: { ...manifest.input, name: "pixels" },
    outputs: [{ name: "layer9", channels: 3, stride: 2 }],
  }));
  matches(
    misnamed,
    /^input\.name: expected one of input but the manifest says pixels$/,
    /^outputs: expected one of half, .* but the manifest says layer9$/,
  );
});

test("a model with a fixed size or batch is told of", async (t) => {
  const fixed = tinyModel((model) => {
    const input = model.graph?.input?.[0];
    if (input?.type?.tensorType?.shape)
      input.type.tensorType.shape.dim = [1, 3, 64, 68].map((dimValue) => ({ dimValue }));
  });
  matches(await problemsOf(t, fixed), /^model: expected it to run on an input of 2 × 3 × 68 × 64 but /);
});

test("a layer that ignores the picture is told of", async (t) => {
  const blind = tinyModel((model) => {
    model.graph?.initializer?.splice(0, 1, { name: "ten", dataType: 1, dims: [1], floatData: [0] });
  });
  matches(await problemsOf(t, blind), /^big: expected values that depend on the picture/);
});

test("an opset or IR version beyond ONNX Runtime's is told of", async (t) => {
  const future = tinyModel((model) => {
    model.irVersion = 99;
    model.opsetImport = [{ domain: "", version: 99 }];
  });
  const problems = await problemsOf(t, future);
  matches(
    problems,
    /^opset: expected at most 26/,
    /^IR version: expected at most 13/,
    /^model: expected one that ONNX Runtime can load/,
  );
});

test("an input of another type is told of", async (t) => {
  const bytes = tinyModel((model: onnx.IModelProto) => {
    const graph = model.graph;
    const tensor = graph?.input?.[0]?.type?.tensorType;
    if (tensor) tensor.elemType = 2;
    graph?.node?.unshift({
      opType: "Cast",
      input: ["input"],
      output: ["cast"],
      attribute: [{ name: "to", type: 2, i: 1 }],
    });
    const first = graph?.node?.[1];
    if (first) first.input = ["cast"];
  });
  matches(await problemsOf(t, bytes), /^input\.dtype: expected uint8 \(the model\) but the manifest says float32$/);
});

test("a file that is no model at all is told of", async (t) => {
  matches(await problemsOf(t, new Uint8Array(64).fill(255)), /^Expected an ONNX model but/);
});
