import type { PixelReport } from "../patchcore/pixel-metrics.ts";

/** A share of images with its 95 % Wilson interval. */
export interface Rate {
  readonly hits: number;
  readonly of: number;
  /** null where there are no images at all. */
  readonly rate: number | null;
  readonly low: number;
  readonly high: number;
}

/** What a threshold does to the images. */
export interface ErrorRates {
  readonly threshold: number;
  /** Anomalous images that pass. */
  readonly miss: Rate;
  /** Nominal images that fail. */
  readonly falseReject: Rate;
}

/** Image metrics of a set of scores; null where a class is missing. */
export interface ImageMetrics {
  readonly imageAuroc: number | null;
  readonly averagePrecision: number | null;
  readonly f1Max: { readonly f1: number; readonly threshold: number } | null;
}

/** One kind of defect against all nominal images. */
export interface DefectMetrics {
  readonly defect: string;
  readonly images: number;
  readonly imageAuroc: number | null;
  readonly averagePrecision: number | null;
  /** At the bank's threshold. */
  readonly miss: Rate;
  /** Median image score over the bank's threshold; above 1 is a FAIL. */
  readonly medianRelativeScore: number;
}

/** Quantiles of durations, ms. */
export interface Latency {
  readonly median: number;
  readonly p90: number;
  readonly p99: number;
  readonly largest: number;
}

export interface EvaluatedImage {
  readonly file: string;
  /** null: nominal. */
  readonly defect: string | null;
  readonly mask: string | null;
  readonly score: number;
  readonly verdict: "PASS" | "FAIL";
  /** Frame in memory to image score. */
  readonly ms: number;
}

/** An image that could not be scored, or whose mask could not be used. */
export interface UnusableImage {
  readonly file: string;
  readonly code: string;
  readonly reason: string;
}

export interface EvaluatedBank {
  readonly bankId: string;
  readonly preset: string;
  readonly backbone: string;
  readonly layers: readonly string[];
  /** Network input, pixels. */
  readonly width: number;
  readonly height: number;
  readonly rows: number;
  readonly dims: number;
  readonly nominalImages: number;
  /** That the bank was calibrated for. */
  readonly falseRejectRate: number;
  readonly threshold: number;
  readonly maskThreshold: number;
  /** The search that scored the images. */
  readonly index: string;
}

/** How a frame's patches are searched: exactly in float32, exactly in int8, or in a graph over int8. */
export type SearchKind = "float32" | "exact" | "hnsw";

/** What one search did on the images, against exact float32 search of the same images. */
export interface SearchCost {
  readonly kind: SearchKind;
  readonly imageAuroc: number | null;
  /** Largest |score − exact score| over the exact score. */
  readonly largestScoreError: number;
  readonly medianScoreError: number;
  /** Images whose verdict at the bank's threshold differs. */
  readonly verdictFlips: number;
  /** Share of patches whose score equals the exact one. */
  readonly patchesEqual: number;
  readonly searchMs: Latency;
  /** Patches a frame that were compared with every row to make the image score exact. */
  readonly verifiedPatches: { readonly median: number; readonly p99: number };
}

/** What the quick searches cost, on the images of an evaluation, each scored by every search in turn. */
export interface Approximation {
  readonly images: number;
  readonly searches: readonly SearchCost[];
}

/** All that `nominald eval` finds out; what `--json` prints. */
export interface Evaluation extends ImageMetrics {
  readonly format: "nominald-evaluation";
  readonly formatVersion: 1;
  readonly bank: EvaluatedBank;
  readonly dataset: {
    readonly name: string;
    readonly nominal: number;
    readonly anomalous: number;
    /** Anomalous images that count for pixel metrics. */
    readonly withMask: number;
    /** Of these, images whose defect lies outside what the network sees, or whose mask is empty. */
    readonly emptyMasks: number;
    readonly unusable: readonly UnusableImage[];
  };
  /** Pixel AUROC over all images and over the anomalous ones alone; PRO to a false-positive rate of 0.3. */
  readonly pixelAuroc: number | null;
  readonly pixelAurocAnomalous: number | null;
  readonly pro: number | null;
  readonly pixels: PixelReport;
  readonly atThreshold: ErrorRates;
  readonly atF1Max: ErrorRates | null;
  readonly defects: readonly DefectMetrics[];
  /** Frame in memory to image score, and its stages. */
  readonly latencyMs: { readonly total: Latency; readonly stages: Readonly<Record<string, Latency>> };
  readonly machine: string;
  /** What the quick searches cost; null where it was not measured. */
  readonly approximation: Approximation | null;
  readonly images: readonly EvaluatedImage[];
}
