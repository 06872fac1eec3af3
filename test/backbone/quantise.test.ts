import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import onnxProto, { type onnx } from "onnx-proto";
import { checkBackbone } from "../../src/backbone/check.ts";
import { decodeModel } from "../../src/backbone/compose.ts";
import { presetParameters } from "../../src/bank/parameters.ts";
import { EmbeddingSession } from "../../src/backbone/embedding-session.ts";
import { loadBackbone, sha256Of, type BackboneFiles } from "../../src/backbone/manifest.ts";
import { quantiseBackbone, type QuantiseOptions, type QuantisedBackbone } from "../../src/backbone/quantise.ts";
import { InputError } from "../../src/shared/errors.ts";
import type { RawImage } from "../../src/shared/image.ts";
import { loadOnnxRuntime } from "../../src/shared/onnxruntime.ts";
import { tinyBackbone } from "./tiny-backbone.ts";

const CLIP = fileURLToPath(new URL("clip-tiny.random/manifest.json", import.meta.url));
const SIDE = 64;

/** Smooth pictures of varied brightness, as cameras give them. */
function picture(seed: number): RawImage {
  const data = new Uint8Array(SIDE * SIDE * 3);
  for (let i = 0; i < data.length; i++) {
    const [x, y, channel] = [Math.floor(i / 3) % SIDE, Math.floor(i / 3 / SIDE), i % 3];
    data[i] = 128 + 100 * Math.sin((x * (1 + (seed % 3))) / 9 + seed) * Math.cos(y / (5 + channel) + seed);
  }
  return { data, width: SIDE, height: SIDE, format: "RGB" };
}

async function* pictures(count: number): AsyncGenerator<RawImage> {
  for (let seed = 0; seed < count; seed++) yield await Promise.resolve(picture(seed));
}

function quantise(
  backbone: Pick<BackboneFiles, "manifest" | "model">,
  options: Partial<QuantiseOptions> = {},
): Promise<QuantisedBackbone> {
  return quantiseBackbone({
    backbone,
    images: () => pictures(6),
    method: { kind: "minmax" },
    weightBits: 8,
    threads: 1,
    createdBy: "nominald test",
    signal: new AbortController().signal,
    ...options,
  });
}

async function embed(backbone: Pick<BackboneFiles, "manifest" | "model">, image: RawImage): Promise<Float32Array> {
  const layers = ["layer2", "layer3"];
  const { neighbourhood, join } = presetParameters("edge");
  const recipe = { layers, neighbourhood, join };
  const session = await EmbeddingSession.create({
    ...backbone,
    ...recipe,
    threads: 1,
    spinning: false,
    provider: "cpu",
  });
  try {
    return (await session.embed(image.data, 1, SIDE, SIDE)).data;
  } finally {
    await session.close();
  }
}

/** Node types after ONNX Runtime's own optimisation: what really runs. */
async function optimisedNodes(t: TestContext, model: Uint8Array): Promise<Map<string, number>> {
  const folder = await mkdtemp(join(tmpdir(), "nominald-optimised-"));
  t.after(() => rm(folder, { recursive: true }));
  const optimizedModelFilePath = join(folder, "all.onnx");
  const runtime = await loadOnnxRuntime();
  const options = { graphOptimizationLevel: "all", optimizedModelFilePath, logSeverityLevel: 3 } as const;
  await (await runtime.InferenceSession.create(model, options)).release();
  const counts = new Map<string, number>();
  for (const { opType } of decodeModel(await readFile(optimizedModelFilePath)).graph?.node ?? [])
    counts.set(opType ?? "", (counts.get(opType ?? "") ?? 0) + 1);
  return counts;
}

function rewritten(
  backbone: Pick<BackboneFiles, "manifest" | "model">,
  change: (graph: onnx.IGraphProto, model: onnx.IModelProto) => void,
): Pick<BackboneFiles, "manifest" | "model"> {
  const decoded = decodeModel(backbone.model);
  change(decoded.graph ?? {}, decoded);
  const model = onnxProto.onnx.ModelProto.encode(decoded).finish();
  return { manifest: { ...backbone.manifest, sha256: sha256Of(model) }, model };
}

function refused(code: string, message: RegExp) {
  return (error: unknown): true => {
    assert.ok(error instanceof InputError, String(error));
    assert.equal(error.code, code);
    assert.match(error.message, message);
    return true;
  };
}

test("int8 embeddings of pictures that were not calibrated on lie near the float ones", async () => {
  const backbone = await loadBackbone(CLIP);
  const int8 = await quantise(backbone);
  const [floats, rounded] = [await embed(backbone, picture(99)), await embed(int8, picture(99))];
  const mean = floats.reduce((sum, value) => sum + value, 0) / floats.length;
  const square = (values: Float32Array): number => values.reduce((sum, value) => sum + value * value, 0);
  const error = Math.sqrt(
    square(floats.map((value, i) => value - (rounded[i] ?? 0))) / square(floats.map((v) => v - mean)),
  );
  assert.ok(error > 0 && error < 0.05, `relative error ${error}`);
});

test("ONNX Runtime runs every convolution, pooling and inner addition of it with integers", async (t) => {
  const { model, convolutions } = await quantise(await loadBackbone(CLIP));
  assert.deepEqual(convolutions, { integer: 15, all: 15 });
  const counts = await optimisedNodes(t, model);
  assert.equal(counts.get("QLinearConv"), 15, JSON.stringify([...counts]));
  assert.equal(counts.get("QLinearAveragePool"), 6);
  assert.equal(counts.get("Conv"), undefined);
  // The three sums leave the graph as layers: they stay float, and so do their activations, and nothing else.
  assert.deepEqual([counts.get("Add"), counts.get("Relu")], [3, 3]);
});

test("the new backbone has a manifest that models check accepts, and which says where it comes from", async (t) => {
  const backbone = await loadBackbone(CLIP);
  const { manifest, model } = await quantise(backbone, {
    weightBits: 7,
    method: { kind: "percentile", percent: 99.9 },
  });
  const folder = await mkdtemp(join(tmpdir(), "nominald-int8-"));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, manifest.file), model);
  await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
  assert.deepEqual((await checkBackbone(join(folder, "manifest.json"))).problems, []);
  assert.equal(manifest.name, "clip-tiny.random.int8");
  assert.deepEqual(manifest.input, backbone.manifest.input);
  for (const part of [backbone.manifest.sha256, "7 bits (reduced range)", "central 99.9 %", "6 images", "RANDOM"])
    assert.ok(manifest.provenance.includes(part), `${part} in ${manifest.provenance}`);
});

test("weights of 7 bits use no level beyond 63, weights of 8 bits all of 127", async () => {
  const backbone = await loadBackbone(CLIP);
  for (const [weightBits, largest] of [
    [7, 63],
    [8, 127],
  ] as const) {
    const { model } = await quantise(backbone, { weightBits });
    const weights = (decodeModel(model).graph?.initializer ?? []).filter((one) =>
      /^int8\/\d+\/weight$/.test(one.name ?? ""),
    );
    assert.equal(weights.length, 15);
    for (const { rawData } of weights) assert.equal(Math.max(...Int8Array.from(rawData ?? []).map(Math.abs)), largest);
  }
});

test("the same images give the same bytes", async () => {
  const backbone = await loadBackbone(CLIP);
  const [one, other] = [await quantise(backbone), await quantise(backbone, { threads: 2 })];
  assert.equal(one.manifest.sha256, other.manifest.sha256);
});

test("a maximum pooling takes its source's scale, and runs on integers", async (t) => {
  const backbone = await loadBackbone(CLIP);
  const pooled = rewritten(backbone, (graph) => {
    const first = graph.node?.find((node) => node.opType === "AveragePool");
    if (first) first.opType = "MaxPool";
    if (first?.attribute) first.attribute = first.attribute.filter(({ name }) => name !== "count_include_pad");
  });
  const counts = await optimisedNodes(t, (await quantise(pooled)).model);
  assert.deepEqual(
    [counts.get("NhwcMaxPool"), counts.get("QLinearAveragePool"), counts.get("QLinearConv")],
    [1, 5, 15],
  );
});

test("no images, an int8 backbone, weights elsewhere, an old opset and a network without convolutions are refused", async () => {
  const backbone = await loadBackbone(CLIP);
  await assert.rejects(quantise(backbone, { images: () => pictures(0) }), refused("no-images", /but got none/));
  await assert.rejects(
    quantise(await quantise(backbone)),
    refused("already-quantised", /DequantizeLinear|QuantizeLinear/),
  );
  const external = rewritten(backbone, (graph) => {
    const weight = graph.initializer?.[0];
    if (weight) weight.dataLocation = onnxProto.onnx.TensorProto.DataLocation.EXTERNAL;
  });
  await assert.rejects(quantise(external), refused("bad-model", /all weights inside the ONNX file/));
  const old = rewritten(backbone, (_, model) => void (model.opsetImport = [{ domain: "", version: 12 }]));
  await assert.rejects(quantise(old), refused("bad-model", /opset 13 or newer.* but got 12/));
  await assert.rejects(quantise(tinyBackbone()), refused("nothing-to-quantise", /convolutions/));
});

test("an abort ends the calibration with its reason", async () => {
  const stop = new AbortController();
  stop.abort(new Error("enough"));
  await assert.rejects(quantise(await loadBackbone(CLIP), { signal: stop.signal }), /enough/);
});
