import type { Region, Rotation } from "../shared/image.ts";

/** Every parameter of the algorithm that changes a score; written into the bank, compared at activation. */
export interface BankParameters {
  readonly preset: "edge" | "custom";
  readonly region: Region | null;
  readonly rotation: Rotation;
  readonly resize: {
    /** `stretch`: the whole region to width × height. */
    readonly mode: "stretch";
    readonly width: number;
    readonly height: number;
    readonly kernel: "linear";
  };
  /** Names of the backbone's outputs, shallowest first; the first one's grid is the patch grid. */
  readonly layers: readonly string[];
  readonly neighbourhood: {
    readonly kind: "average";
    readonly size: 3;
    readonly stride: 1;
    readonly padding: 1;
    readonly countPadding: true;
  };
  readonly join: { readonly kind: "concat"; readonly resize: "bilinear" };
  readonly coreset: {
    readonly method: "greedy-k-center";
    readonly seed: number;
    /** Dimensions of the seeded dense Gaussian projection; 0: none. */
    readonly projectionDims: number;
    readonly start: "farthest-from-mean";
    /** Share of the nominal patches that is kept. */
    readonly ratio: number;
  };
  readonly patchScore: { readonly kind: "euclidean"; readonly neighbours: 1 };
  /** `neighbours` b of eq. 7; absent: the largest patch score. */
  readonly imageScore: { readonly kind: "maximum" } | { readonly kind: "reweighted"; readonly neighbours: number };
  readonly map: { readonly upsample: "bilinear"; readonly gaussianSigma: number; readonly gaussianRadius: number };
}

export interface Calibration {
  readonly method: "conformal" | "normal-tail" | "manual";
  readonly falseRejectRate: number;
  readonly folds: number;
  /** Cross-fitted image scores of the nominal images, in the images' order. */
  readonly scores: readonly number[];
  readonly threshold: number;
  readonly maskThreshold: number;
}

/** What the approximate indexes cost on the calibration images, against exact float32 search. */
export interface IndexReport {
  readonly recallAt1: number;
  readonly largestScoreError: number;
  readonly verdictFlips: number;
  readonly frames: number;
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
  readonly indexReports: { readonly exact: IndexReport | null; readonly hnsw: IndexReport | null };
  /** Name in the tar → size in bytes and lower-case hex SHA-256. */
  readonly files: Readonly<Record<string, { readonly bytes: number; readonly sha256: string }>>;
}
