/** A figure that others published, in [0, 1]. */
export interface PublishedFigure {
  /** Name of our export of the backbone. */
  readonly backbone: string;
  readonly metric: "imageAuroc" | "pixelAuroc";
  /** Share of the training images. */
  readonly fraction: number;
  /** Over all fifteen classes of MVTec AD. */
  readonly mean: number;
}

/**
 * What stands beside our means: image AUROC of the reproduction by Carluccio, Federico and Longo ("Towards Total Recall in
 * Industrial Anomaly Detection", https://github.com/LuigiFederico/PatchCore-for-Industrial-Anomaly-Detection), the
 * fifteen classes' mean. Only figures that we could check are here; their figures by class, for pixels, for RN50x4 and
 * RN50x16 are not, and their places stay empty.
 */
export const PUBLISHED: readonly PublishedFigure[] = [
  { backbone: "wide-resnet50-2", metric: "imageAuroc", fraction: 1, mean: 0.984 },
  { backbone: "clip-rn50", metric: "imageAuroc", fraction: 1, mean: 0.978 },
  { backbone: "clip-rn101", metric: "imageAuroc", fraction: 1, mean: 0.969 },
];

/** Means of other programs, for orientation below the tables. */
export const ORIENTATION: readonly string[] = [
  "PatchCore's own paper (arXiv 2106.08265), WideResNet50, 1 % of the patches: 0.990",
  "its authors' code, WideResNet50, 10 %: 0.9916",
  "anomalib, WideResNet50: 0.980; ResNet18: 0.973",
];

/** The classes that published means are over. */
export const MVTEC_CLASSES: readonly string[] = [
  "bottle",
  "cable",
  "capsule",
  "carpet",
  "grid",
  "hazelnut",
  "leather",
  "metal_nut",
  "pill",
  "screw",
  "tile",
  "toothbrush",
  "transistor",
  "wood",
  "zipper",
];
