import type { Region, Rotation } from "../shared/image.ts";
import type { BankParameters } from "./manifest.ts";

/** What a user may choose of the `edge` preset; everything else is fixed by it. */
export interface EdgeChoices {
  readonly region?: Region | null;
  readonly rotation?: Rotation;
  /** Sides of the square that the region is stretched to, pixels; a multiple of the backbone's input multiple. */
  readonly size?: number;
  readonly layers?: readonly string[];
  /** Share of the nominal patches that is kept, in (0, 1]. */
  readonly ratio?: number;
  readonly seed?: number;
}

/**
 * The `edge` preset. Why the whole region at 320 × 320 and not a centre crop: a crop of 224 from 256 sees 43 % of a
 * 1080p frame, and resolution is the strongest lever on image AUROC that these sizes have.
 *
 * A choice that changes what the preset stands for (size, layers) is recorded as `custom`; region, rotation, seed and
 * ratio belong to the station and keep the preset's name.
 */
export function edgeParameters(choices: EdgeChoices = {}): BankParameters {
  const size = choices.size ?? 320;
  const layers = choices.layers ?? ["layer2", "layer3"];
  const isEdge = size === 320 && layers.length === 2 && layers[0] === "layer2" && layers[1] === "layer3";
  return {
    preset: isEdge ? "edge" : "custom",
    region: choices.region ?? null,
    rotation: choices.rotation ?? 0,
    resize: { mode: "stretch", width: size, height: size, kernel: "linear" },
    layers,
    neighbourhood: { kind: "average", size: 3, stride: 1, padding: 1, countPadding: true },
    join: { kind: "concat", resize: "bilinear" },
    coreset: {
      method: "greedy-k-center",
      seed: choices.seed ?? 1,
      projectionDims: 128,
      start: "farthest-from-mean",
      ratio: choices.ratio ?? 0.01,
    },
    patchScore: { kind: "euclidean", neighbours: 1 },
    imageScore: { kind: "maximum" },
    map: { upsample: "bilinear", gaussianSigma: 4, gaussianRadius: 16 },
  };
}
