import type { Matrix } from "./matrix.ts";
import type { QueryBounds, RowBounds } from "./row-bounds.ts";
import { squaredDistanceUpTo } from "./squared-distance.ts";

/** Room for the k nearest rows of several queries; `squared` and `ids` hold k entries a query, nearest first. */
export interface NearestRows {
  readonly k: number;
  /** Squared distances; Infinity where nothing was found. */
  readonly squared: Float64Array;
  /** −1 where nothing was found. */
  readonly ids: Int32Array;
}

export function roomForNearest(queries: number, k: number): NearestRows {
  return { k, squared: new Float64Array(queries * k), ids: new Int32Array(queries * k) };
}

/**
 * Compares queries with every row by differences in float64, never by expanding the square, which cancels where
 * distances are small. Of equally near rows the lower ones are taken. Rows are walked through once, and each meets all
 * queries while it is in the cache.
 *
 * @param rows [N, dims], N ≥ k
 * @param queries patch embeddings of the same dimension, one after the other
 * @param chosen which of them, the first `count` entries
 * @param bars for each of these a squared distance that its k-th nearest row is known not to exceed; Infinity: unknown
 * @param into takes the results of the chosen ones, in their order
 * @param bounds of the same rows: rows that these rule out are not read
 */
export function nearestRows(
  rows: Matrix,
  queries: Float32Array,
  chosen: ArrayLike<number>,
  count: number,
  bars: Float64Array,
  into: NearestRows,
  bounds: RowBounds | null = null,
): void {
  const { dims, data } = rows;
  const { k, squared, ids } = into;
  squared.fill(Infinity, 0, count * k);
  ids.fill(-1, 0, count * k);
  const filters = bounds === null ? [] : filtersOf(bounds, queries, chosen, count, dims);
  for (let row = 0, at = 0; row < rows.rows; row++, at += dims) {
    for (let i = 0; i < count; i++) {
      const bar = bars[i]!;
      if (bounds !== null && bounds.rulesOut(row, filters[i]!, bar)) continue;
      const found = squaredDistanceUpTo(queries, chosen[i]! * dims, data, at, dims, bar);
      const last = i * k + k - 1;
      // Rows come in ascending order, so an equal one that comes later is not nearer; the bar itself may be reached.
      if (found > bar || found >= squared[last]!) continue;
      insert(into, i * k, last, found, row);
      if (squared[last]! < bar) bars[i] = squared[last]!;
    }
  }
}

function filtersOf(
  bounds: RowBounds,
  queries: Float32Array,
  chosen: ArrayLike<number>,
  count: number,
  dims: number,
): readonly QueryBounds[] {
  return Array.from({ length: count }, (_, i) => bounds.boundsOf(queries, chosen[i]! * dims));
}

function insert({ squared, ids }: NearestRows, first: number, last: number, found: number, row: number): void {
  let at = last;
  for (; at > first && found < squared[at - 1]!; at--) {
    squared[at] = squared[at - 1]!;
    ids[at] = ids[at - 1]!;
  }
  squared[at] = found;
  ids[at] = row;
}

/** @returns the `count` rows nearest to row `centre` (fewer in a smaller bank), itself first; of equals the lowest */
export function rowsAround(bank: Matrix, centre: number, count: number): Int32Array {
  const k = Math.min(count, bank.rows);
  const found = roomForNearest(1, k);
  nearestRows(bank, bank.data, [centre], 1, Float64Array.of(Infinity), found);
  // Eq. 7 includes m*, also where other rows equal it.
  const others = found.ids.filter((row) => row !== centre);
  return Int32Array.of(centre, ...others.subarray(0, k - 1));
}
