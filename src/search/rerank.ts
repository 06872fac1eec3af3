import type { Matrix } from "../patchcore/matrix.ts";
import { squaredDistanceUpTo } from "../patchcore/squared-distance.ts";
import { BugError } from "../shared/errors.ts";
import type { Nearest } from "./nearest-neighbours.ts";

/** Result buffers that grow to the largest search and are then reused. */
export class NearestBuffer {
  #distances = new Float32Array(0);
  #ids = new Int32Array(0);

  /** @returns views of exactly `count` entries on the buffers */
  take(count: number): Nearest {
    if (this.#distances.length < count) {
      this.#distances = new Float32Array(count);
      this.#ids = new Int32Array(count);
    }
    return { distances: this.#distances.subarray(0, count), ids: this.#ids.subarray(0, count) };
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

/**
 * Chooses the nearest of each query's candidates by exact differences in float64.
 *
 * @param candidates [count, width] row numbers; −1 where a search found fewer
 * @param into takes the results; a distance is NaN where the query holds NaN
 * @throws BugError "no-candidate" when a query has none at all
 */
export function rerank(
  rows: Matrix,
  queries: Float32Array,
  candidates: Int32Array,
  width: number,
  into: Nearest,
): void {
  const { dims, data } = rows;
  const count = into.ids.length;
  for (let query = 0; query < count; query++) {
    let best = -1;
    let nearest = Infinity;
    for (let i = query * width; i < (query + 1) * width; i++) {
      const row = candidates[i]!;
      if (row < 0) continue;
      const squared = squaredDistanceUpTo(queries, query * dims, data, row * dims, dims, nearest);
      if (best < 0 || squared < nearest || (squared === nearest && row < best)) {
        best = row;
        nearest = squared;
      }
    }
    if (best < 0)
      throw new BugError("no-candidate", `Expected a nearest row for query ${query} but the index gave none`);
    into.ids[query] = best;
    into.distances[query] = Math.sqrt(nearest);
  }
}
