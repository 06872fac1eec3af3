import { BugError, InputError } from "../shared/errors.ts";
import type { Matrix } from "./matrix.ts";
import { squaredDistance } from "./squared-distance.ts";

/** What a patch scores, given its nearest bank rows. */
export type PatchScoreRule =
  /** The distance to the nearest row, Euclidean. */
  | { readonly kind: "euclidean" }
  /** The mean of the squared distances to the k nearest rows, as the reference code has it. */
  | { readonly kind: "mean-squared"; readonly neighbours: number };

/** What a frame scores, given its patch scores. */
export type ImageScoreRule =
  /** The largest patch score. */
  | { readonly kind: "maximum" }
  /** Eq. 7 of the paper with b = `neighbours` rows around m*, m* among them. */
  | { readonly kind: "reweighted"; readonly neighbours: number }
  /** Eq. 7 as the CLIP reproduction computes it; see `reproductionScore`. */
  | { readonly kind: "reweighted-reproduction"; readonly neighbours: number };

/**
 * Image score: the largest patch score (PatchCore, eq. 6, https://arxiv.org/abs/2106.08265).
 *
 * @param patchScores Euclidean distance of each patch to its nearest bank row; at least one
 * @throws InputError "score-not-finite" since NaN is above no threshold and would pass every part
 */
export function imageScore(patchScores: Float32Array): number {
  return patchScores[mostAnomalousPatch(patchScores)]!;
}

/** @returns the patch with the largest score, the lowest of equals; throws as `imageScore` */
export function mostAnomalousPatch(patchScores: Float32Array): number {
  if (patchScores.length === 0) throw new BugError("no-patches", "Expected at least one patch score but received none");
  let best = 0;
  let largest = -Infinity;
  for (let patch = 0; patch < patchScores.length; patch++) {
    const score = patchScores[patch]!;
    if (!Number.isFinite(score)) {
      throw new InputError("score-not-finite", `Expected finite patch scores but patch ${patch} has ${score}`);
    }
    if (score > largest) {
      largest = score;
      best = patch;
    }
  }
  return best;
}

/**
 * Reweighted image score (PatchCore, eq. 7): s = (1 − exp‖t* − m*‖ / Σ exp‖t* − m‖) · s*, the sum over the b bank
 * rows around m*. Distances are Euclidean, never squared. The largest exponent is subtracted from all, which changes
 * nothing but keeps the exponentials finite.
 *
 * @param nearest s*, the distance of the most anomalous patch t* to its nearest bank row m*
 * @param support distances of t* to the rows around m*, m* included
 * @returns s, in the unit of `nearest`; equal to `nearest` when `support` has fewer than two entries (a bank of one
 *   row), where the formula would always give 0
 */
export function reweightedScore(nearest: number, support: ArrayLike<number>): number {
  if (support.length < 2) return nearest;
  let largest = nearest;
  for (let i = 0; i < support.length; i++) largest = Math.max(largest, support[i]!);
  let sum = 0;
  for (let i = 0; i < support.length; i++) sum += Math.exp(support[i]! - largest);
  return (1 - Math.exp(nearest - largest) / sum) * nearest;
}

/**
 * Reweighted image score as the code of the CLIP reproduction has it, which differs from eq. 7: m* is left out of the
 * sum, and every exponent is divided by √D. With k rows around m*, itself among them, k − 1 terms remain.
 *
 * @param nearest s*, the distance of the most anomalous patch t* to its nearest bank row m*
 * @param support distances of t* to the rows around m*, m* left out
 * @param dims D of a patch embedding
 * @returns s, below 0 where the support lies nearer than m*; `nearest` when there is no support (a bank of one row)
 */
export function reproductionScore(nearest: number, support: ArrayLike<number>, dims: number): number {
  if (support.length === 0) return nearest;
  const root = Math.sqrt(dims);
  let largest = nearest;
  for (let i = 0; i < support.length; i++) largest = Math.max(largest, support[i]!);
  let sum = 0;
  for (let i = 0; i < support.length; i++) sum += Math.exp((support[i]! - largest) / root);
  return (1 - Math.exp((nearest - largest) / root) / sum) * nearest;
}

/** The rules that look at the rows around m*. */
export type ReweightedRule = Exclude<ImageScoreRule, { readonly kind: "maximum" }>;

/**
 * Image score by eq. 7, or the reproduction's, for one frame, with N_b(m*) found by exact search in the bank.
 *
 * @param patchScores Euclidean distance of each patch to its nearest row
 * @param nearestRows that row, for each patch
 * @param embeddings [P, D], the frame's patches
 * @param bank [N, D]
 * @throws BugError "reweighting-neighbours" for b < 2, whose weight would always be 0
 */
export function reweightedImageScore(
  patchScores: Float32Array,
  nearestRows: Int32Array,
  embeddings: Matrix,
  bank: Matrix,
  rule: ReweightedRule,
): number {
  const { neighbours } = rule;
  if (!Number.isInteger(neighbours) || neighbours < 2) {
    throw new BugError("reweighting-neighbours", `Expected b of at least 2 for reweighting but received ${neighbours}`);
  }
  const patch = mostAnomalousPatch(patchScores);
  const { dims } = bank;
  const around = rowsAround(bank, nearestRows[patch]!, neighbours);
  const distanceTo = (row: number): number =>
    Math.sqrt(squaredDistance(embeddings.data, patch * dims, bank.data, row * dims, dims));
  const nearest = patchScores[patch]!;
  return rule.kind === "reweighted"
    ? reweightedScore(nearest, around.map(distanceTo))
    : reproductionScore(nearest, around.slice(1).map(distanceTo), dims);
}

/** @returns the `count` rows nearest to row `centre`, itself first; of equals the lowest */
function rowsAround(bank: Matrix, centre: number, count: number): number[] {
  const { dims, data } = bank;
  const distances = Float64Array.from({ length: bank.rows }, (_, row) =>
    // The row itself comes first even when others equal it: eq. 7 includes m*.
    row === centre ? -1 : squaredDistance(data, row * dims, data, centre * dims, dims),
  );
  const rows = Array.from({ length: bank.rows }, (_, row) => row);
  return rows.sort((a, b) => distances[a]! - distances[b]! || a - b).slice(0, count);
}
