import type { Matrix } from "../patchcore/matrix.ts";
import { squaredDistanceUpTo } from "../patchcore/squared-distance.ts";
import { BugError } from "../shared/errors.ts";
import type { Nearest } from "./nearest-neighbours.ts";

/** Result buffers that grow to the largest search and are then reused. */
export class NearestBuffer {
  /** Rows of each query. */
  readonly k: number;
  #distances = new Float32Array(0);
  #ids = new Int32Array(0);

  constructor(k: number) {
    this.k = k;
  }

  /** @returns views of exactly `count` · k entries on the buffers */
  take(count: number): Nearest {
    const size = count * this.k;
    if (this.#distances.length < size) {
      this.#distances = new Float32Array(size);
      this.#ids = new Int32Array(size);
    }
    return { distances: this.#distances.subarray(0, size), ids: this.#ids.subarray(0, size) };
  }
}

/** Refuses queries that do not fit; a silent mismatch would compare one patch with half of another. */
export function checkQueries(queries: Float32Array, count: number, dims: number): void {
  if (!Number.isInteger(count) || count < 0 || queries.length < count * dims) {
    throw new BugError(
      "query-shape",
      `Expected ${count} × ${dims} values of patch embeddings to search but received ${queries.length}`,
    );
  }
}

/** Chooses the k nearest of each query's candidates by exact differences in float64. */
export class Reranker {
  readonly #rows: Matrix;
  readonly #width: number;
  readonly #k: number;
  /** Of one query, nearest first. */
  readonly #squared: Float64Array;
  readonly #ids: Int32Array;

  /** @param width candidates of a query, at least k */
  constructor(rows: Matrix, width: number, k: number) {
    this.#rows = rows;
    this.#width = width;
    this.#k = k;
    this.#squared = new Float64Array(k);
    this.#ids = new Int32Array(k);
  }

  /**
   * @param candidates [count, width] row numbers, each once; −1 where a search found fewer
   * @param into takes the results; a distance is NaN where the query holds NaN
   * @throws BugError "no-candidate" when a query has none at all
   */
  run(queries: Float32Array, candidates: Float32Array | Int32Array, count: number, into: Nearest): void {
    const k = this.#k;
    for (let query = 0; query < count; query++) {
      this.#rankOne(queries, query, candidates);
      if (this.#ids[0]! < 0)
        throw new BugError("no-candidate", `Expected a nearest row for query ${query} but the index gave none`);
      for (let i = 0; i < k; i++) {
        into.ids[query * k + i] = this.#ids[i]!;
        into.distances[query * k + i] = Math.sqrt(this.#squared[i]!);
      }
    }
  }

  #rankOne(queries: Float32Array, query: number, candidates: Float32Array | Int32Array): void {
    const { dims, data } = this.#rows;
    const last = this.#k - 1;
    this.#squared.fill(Infinity);
    this.#ids.fill(-1);
    for (let i = query * this.#width; i < (query + 1) * this.#width; i++) {
      const row = candidates[i]!;
      if (row < 0) continue;
      const bar = this.#squared[last]!;
      const found = squaredDistanceUpTo(queries, query * dims, data, row * dims, dims, bar);
      if (found > bar || (found === bar && this.#ids[last]! >= 0 && row > this.#ids[last]!)) continue;
      this.#insert(found, row);
    }
  }

  #insert(found: number, row: number): void {
    let at = this.#k - 1;
    for (; at > 0; at--) {
      const before = this.#squared[at - 1]!;
      const id = this.#ids[at - 1]!;
      if (id >= 0 && (before < found || (before === found && id < row))) break;
      this.#squared[at] = before;
      this.#ids[at] = id;
    }
    this.#squared[at] = found;
    this.#ids[at] = row;
  }
}
