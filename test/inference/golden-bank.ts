import { readFile } from "node:fs/promises";
import { EmbeddingSession } from "../../src/backbone/embedding-session.ts";
import type { BackboneFiles } from "../../src/backbone/manifest.ts";
import { FramePreparer } from "../../src/backbone/prepare.ts";
import type { Bank } from "../../src/bank/bundle-read.ts";
import type { BankParameters } from "../../src/bank/manifest.ts";
import { asMatrix } from "../../src/patchcore/matrix.ts";
import { fitQuantiser, quantise } from "../../src/patchcore/quantiser.ts";
import type { RawImage } from "../../src/shared/image.ts";
import { tinyManifest } from "../backbone/tiny-backbone.ts";
import { sampleDraft } from "../bank/sample-bank.ts";
import { readNpy } from "../support/npy.ts";

export const settings = { threads: 2, spinning: false, provider: "cpu" } as const;

/** The golden network, strides 8 and 16. */
export async function goldenBackbone(): Promise<BackboneFiles> {
  const model = await readFile(new URL("../golden/tiny-backbone.onnx", import.meta.url));
  const manifest = {
    ...tinyManifest(model, { multiple: 16, mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] }),
    outputs: [
      { name: "layer2", channels: 6, stride: 8 },
      { name: "layer3", channels: 10, stride: 16 },
    ],
  };
  return { model, manifest, manifestPath: "", modelPath: "" };
}

/** Golden pictures: three nominal ones and one with a defect. */
export function picture(number: number): RawImage {
  const { data } = readNpy("images.npy", Uint8Array);
  const size = 64 * 64 * 3;
  return { width: 64, height: 64, format: "RGB", data: data.slice(number * size, (number + 1) * size) };
}

export async function embed(
  backbone: BackboneFiles,
  parameters: BankParameters,
  image: RawImage,
): Promise<Float32Array> {
  const { layers, neighbourhood, join } = parameters;
  const session = await EmbeddingSession.create({ ...backbone, layers, neighbourhood, join, ...settings });
  const prepared = new FramePreparer(parameters).prepare(image);
  const { data } = await session.embed(prepared.data, 1, prepared.height, prepared.width);
  await session.close();
  return data;
}

/** A bank of every patch of the three nominal pictures. */
export async function bankOf(backbone: BackboneFiles, parameters: BankParameters): Promise<Bank> {
  const frames: Float32Array[] = [];
  for (const number of [0, 1, 2]) frames.push(await embed(backbone, parameters, picture(number)));
  const { width, height } = parameters.resize;
  const grid = { rows: height / 8, cols: width / 8 };
  const count = 3 * grid.rows * grid.cols;
  const data = Float32Array.from(frames.flatMap((frame) => [...frame]));
  const rows = asMatrix(data, count, data.length / count);
  const quantiser = fitQuantiser(rows);
  const { manifest } = sampleDraft();
  return {
    manifest: {
      format: "nominald-bank",
      formatVersion: 1,
      ...manifest,
      parameters,
      grid,
      rows: count,
      dims: rows.dims,
      quantiser: { scale: quantiser.scale },
      index: { kind: "auto", hnsw: null },
      files: {},
    },
    bankId: "golden-00000000",
    fileBytes: 0,
    rows: data,
    quantised: quantise(quantiser, data, count),
    mean: quantiser.mean,
    detail: null,
    rowImage: new Int32Array(count),
    hnsw: null,
    golden: null,
  };
}
