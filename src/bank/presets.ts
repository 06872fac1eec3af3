import type { BankParameters, Preset } from "./manifest.ts";

const LAYERS = ["layer2", "layer3"] as const;
const GAUSSIAN = { upsample: "bilinear", smoothing: { kind: "gaussian", sigma: 4, radius: 16 } } as const;

/** ImageNet's usual: shorter side 256, the middle 224. */
const CROP = { mode: "crop", shorterSide: 256, width: 224, height: 224, kernel: "linear" } as const;

/** What `reference` and `paper` share: the features of the code that the paper's authors published. */
const REFERENCE_FEATURES = {
  region: null,
  rotation: 0,
  resize: CROP,
  layers: LAYERS,
  neighbourhood: { kind: "unfold", size: 3 },
  join: { kind: "adaptive", layerDims: 1024, dims: 1024 },
  map: GAUSSIAN,
} as const;

/**
 * `edge`, the default. Why the whole region at 320 × 320 and not a centre crop: a crop of 224 from 256 sees 43 % of a
 * 1080p frame, and resolution is the strongest lever on image AUROC that these sizes have.
 */
const EDGE: BankParameters = {
  preset: "edge",
  basis: "edge",
  region: null,
  rotation: 0,
  resize: { mode: "stretch", width: 320, height: 320, kernel: "linear" },
  layers: LAYERS,
  neighbourhood: { kind: "average", size: 3, padding: "zeros" },
  join: { kind: "concat", stretch: "bilinear" },
  coreset: {
    method: "greedy-k-center",
    seed: 1,
    projection: { kind: "gaussian", dims: 128 },
    start: "farthest-from-mean",
    budget: { kind: "ratio", ratio: 0.01 },
  },
  patchScore: { kind: "euclidean" },
  imageScore: { kind: "maximum" },
  map: GAUSSIAN,
};

/**
 * `reference`: what the code https://github.com/amazon-science/patchcore-inspection does. Its image score is the
 * largest mean squared distance, without eq. 7.
 */
const REFERENCE: BankParameters = {
  preset: "reference",
  basis: "reference",
  ...REFERENCE_FEATURES,
  coreset: {
    method: "greedy-k-center",
    seed: 1,
    projection: { kind: "linear-untrained", dims: 128 },
    start: "mean-distance-to-10-random",
    budget: { kind: "ratio", ratio: 0.1 },
  },
  patchScore: { kind: "mean-squared", neighbours: 1 },
  imageScore: { kind: "maximum" },
};

/** `paper`: the same features, scored as the text says (https://arxiv.org/abs/2106.08265, eq. 6 and 7). */
const PAPER: BankParameters = {
  preset: "paper",
  basis: "paper",
  ...REFERENCE_FEATURES,
  coreset: EDGE.coreset,
  patchScore: { kind: "euclidean" },
  imageScore: { kind: "reweighted", neighbours: 9 },
};

/** `reproduction`: what the code of Carluccio, Federico and Longo does, from which their CLIP figures come. */
const REPRODUCTION: BankParameters = {
  preset: "reproduction",
  basis: "reproduction",
  region: null,
  rotation: 0,
  resize: CROP,
  layers: LAYERS,
  neighbourhood: { kind: "average", size: 3, padding: "none" },
  join: { kind: "concat", stretch: "adaptive-pooling" },
  coreset: {
    method: "greedy-k-center",
    seed: 1,
    projection: { kind: "sparse", eps: 0.9 },
    start: "first-row",
    budget: { kind: "ratio", ratio: 0.1 },
  },
  patchScore: { kind: "euclidean" },
  imageScore: { kind: "reweighted-reproduction", neighbours: 3 },
  map: { upsample: "bilinear", smoothing: { kind: "gaussian-8bit", sigma: 4 } },
};

/** Backbones are no part of a preset: the published figures of the last three are those of WideResNet50-2 and CLIP's. */
export const PRESETS: Readonly<Record<Preset, BankParameters>> = {
  edge: EDGE,
  reference: REFERENCE,
  paper: PAPER,
  reproduction: REPRODUCTION,
};
