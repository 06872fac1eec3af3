import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import type { BackboneFiles } from "../../src/backbone/manifest.ts";
import { presetParameters } from "../../src/bank/parameters.ts";
import type { ParameterChoices } from "../../src/bank/parameters.ts";
import type { FitOptions } from "../../src/fit/fit-bank.ts";
import { seededRandom } from "../../src/patchcore/random.ts";
import { tinyBackbone } from "../backbone/tiny-backbone.ts";

/** Edge of the pictures, pixels. */
export const SIDE = 32;

/** A picture of soft blobs and noise, another for each seed. @returns RGB */
export function blobs(seed: number, width = SIDE, height = SIDE): Uint8Array {
  const random = seededRandom(seed);
  const data = new Uint8Array(width * height * 3);
  const spots = Array.from({ length: 4 }, () => [
    random.uniform() * width,
    random.uniform() * height,
    3 + random.uniform() * 4,
  ]);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const light = spots.reduce(
        (sum, [cx = 0, cy = 0, r = 1]) => sum + Math.exp(-((x - cx) ** 2 + (y - cy) ** 2) / r ** 2),
        0,
      );
      for (let channel = 0; channel < 3; channel++)
        data[at++] = 60 + 90 * Math.min(1, light) + 20 * random.uniform() + 10 * channel;
    }
  }
  return data;
}

/** Writes pictures as 000.png, 001.png … @returns their paths */
export async function writeNominal(folder: string, count: number, side = SIDE): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const files = Array.from({ length: count }, (_, i) => join(folder, `${String(i).padStart(3, "0")}.png`));
  for (const [i, file] of files.entries()) {
    await sharp(blobs(i + 1, side, side), { raw: { width: side, height: side, channels: 3 } })
      .png()
      .toFile(file);
  }
  return files;
}

/** Options of a small fit on the tiny backbone: 16 × 16 patches of 6 dimensions an image. */
export function fitOptions(files: readonly string[], out: string, choices: ParameterChoices = {}): FitOptions {
  const backbone: BackboneFiles = {
    ...tinyBackbone(),
    manifestPath: "tiny/manifest.json",
    modelPath: "tiny/tiny.onnx",
  };
  const size = {
    layers: ["half", "quarter"],
    size: SIDE,
    coreset: { budget: { kind: "ratio", ratio: 0.02 } },
  } as const;
  return {
    files,
    out,
    name: "blobs",
    createdAt: "2026-01-02T03:04:05.000Z",
    createdBy: "nominald test",
    parameters: presetParameters("edge", { ...size, ...choices, coreset: { ...size.coreset, ...choices.coreset } }),
    backbone,
    falseRejectRate: 0.1,
    index: "exact",
    onBroken: "refuse",
    threads: 1,
    signal: new AbortController().signal,
  };
}
