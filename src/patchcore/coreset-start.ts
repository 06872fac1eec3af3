import { meanRow, type Matrix } from "./matrix.ts";
import { seededRandom } from "./random.ts";
import { squaredDistance } from "./squared-distance.ts";

/** Rows to which `mean-distance-to-10-random` measures. */
const ANCHORS = 10;

/** How greedy k-center begins: with a row, or with squared distances [N] that stand where others start from infinity. */
export type CoresetStart = { readonly row: number } | { readonly squaredDistances: Float64Array };

/**
 * The first pick of the greedy choice: the row farthest from the mean row; the row with the largest mean distance to ten
 * random rows, whose mean distances also stand where others start from infinity; row 0.
 */
export type CoresetStartKind = "farthest-from-mean" | "mean-distance-to-10-random" | "first-row";

/** @param seed as `seededRandom`; used by the rule that draws rows */
export function coresetStart(rows: Matrix, kind: CoresetStartKind, seed: number): CoresetStart {
  switch (kind) {
    case "farthest-from-mean":
      return { row: farthestFromMean(rows) };
    case "mean-distance-to-10-random":
      return { squaredDistances: meanDistances(rows, seed) };
    case "first-row":
      // The code of the CLIP reproduction, https://github.com/LuigiFederico/PatchCore-for-Industrial-Anomaly-Detection
      return { row: 0 };
    default:
      return kind satisfies never;
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

/**
 * The approximate greedy sampler of https://github.com/amazon-science/patchcore-inspection (sampler.py): each row
 * starts from its mean distance to ten different random rows, or to all of fewer.
 */
function meanDistances(rows: Matrix, seed: number): Float64Array {
  const { dims, data } = rows;
  const anchors = randomRows(rows.rows, Math.min(ANCHORS, rows.rows), seed);
  const squared = new Float64Array(rows.rows);
  for (let row = 0; row < rows.rows; row++) {
    let sum = 0;
    for (const anchor of anchors) sum += Math.sqrt(squaredDistance(data, row * dims, data, anchor * dims, dims));
    const mean = sum / anchors.length;
    squared[row] = mean * mean;
  }
  return squared;
}

/**
 * Different rows drawn with equal chances, in the order of drawing (Fisher and Yates, stopped after `count`).
 *
 * @param count from 0 to `rows`
 */
export function randomRows(rows: number, count: number, seed: number): Int32Array {
  const random = seededRandom(seed);
  const deck = Int32Array.from({ length: rows }, (_, row) => row);
  for (let i = 0; i < count; i++) {
    const other = i + Math.floor(random.uniform() * (rows - i));
    const drawn = deck[other]!;
    deck[other] = deck[i]!;
    deck[i] = drawn;
  }
  return deck.slice(0, count);
}
