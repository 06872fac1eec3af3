import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import onnxProto, { type onnx } from "onnx-proto";
import { composeGraph, decodeModel } from "../../src/backbone/compose.ts";
import { builtInModelsFolder } from "../../src/backbone/find.ts";
import { loadBackbone } from "../../src/backbone/manifest.ts";
import { EmbeddingSession } from "../../src/backbone/embedding-session.ts";
import { joinLayers } from "../../src/patchcore/join.ts";
import { aggregateNeighbourhood, type FeatureMap } from "../../src/patchcore/neighbourhood.ts";
import { InputError } from "../../src/shared/errors.ts";
import { averagedRecipe } from "../../src/backbone/graph-tail.ts";
import { tinyBackbone, tinyManifest, tinyModel } from "./tiny-backbone.ts";
import { readNpy } from "../support/npy.ts";

function opsOf(model: Uint8Array): string[] {
  return (decodeModel(model).graph?.node ?? []).map((node) => node.opType ?? "");
}

function refused(work: () => unknown, code: string, message: RegExp): void {
  assert.throws(work, (error) => {
    assert.ok(error instanceof InputError);
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  });
}

test("nodes and initialisers that the layers do not need are cut away", () => {
  const { model, manifest } = tinyBackbone();
  const { model: composed } = composeGraph(model, manifest, averagedRecipe(["half"]));
  assert.deepEqual(opsOf(composed), [
    "Transpose",
    "Cast",
    "Sub",
    "Div",
    "AveragePool",
    "AveragePool",
    "Concat",
    "Transpose",
  ]);
  const constants = (decodeModel(composed).graph?.initializer ?? []).map((tensor) => tensor.name);
  assert.deepEqual(constants, ["nominald/mean", "nominald/std"]);
});

test("the default backbone loses what lies behind layer 3 and beside it", async () => {
  const { model, manifest } = await loadBackbone(join(builtInModelsFolder(), "efficientnet-lite0", "manifest.json"));
  const { model: composed, dims, stride } = composeGraph(model, manifest, averagedRecipe(["layer2", "layer3"]));
  const convolutions = opsOf(composed).filter((op) => op === "Conv").length;
  // 34 convolutions in all, of which the last is the expansion behind layer 3.
  assert.deepEqual([convolutions, dims, stride], [33, 152, 8]);
});

test("layers are refused when unknown, repeated, absent or deepest first", () => {
  const { model, manifest } = tinyBackbone();
  refused(
    () => composeGraph(model, manifest, averagedRecipe(["half", "layer9"])),
    "bad-layers",
    /half, big, quarter but got layer9/,
  );
  refused(
    () => composeGraph(model, manifest, averagedRecipe(["half", "half"])),
    "bad-layers",
    /different layers .* but got half, half/,
  );
  refused(() => composeGraph(model, manifest, averagedRecipe([])), "bad-layers", /but got none/);
  refused(
    () => composeGraph(model, manifest, averagedRecipe(["quarter", "half"])),
    "bad-layers",
    /stride 4 divides but half has stride 2/,
  );
});

test("a layer that only the manifest knows, another input name and a second input are named", () => {
  const { model, manifest } = tinyBackbone();
  const ghost = { ...manifest, outputs: [{ name: "ghost", channels: 3, stride: 2 }] };
  refused(() => composeGraph(model, ghost, averagedRecipe(["ghost"])), "bad-model", /the layers ghost in the model/);
  const misnamed = { ...manifest, input: { ...manifest.input, name: "pixels" } };
  refused(
    () => composeGraph(model, misnamed, averagedRecipe(["half"])),
    "bad-model",
    /input pixels of the model but it has input/,
  );
  const two = tinyModel((changed) => {
    changed.graph?.input?.push({ name: "ten", type: changed.graph.input[0]?.type ?? null });
    if (changed.graph) changed.graph.initializer = [];
  });
  refused(
    () => composeGraph(two, tinyManifest(two), averagedRecipe(["big"])),
    "bad-model",
    /only input but the layers also need ten/,
  );
});

test("bytes that are no model, an old opset and weights in other files are refused", () => {
  const { manifest } = tinyBackbone();
  refused(
    () => composeGraph(new Uint8Array(100).fill(255), manifest, averagedRecipe(["half"])),
    "bad-model",
    /Expected an ONNX model but/,
  );
  const old = tinyModel((changed) => (changed.opsetImport = [{ domain: "", version: 9 }]));
  refused(
    () => composeGraph(old, manifest, averagedRecipe(["half"])),
    "bad-model",
    /opset 11 or newer of the model but got 9/,
  );
  const outside = tinyModel((changed) => {
    for (const tensor of changed.graph?.initializer ?? []) tensor.dataLocation = 1;
  });
  refused(
    () => composeGraph(outside, manifest, averagedRecipe(["big"])),
    "bad-model",
    /all weights inside the ONNX file/,
  );
});

test("a backbone whose values are called frames and embedding does not collide with ours", async () => {
  const renamed = (name: string): string =>
    ({ half: "embedding", quarter: "nominald/planes", input: "frames" })[name] ?? name;
  const model = tinyModel((changed) => {
    const graph = changed.graph;
    for (const node of graph?.node ?? []) {
      node.input = node.input?.map(renamed) ?? null;
      node.output = node.output?.map(renamed) ?? null;
    }
    for (const value of [...(graph?.input ?? []), ...(graph?.output ?? [])]) value.name = renamed(value.name ?? "");
  });
  const manifest = {
    ...tinyManifest(model, { name: "frames" }),
    outputs: [{ name: "embedding", channels: 3, stride: 2 }],
  };
  const session = await EmbeddingSession.create({
    model,
    manifest,
    ...averagedRecipe(["embedding"]),
    threads: 1,
    spinning: false,
    provider: "cpu",
  });
  const { data } = await session.embed(new Uint8Array(8 * 8 * 3).fill(30), 1, 8, 8);
  await session.close();
  // A patch inside, row 1 and column 1 of 4: (30 − 10) / 1, (30 − 20) / 2, (30 − 30) / 4.
  assert.deepEqual([...data.subarray(15, 18)], [20, 5, 0]);
});

test("the body of an If keeps the values of the graph around it that it reads", () => {
  const branch = (name: string): onnx.IGraphProto => ({
    name,
    node: [{ opType: "Mul", input: ["half", "ten"], output: [name] }],
    output: [{ name }],
  });
  const model = tinyModel((changed) => {
    changed.graph?.node?.push({
      opType: "If",
      input: ["ten"],
      output: ["chosen"],
      attribute: [
        { name: "then_branch", type: 5, g: branch("then") },
        { name: "else_branch", type: 5, g: branch("else") },
      ],
    });
  });
  const manifest = { ...tinyManifest(model), outputs: [{ name: "chosen", channels: 3, stride: 2 }] };
  const graph = decodeModel(composeGraph(model, manifest, averagedRecipe(["chosen"])).model).graph;
  const chosen = (graph?.node ?? []).find((node) => node.opType === "If");
  assert.deepEqual(chosen?.attribute?.[0]?.g?.node?.[0]?.input, ["backbone/half", "backbone/ten"]);
  assert.ok((graph?.node ?? []).some((node) => node.output?.includes("backbone/half")));
  assert.ok((graph?.initializer ?? []).some((tensor) => tensor.name === "backbone/ten"));
});

/** Every recipe of the presets, with the sizes that the golden network has room for. */
const GOLDEN_RECIPES = [
  ["embeddings.npy", { kind: "average", size: 3, padding: "zeros" }, { kind: "concat", stretch: "bilinear" }],
  ["reproduction.npy", { kind: "average", size: 3, padding: "none" }, { kind: "concat", stretch: "adaptive-pooling" }],
  ["adaptive.npy", { kind: "unfold", size: 3 }, { kind: "adaptive", layerDims: 24, dims: 20 }],
  ["adaptive_even.npy", { kind: "unfold", size: 3 }, { kind: "adaptive", layerDims: 6, dims: 4 }],
  ["adaptive_wide.npy", { kind: "unfold", size: 3 }, { kind: "adaptive", layerDims: 100, dims: 160 }],
] as const;

async function goldenNetwork(change: (model: onnx.IModelProto) => void = () => undefined) {
  const decoded = decodeModel(await readFile(new URL("../golden/tiny-backbone.onnx", import.meta.url)));
  change(decoded);
  const model = onnxProto.onnx.ModelProto.encode(decoded).finish();
  const manifest = {
    ...tinyManifest(model, { multiple: 16, mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] }),
    outputs: [
      { name: "layer2", channels: 6, stride: 8 },
      { name: "layer3", channels: 10, stride: 16 },
    ],
  };
  return { model, manifest, layers: ["layer2", "layer3"], spinning: false, provider: "cpu" } as const;
}

for (const [file, neighbourhood, join] of GOLDEN_RECIPES) {
  test(`one run takes frames to the embeddings that torch computed in ${file}, on one thread and on two`, async () => {
    const images = readNpy("images.npy", Uint8Array);
    const expected = readNpy(file, Float32Array);
    const largest = expected.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    for (const threads of [1, 2]) {
      const session = await EmbeddingSession.create({ ...(await goldenNetwork()), neighbourhood, join, threads });
      const { data, rows, cols, dims } = await session.embed(images.data, 4, 64, 64);
      await session.close();
      assert.deepEqual([4, rows * cols, dims], expected.shape);
      const error = expected.data.reduce((most, value, i) => Math.max(most, Math.abs(value - (data[i] ?? NaN))), 0);
      assert.ok(error <= 1e-4 * largest, `the largest error is ${error} of ${largest}`);
    }
  });
}

test("every recipe takes frames of any size, oblong too, and equals the reference on its grid", async () => {
  const [height, width] = [48, 112];
  const frame = Uint8Array.from({ length: height * width * 3 }, (_, i) => (i * i + 31 * (i % 97)) % 256);
  const network = await goldenNetwork();
  const raw = await mapsOf(network, frame, height, width);
  for (const size of [1, 3, 5] as const) {
    for (const [, kind, join] of GOLDEN_RECIPES) {
      const neighbourhood = { ...kind, size };
      // Layer 3 is 3 × 7 here: without padding a neighbourhood of 5 does not fit.
      if (kind.kind === "average" && kind.padding === "none" && size === 5) continue;
      const session = await EmbeddingSession.create({ ...network, neighbourhood, join, threads: 1 });
      const { data, rows, cols } = await session.embed(frame, 1, height, width);
      await session.close();
      assert.deepEqual([rows, cols], [6, 14]);
      const maps = raw.map((map) => aggregateNeighbourhood(map, neighbourhood));
      const expected = joinLayers(maps, join, { rows, cols }).data;
      assert.equal(data.length, expected.length);
      const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      for (let i = 0; i < data.length; i++) assert.ok(Math.abs(data[i]! - expected[i]!) <= 1e-5 * largest);
    }
  }
});

/** The feature maps themselves: what a neighbourhood of one cell leaves of each layer. */
async function mapsOf(
  network: Awaited<ReturnType<typeof goldenNetwork>>,
  frame: Uint8Array,
  height: number,
  width: number,
): Promise<FeatureMap[]> {
  const maps: FeatureMap[] = [];
  for (const layer of network.layers) {
    const plain = {
      ...averagedRecipe([layer]),
      neighbourhood: { kind: "average", size: 1, padding: "zeros" },
    } as const;
    const session = await EmbeddingSession.create({ ...network, ...plain, threads: 1 });
    const { data, rows, cols, dims } = await session.embed(frame, 1, height, width);
    await session.close();
    const planes = Float32Array.from(data, (_, i) => data[(i % (rows * cols)) * dims + Math.floor(i / (rows * cols))]!);
    maps.push({ channels: dims, height: rows, width: cols, data: planes });
  }
  return maps;
}

test("a network of opset 11, where sums take their axis otherwise, gives the same adaptive means", async () => {
  const expected = readNpy("adaptive.npy", Float32Array);
  const network = await goldenNetwork((model) => (model.opsetImport = [{ domain: "", version: 11 }]));
  const [, neighbourhood, join] = GOLDEN_RECIPES[2];
  const session = await EmbeddingSession.create({ ...network, neighbourhood, join, threads: 1 });
  const { data } = await session.embed(readNpy("images.npy", Uint8Array).data, 4, 64, 64);
  await session.close();
  for (let i = 0; i < data.length; i++) assert.ok(Math.abs(data[i]! - expected.data[i]!) <= 1e-5);
});

test("adaptive means are gathered and summed: no convolution and no product of matrices is added", async () => {
  const { model, manifest } = await goldenNetwork();
  const [, neighbourhood, join] = GOLDEN_RECIPES[2];
  const composed = composeGraph(model, manifest, { layers: ["layer2", "layer3"], neighbourhood, join });
  const ops = opsOf(composed.model);
  // The network's own four convolutions; one gathering for each layer and one for both.
  assert.deepEqual([ops.filter((op) => op === "Conv").length, ops.filter((op) => op === "Gather").length], [4, 3]);
  assert.ok(!ops.includes("MatMul"));
  assert.deepEqual([composed.dims, composed.stride], [20, 8]);
});
