import type { Smoothing } from "../patchcore/anomaly-map.ts";
import type { FrameLimits } from "../patchcore/frame-validity.ts";
import type { ThresholdInterval } from "../patchcore/calibration.ts";
import type { CoresetStartKind } from "../patchcore/coreset-start.ts";
import type { Join } from "../patchcore/join.ts";
import type { Neighbourhood } from "../patchcore/neighbourhood.ts";
import type { ProjectionRule } from "../patchcore/projection.ts";
import type { ImageScoreRule, PatchScoreRule } from "../patchcore/scores.ts";
import type { DetailRule } from "../patchcore/detail.ts";
import type { Region, Resize, Rotation } from "../shared/image.ts";

/** Names of the documented sets of parameters; `presets.ts` holds their values. */
export type Preset = "edge" | "reference" | "paper" | "reproduction";

/** Every parameter of the algorithm that changes a score; written into the bank, compared at activation. */
export interface BankParameters {
  /** The preset that these values are; `custom`: one of them was changed. */
  readonly preset: Preset | "custom";
  /** The preset that the values started from. */
  readonly basis: Preset;
  readonly region: Region | null;
  readonly rotation: Rotation;
  readonly resize: Resize;
  /** Names of the backbone's outputs, shallowest first; the first one's grid is the patch grid. */
  readonly layers: readonly string[];
  readonly neighbourhood: Neighbourhood;
  readonly join: Join;
  /** What the first layer's neighbourhood keeps beside the mean; null: nothing. Its kernels are an array of the bank. */
  readonly detail: DetailRule | null;
  readonly coreset: CoresetParameters;
  readonly patchScore: PatchScoreRule;
  readonly imageScore: ImageScoreRule;
  readonly map: { readonly upsample: "bilinear"; readonly smoothing: Smoothing };
}

export interface CoresetParameters {
  readonly method: "greedy-k-center" | "random";
  /** Of everything that is drawn: projection, start, random rows. */
  readonly seed: number;
  readonly projection: ProjectionRule;
  readonly start: CoresetStartKind;
  readonly budget: CoresetBudget;
}

/** How many rows the bank keeps: a share of the nominal patches in (0, 1], rows, or the most bytes of float32 rows. */
export type CoresetBudget =
  | { readonly kind: "ratio"; readonly ratio: number }
  | { readonly kind: "rows"; readonly rows: number }
  | { readonly kind: "bytes"; readonly bytes: number };

export interface Calibration {
  /** `pareto-tail`: too few images for the rate, the tail was extrapolated. `manual`: a person chose the threshold. */
  readonly method: "conformal" | "pareto-tail" | "manual";
  /** What the threshold stands for; with `manual` an upper bound of what it gave on the nominal images. */
  readonly falseRejectRate: number;
  /** `masked`: scored against the one coreset without the own fold's rows; `per-fold`: a coreset for each fold. */
  readonly mode: "masked" | "per-fold";
  readonly folds: number;
  /** Median of masked scores over those of a fold's own coreset, on so many images; null: not known. */
  readonly bias: { readonly images: number; readonly medianRatio: number } | null;
  /** Cross-fitted image scores of the nominal images, in the images' order. */
  readonly scores: readonly number[];
  /** The largest value of each one's anomaly map. */
  readonly mapMaxima: readonly number[];
  readonly threshold: number;
  /** Where the score that is exceeded at the rate lies, each end missed with 5 %; null with `manual`. */
  readonly thresholdInterval: ThresholdInterval | null;
  readonly maskThreshold: number;
  readonly maskThresholdInterval: ThresholdInterval | null;
}

/** What the approximate indexes cost on the calibration images, against exact float32 search. */
export interface IndexReport {
  readonly recallAt1: number;
  readonly largestScoreError: number;
  readonly verdictFlips: number;
  readonly frames: number;
}

/** Golden frames: pictures as the network sees them, after region, rotation and resize, with what they must come to. */
export interface GoldenSet {
  readonly width: number;
  readonly height: number;
  readonly frames: readonly GoldenFrame[];
}

export interface GoldenFrame {
  /** File that it was taken from. */
  readonly name: string;
  /** A defect that must FAIL; else a nominal image. */
  readonly knownBad: boolean;
  /** By the threshold of the bank. */
  readonly expect: "PASS" | "FAIL";
  /** Image score by exact search, where the bank was made. */
  readonly score: number;
}

export interface BankManifest {
  readonly format: "nominald-bank";
  readonly formatVersion: 1;
  readonly name: string;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly parameters: BankParameters;
  readonly backbone: { readonly name: string; readonly sha256: string };
  readonly grid: { readonly rows: number; readonly cols: number };
  readonly rows: number;
  readonly dims: number;
  readonly nominal: { readonly images: number; readonly patches: number; readonly sha256: string };
  /** scale: levels per unit, x_q = round(scale · (x − mean)), clipped to ±127. */
  readonly quantiser: { readonly scale: number };
  readonly index: {
    readonly kind: "auto" | "exact" | "hnsw";
    readonly hnsw: {
      readonly connectivity: 16;
      readonly expansionAdd: number;
      readonly expansionSearch: number;
    } | null;
  };
  readonly calibration: Calibration;
  /** Which frames are valid, learnt from the nominal images; null: none is refused. */
  readonly validity: FrameLimits | null;
  /** Frames by which a device proves that it scores as the fit did; null: it cannot. */
  readonly golden: GoldenSet | null;
  readonly indexReports: { readonly exact: IndexReport | null; readonly hnsw: IndexReport | null };
  /** Name in the tar → size in bytes and lower-case hex SHA-256. */
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}
