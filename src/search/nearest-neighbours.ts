import type { Matrix } from "../patchcore/matrix.ts";
import type { Quantiser } from "../patchcore/quantiser.ts";

/** The k nearest bank rows of each query, nearest first; of equally near candidates the lower rows. */
export interface Nearest {
  /** Euclidean distance, [count, k]; Infinity where an approximate search found fewer than k. */
  readonly distances: Float32Array;
  /** That row, [count, k]; −1 where there is none. */
  readonly ids: Int32Array;
}

/**
 * Finds the nearest rows of a memory bank for each of many patch embeddings. An approximate search only proposes
 * candidates: reported distances are always those of the float32 rows, so they may belong to the wrong row but are
 * never wrong themselves, and never below the exact minimum.
 */
export interface NearestNeighbours {
  readonly kind: "exact" | "hnsw" | "float32";
  /**
   * @param queries `count` embeddings of the bank's dimension, one after the other
   * @returns the instance's own buffers, overwritten by its next search; searches must not overlap
   */
  search(queries: Float32Array, count: number): Promise<Nearest>;
  /** Idempotent. */
  close(): Promise<void>;
}

/** An index that holds the rows of its bank: who keeps these instead of its own has them in memory once. */
export interface BankIndex extends NearestNeighbours {
  /** [N, dims] */
  readonly rows: Matrix;
}

/** What an index over quantised rows needs of a bank. */
export interface QuantisedBank {
  readonly rows: Matrix;
  readonly quantiser: Quantiser;
  /** The rows as levels, [rows, dims]. */
  readonly quantised: Int8Array;
}

export interface SearchOptions {
  /** k, the nearest rows that are wanted of each query; a smaller bank gives all that it has. Absent: 1. */
  readonly neighbours?: number;
  /** Threads of one search. */
  readonly threads: number;
  /** Whether ONNX Runtime's threads wait for work in a busy loop: quicker answers for more CPU. Absent: no. */
  readonly spinning?: boolean;
}

/** Candidates beyond those wanted: with two, distances to the nearest row are exact for 99 of 100 patches. */
const SPARE_CANDIDATES = 2;

/** @returns how many rows of each query are wanted of a bank, and how many candidates are re-ranked for them */
export function candidatesOf(
  rows: number,
  options: SearchOptions,
): { readonly k: number; readonly candidates: number } {
  const k = Math.min(options.neighbours ?? 1, rows);
  return { k, candidates: Math.min(k + SPARE_CANDIDATES, rows) };
}
