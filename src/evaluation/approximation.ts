import { percentile } from "../patchcore/percentile.ts";
import type { Approximation, SearchCost, SearchKind } from "./evaluation.ts";
import { imageMetrics, latencyOf } from "./image-metrics.ts";

/** The first is the measure of the others. */
export const SEARCH_KINDS: readonly SearchKind[] = ["float32", "exact", "hnsw"];

/** For people; `exact` is what the configuration calls exact int8. */
export const SEARCH_NAMES: Readonly<Record<SearchKind, string>> = {
  float32: "exact fp32",
  exact: "exact int8",
  hnsw: "HNSW int8",
};

/** One image as one search scored it. */
export interface Searched {
  readonly score: number;
  readonly patchScores: Float32Array;
  readonly searchMs: number;
  /** Patches that were compared with every row, so that the image score is exact. */
  readonly verified: number;
}

/** Collects what the searches say of each image; patch scores are compared and let go. */
export class ApproximationCost {
  readonly #threshold: number;
  readonly #columns = new Map<SearchKind, Column>(SEARCH_KINDS.map((kind) => [kind, new Column()]));
  readonly #defects: (string | null)[] = [];

  /** @param threshold of the bank */
  constructor(threshold: number) {
    this.#threshold = threshold;
  }

  /** @param searched one image by every search */
  add(defect: string | null, searched: Readonly<Record<SearchKind, Searched>>): void {
    this.#defects.push(defect);
    for (const [kind, column] of this.#columns) column.add(searched[kind], searched.float32);
  }

  /** @returns null before the first image */
  result(): Approximation | null {
    if (this.#defects.length === 0) return null;
    const exact = this.#columns.get("float32")?.scores ?? [];
    const searches = [...this.#columns].map(([kind, column]) =>
      column.cost(kind, exact, this.#defects, this.#threshold),
    );
    return { images: this.#defects.length, searches };
  }
}

class Column {
  readonly scores: number[] = [];
  readonly #searchMs: number[] = [];
  readonly #verified: number[] = [];
  #patches = 0;
  #equal = 0;

  add(searched: Searched, exact: Searched): void {
    this.scores.push(searched.score);
    this.#searchMs.push(searched.searchMs);
    this.#verified.push(searched.verified);
    this.#patches += exact.patchScores.length;
    for (let i = 0; i < exact.patchScores.length; i++)
      if (searched.patchScores[i] === exact.patchScores[i]) this.#equal++;
  }

  cost(kind: SearchKind, exact: readonly number[], defects: readonly (string | null)[], threshold: number): SearchCost {
    const errors = this.scores.map((score, i) => relativeError(score, exact[i] ?? Number.NaN));
    return {
      kind,
      imageAuroc: imageMetrics(this.scores.map((score, i) => ({ score, defect: defects[i] ?? null }))).imageAuroc,
      largestScoreError: Math.max(...errors),
      medianScoreError: percentile(errors, 50),
      verdictFlips: this.scores.filter((score, i) => score > threshold !== (exact[i] ?? Number.NaN) > threshold).length,
      patchesEqual: this.#equal / this.#patches,
      searchMs: latencyOf(this.#searchMs),
      verifiedPatches: { median: percentile(this.#verified, 50), p99: percentile(this.#verified, 99) },
    };
  }
}

/** A frame of the bank's own images scores 0; there any difference counts as it is. */
function relativeError(score: number, exact: number): number {
  const error = Math.abs(score - exact);
  return exact === 0 ? error : error / Math.abs(exact);
}
