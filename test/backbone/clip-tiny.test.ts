import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { checkBackbone } from "../../src/backbone/check.ts";
import { loadBackbone } from "../../src/backbone/manifest.ts";
import { loadOnnxRuntime } from "../../src/shared/onnxruntime.ts";

/** Made by `models/export/export.py clip-tiny --random-weights --golden`: as CLIP's ResNets, one block a stage. */
const FOLDER = fileURLToPath(new URL("clip-tiny.random", import.meta.url));

interface Golden {
  readonly tolerance: number;
  readonly seed: number;
  readonly shape: readonly [number, number, number, number];
  readonly layers: Readonly<
    Record<string, { shape: readonly number[]; largest: number; at: readonly number[]; values: readonly number[] }>
  >;
}

/** As `pixels_of` of the export: the generator of Numerical Recipes, its upper eight bits. */
function pixels(length: number, seed: number): number[] {
  let state = seed;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

test("the export's manifest carries CLIP's own input, and agrees with the model", async () => {
  const { manifest, problems } = await checkBackbone(`${FOLDER}/manifest.json`);
  assert.deepEqual(problems, []);
  // 0.48145466 · 255 = 122.7709383, 0.27577711 · 255 = 70.32316305.
  assert.deepEqual(manifest.input.mean, [122.7709383, 116.7460125, 104.09373615]);
  assert.equal(manifest.input.std[2], 70.32316305);
  assert.deepEqual(manifest.input.preferred, { shorterSide: 64, width: 64, height: 64, kernel: "bicubic" });
  assert.match(manifest.provenance, /RANDOM weights/);
});

test("an exported CLIP encoder gives torch's activations", async () => {
  const golden = JSON.parse(await readFile(`${FOLDER}/golden.json`, "utf8")) as Golden;
  const { manifest, model } = await loadBackbone(`${FOLDER}/manifest.json`);
  const { mean, std, name } = manifest.input;
  const [, , height, width] = golden.shape;
  const levels = pixels(3 * height * width, golden.seed);
  const input = Float32Array.from(levels, (level, i) => {
    const channel = Math.floor(i / (height * width));
    return (level - (mean[channel] ?? 0)) / (std[channel] ?? 1);
  });
  const ort = await loadOnnxRuntime();
  const session = await ort.InferenceSession.create(model);
  try {
    const found = await session.run({ [name]: new ort.Tensor("float32", input, golden.shape) });
    assert.deepEqual(Object.keys(golden.layers), ["layer1", "layer2", "layer3"]);
    for (const [layer, { shape, largest, at, values }] of Object.entries(golden.layers)) {
      assert.deepEqual(found[layer]?.dims, shape);
      const data = found[layer]?.data;
      assert.ok(data instanceof Float32Array);
      at.forEach((index, i) => {
        const error = Math.abs((data[index] ?? Number.NaN) - (values[i] ?? Number.NaN)) / largest;
        assert.ok(error <= golden.tolerance, `${layer}[${index}]: relative error ${error}`);
      });
    }
  } finally {
    await session.release();
  }
});
