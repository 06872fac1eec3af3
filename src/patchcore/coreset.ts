import { BugError } from "../shared/errors.ts";
import { LargestFirst } from "./largest-first.ts";
import { checkFinite, meanRow, type Matrix } from "./matrix.ts";
import { squaredDistanceUpTo } from "./squared-distance.ts";

/** The memory bank's rows, in the order of picking. */
export interface Coreset {
  /** Row numbers of the input; `picks.length` is below the number asked for only when all rows left are duplicates. */
  readonly picks: Int32Array;
  /**
   * `radii[i]`: the largest distance of any row to the first i + 1 picks; it never grows. The last is how far the
   * farthest row lies from the coreset, 0 when every row is in it or equals one that is.
   */
  readonly radii: Float64Array;
}

export interface CoresetOptions {
  /** The first pick; absent: the row farthest from the mean row. */
  readonly start?: number;
  /** Told after each pick; it may throw to stop the run. */
  readonly onPick?: (done: number, total: number) => void;
}

/**
 * Greedy k-center (PatchCore, algorithm 1; Gonzalez 1985): pick the row that lies farthest from all picks so far,
 * again and again. Ties go to the lowest row. Distances come from `squaredDistanceUpTo`, so the picks are the same
 * bits on every machine, and the same as those of the textbook loop that updates every row after each pick.
 *
 * What makes it fast: a row's distance to the picks only shrinks, so the one known from earlier picks is an upper
 * bound. Rows lie in a heap by that bound; only the row on top is brought up to date. When it stays on top, no row
 * below can be farther, and it is the pick. Most rows fall below the final radius after a few picks and are never
 * looked at again.
 *
 * @param rows [N, dims], N ≥ 1, finite
 * @param count number of picks, from 1 to N
 * @throws InputError "embeddings-not-finite"; BugError "coreset-count" or "coreset-start"
 */
export function greedyKCenter(rows: Matrix, count: number, options: CoresetOptions = {}): Coreset {
  if (!Number.isInteger(count) || count < 1 || count > rows.rows) {
    throw new BugError("coreset-count", `Expected 1 to ${rows.rows} picks of a coreset but received ${count}`);
  }
  checkFinite(rows);
  const start = options.start ?? farthestFromMean(rows);
  if (!Number.isInteger(start) || start < 0 || start >= rows.rows) {
    throw new BugError("coreset-start", `Expected a first pick below ${rows.rows} but received ${start}`);
  }
  const { dims } = rows;
  const picks = new Int32Array(count);
  const radii = new Float64Array(count);
  // Rows of the picks side by side: the hot loop walks through them for one row of the input.
  const picked = new Float32Array(count * dims);
  const seen = new Int32Array(rows.rows);
  const heap = new LargestFirst(rows.rows);
  let next = start;
  for (let done = 0; done < count;) {
    picks[done] = next;
    picked.set(rows.data.subarray(next * dims, (next + 1) * dims), done * dims);
    done++;
    next = farthest(rows, picked, done, seen, heap);
    radii[done - 1] = Math.sqrt(heap.topValue);
    options.onPick?.(done, count);
    if (heap.topValue === 0) return { picks: picks.slice(0, done), radii: radii.slice(0, done) };
  }
  return { picks, radii };
}

/** Brings rows on top of the heap up to date until one stays there. @returns that row, the farthest from all picks */
function farthest(rows: Matrix, picked: Float32Array, done: number, seen: Int32Array, heap: LargestFirst): number {
  const { dims, data } = rows;
  for (;;) {
    const row = heap.top;
    let from = seen[row]!;
    if (from === done) return row;
    let nearest = heap.topValue;
    for (; from < done; from++) {
      const distance = squaredDistanceUpTo(data, row * dims, picked, from * dims, dims, nearest);
      if (distance < nearest) nearest = distance;
    }
    seen[row] = done;
    heap.lowerTop(nearest);
  }
}

/** @returns the row with the largest distance to the mean row, the lowest of equals */
function farthestFromMean(rows: Matrix): number {
  const mean = meanRow(rows);
  let best = 0;
  let largest = -1;
  for (let row = 0, at = 0; row < rows.rows; row++) {
    let sum = 0;
    for (let d = 0; d < rows.dims; d++, at++) {
      const x = rows.data[at]! - mean[d]!;
      sum += x * x;
    }
    if (sum > largest) {
      largest = sum;
      best = row;
    }
  }
  return best;
}
