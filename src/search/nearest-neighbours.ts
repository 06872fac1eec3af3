import type { Matrix } from "../patchcore/matrix.ts";
import type { Quantiser } from "../patchcore/quantiser.ts";

/** The nearest bank row of each query. */
export interface Nearest {
  /** Euclidean distance, [count]. */
  readonly distances: Float32Array;
  /** That row, [count]; of equally near candidates the lowest. */
  readonly ids: Int32Array;
}

/**
 * Finds the nearest row of a memory bank for each of many patch embeddings. An approximate search only proposes
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

/** What an index over quantised rows needs of a bank. */
export interface QuantisedBank {
  readonly rows: Matrix;
  readonly quantiser: Quantiser;
  /** The rows as levels, [rows, dims]. */
  readonly quantised: Int8Array;
}

export interface SearchOptions {
  /** Threads of one search. */
  readonly threads: number;
  /** Whether ONNX Runtime's threads wait for work in a busy loop: quicker answers for more CPU. Absent: no. */
  readonly spinning?: boolean;
}

/** Candidates that are re-ranked: with three, distances are exact for 99 of 100 patches. */
export const RERANKED = 3;
