import { BugError, InputError } from "../shared/errors.ts";
import type { Matrix } from "./matrix.ts";
import { rowsAround } from "./nearest-rows.ts";
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
 * Image score by eq. 7, or the reproduction's, given the most anomalous patch t* and the rows around m*. Distances are
 * taken in float64 from the float32 values, so that s* carries no rounding into the exponents.
 *
 * @param embedding of t*, from place `at` of `embeddings`
 * @param around the rows N_b(m*), m* first
 * @throws BugError "reweighting-neighbours" for b < 2, whose weight would always be 0
 */
export function reweightedPatchScore(
  embeddings: Float32Array,
  at: number,
  bank: Matrix,
  around: Int32Array,
  rule: ReweightedRule,
): number {
  checkNeighbours(rule);
  const { dims, data } = bank;
  const distances = Array.from(around, (row) => Math.sqrt(squaredDistance(embeddings, at, data, row * dims, dims)));
  const nearest = distances[0]!;
  return rule.kind === "reweighted"
    ? reweightedScore(nearest, distances)
    : reproductionScore(nearest, distances.slice(1), dims);
}

/**
 * The same for one frame, with N_b(m*) found by exact search in the bank.
 *
 * @param patchScores Euclidean distance of each patch to its nearest row
 * @param nearestRows that row, for each patch
 * @param embeddings [P, D], the frame's patches
 * @param bank [N, D]
 */
export function reweightedImageScore(
  patchScores: Float32Array,
  nearestRows: Int32Array,
  embeddings: Matrix,
  bank: Matrix,
  rule: ReweightedRule,
): number {
  checkNeighbours(rule);
  const patch = mostAnomalousPatch(patchScores);
  const around = rowsAround(bank, nearestRows[patch]!, rule.neighbours);
  return reweightedPatchScore(embeddings.data, patch * bank.dims, bank, around, rule);
}

function checkNeighbours({ neighbours }: ReweightedRule): void {
  if (Number.isInteger(neighbours) && neighbours >= 2) return;
  throw new BugError("reweighting-neighbours", `Expected b of at least 2 for reweighting but received ${neighbours}`);
}

/** @returns how many nearest rows of each patch its score asks for */
export function neighboursOf(rule: PatchScoreRule): number {
  return rule.kind === "euclidean" ? 1 : rule.neighbours;
}

/**
 * @param distances to the k nearest rows of each patch, Euclidean, [patches, k]
 * @param into takes the patch scores, [patches]: the distance, or the mean of the squared distances
 */
export function patchScoresInto(rule: PatchScoreRule, distances: Float32Array, k: number, into: Float32Array): void {
  for (let patch = 0, at = 0; patch < into.length; patch++) {
    if (rule.kind === "euclidean") {
      into[patch] = distances[at]!;
      at += k;
      continue;
    }
    let sum = 0;
    for (const end = at + k; at < end; at++) sum += distances[at]! * distances[at]!;
    into[patch] = sum / k;
  }
}
