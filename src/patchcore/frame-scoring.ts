import { BugError, InputError } from "../shared/errors.ts";
import type { Matrix } from "./matrix.ts";
import { nearestRows, roomForNearest, rowsAround, type NearestRows } from "./nearest-rows.ts";
import { RowBounds } from "./row-bounds.ts";
import {
  neighboursOf,
  patchScoresInto,
  reweightedPatchScore,
  type ImageScoreRule,
  type PatchScoreRule,
} from "./scores.ts";
import { squaredDistance } from "./squared-distance.ts";

/** How a frame's scores follow from its nearest rows; a bank's parameters are such rules. */
export interface ScoreRules {
  readonly patchScore: PatchScoreRule;
  readonly imageScore: ImageScoreRule;
}

/** What a search found for a frame's patches: k = min(neighbours of the rule, rows of the bank) a patch. */
export interface FoundNearest {
  /** Euclidean, [patches, k], nearest first; Infinity where a search found too few. */
  readonly distances: Float32Array;
  /** [patches, k]; −1 where a search found too few. */
  readonly ids: Int32Array;
}

export interface FrameScores {
  /** Exact, whatever search the candidates came from. */
  readonly imageScore: number;
  /** Exact for the verified patches, otherwise never below the exact score. The instance's own buffer. */
  readonly patchScores: Float32Array;
  /** Patches that were compared with every row. */
  readonly verified: number;
}

/** Patches of the first batch of verification; each further batch is as many times larger as `GROWTH`. */
const FIRST_BATCH = 1;
const GROWTH = 4;
/** Patches of one batch at most; more would not stay in the cache together. */
const LARGEST_BATCH = 64;

/** Fewer rows are compared in a tenth of a millisecond. */
const LEAST_BOUNDED_ROWS = 1_024;
/** By the number of multiplications, learning bounds costs as much as verifying so many frames, */
const LEARNING_FRAMES = 52;
/** and comparing a patch with so many rows more. */
const LEARNING_ROWS = 212_000;

/**
 * Turns the nearest rows of a frame's patches into its scores. An approximate search can only overestimate a patch: the
 * distances that it reports are true ones, if perhaps of the wrong row. So the patch with the largest score is compared
 * with every row, then in batches of 4, 16 … those that still claim more than the largest verified one, until that one
 * stands. The image score is then the exact search's to the last bit, and so are t*, m* and the weight of eq. 7.
 */
export class FrameScoring {
  readonly #rows: Matrix;
  #bounds: RowBounds | null = null;
  readonly #rules: ScoreRules;
  readonly #k: number;
  readonly #nearest: NearestRows;
  readonly #batch = new Int32Array(LARGEST_BATCH);
  readonly #bars = new Float64Array(LARGEST_BATCH);
  readonly #distances: Float32Array;
  readonly #one = new Float32Array(1);
  /** Rows around a row, found once for each m* that comes up; never more than the bank has rows. */
  readonly #around = new Map<number, Int32Array>();
  #scores = new Float32Array(0);
  #isVerified = new Uint8Array(0);
  /** The patch with the largest verified score, of equals the lowest; −1: none yet. */
  #winner = -1;

  /** @param rows the memory bank [N, dims], N ≥ 1; must not change */
  constructor(rows: Matrix, rules: ScoreRules) {
    this.#rows = rows;
    this.#rules = rules;
    this.#k = Math.min(neighboursOf(rules.patchScore), rows.rows);
    this.#nearest = roomForNearest(LARGEST_BATCH, this.#k);
    this.#distances = new Float32Array(this.#k);
  }

  /**
   * Makes verification several times quicker, with the same scores; see `RowBounds.learn`. Does nothing where learning
   * would take longer than it saves.
   *
   * @param frames that will be scored
   */
  *learnBounds(frames = Infinity): Generator<void, void> {
    const { rows } = this.#rows;
    if (rows < LEAST_BOUNDED_ROWS || frames * rows < LEARNING_FRAMES * rows + LEARNING_ROWS) return;
    this.#bounds = yield* RowBounds.learn(this.#rows);
  }

  /** For who has nothing else to do meanwhile. */
  learnBoundsAtOnce(frames?: number): void {
    const slices = this.learnBounds(frames);
    while (slices.next().done !== true);
  }

  /**
   * @param found nearest rows of the frame's patches, exact or approximate
   * @param embeddings [patches, dims]
   * @throws InputError "score-not-finite" since NaN is above no threshold and would pass every part
   */
  score(found: FoundNearest, embeddings: Float32Array, patches: number): FrameScores {
    const scores = this.#prepare(found, patches);
    this.#winner = -1;
    let row = -1;
    let verified = 0;
    for (let size = FIRST_BATCH; ; size = Math.min(size * GROWTH, LARGEST_BATCH)) {
      const count = this.#nextBatch(size, embeddings);
      if (count === 0) break;
      for (let i = 0; i < count; i++) this.#bars[i] = this.#barOf(found, embeddings, this.#batch[i]!);
      nearestRows(this.#rows, embeddings, this.#batch, count, this.#bars, this.#nearest, this.#bounds);
      verified += count;
      for (let i = 0; i < count; i++) {
        const patch = this.#batch[i]!;
        const score = this.#take(patch, i);
        const best = this.#winner < 0 ? -Infinity : scores[this.#winner]!;
        if (score < best || (score === best && patch > this.#winner)) continue;
        this.#winner = patch;
        row = this.#nearest.ids[i * this.#k]!;
      }
    }
    return { imageScore: this.#imageScore(embeddings, this.#winner, row), patchScores: scores, verified };
  }

  #prepare({ distances }: FoundNearest, patches: number): Float32Array {
    if (patches < 1 || distances.length !== patches * this.#k) {
      throw new BugError(
        "no-patches",
        `Expected the ${this.#k} nearest rows of at least one patch but received ${distances.length} of ${patches}`,
      );
    }
    if (this.#scores.length !== patches) {
      this.#scores = new Float32Array(patches);
      this.#isVerified = new Uint8Array(patches);
    }
    this.#isVerified.fill(0);
    const scores = this.#scores;
    patchScoresInto(this.#rules.patchScore, distances, this.#k, scores);
    for (let patch = 0; patch < patches; patch++) {
      if (Number.isNaN(scores[patch]!)) throw notFinite(patch, NaN);
    }
    return scores;
  }

  /** Fills the batch with the largest scores that are not verified and could still win. @returns how many */
  #nextBatch(size: number, embeddings: Float32Array): number {
    let count = 0;
    while (count < size) {
      const patch = this.#nextClaimant(this.#winner);
      if (patch < 0) break;
      this.#isVerified[patch] = 1;
      // Patches of an even surface are often the same to the last bit; so are what they score and their nearest row.
      if (this.#winner >= 0 && this.#isSame(embeddings, patch, this.#winner)) {
        this.#scores[patch] = this.#scores[this.#winner]!;
        this.#winner = Math.min(patch, this.#winner);
      } else {
        this.#batch[count++] = patch;
      }
    }
    return count;
  }

  /** @returns the patch with the largest score of those that are not verified, −1 when none could still win */
  #nextClaimant(winner: number): number {
    const scores = this.#scores;
    const best = winner < 0 ? -Infinity : scores[winner]!;
    // Of equal scores the lowest patch wins; which one it is matters only to the weight of eq. 7.
    const ties = this.#rules.imageScore.kind !== "maximum";
    let claimant = -1;
    let largest = best;
    for (let patch = 0; patch < scores.length; patch++) {
      const score = scores[patch]!;
      if (this.#isVerified[patch] === 1 || score < largest) continue;
      if (score > largest || (ties && claimant < 0 && patch < winner)) {
        largest = score;
        claimant = patch;
      }
    }
    return claimant;
  }

  #isSame(embeddings: Float32Array, a: number, b: number): boolean {
    const { dims } = this.#rows;
    for (let d = 0; d < dims; d++) if (embeddings[a * dims + d] !== embeddings[b * dims + d]) return false;
    return true;
  }

  /** The squared distance that the patch's k-th nearest row does not exceed, in float64. */
  #barOf({ ids }: FoundNearest, embeddings: Float32Array, patch: number): number {
    const { dims, data } = this.#rows;
    let farthest = 0;
    for (let i = patch * this.#k; i < (patch + 1) * this.#k; i++) {
      if (ids[i]! < 0) return Infinity;
      farthest = Math.max(farthest, squaredDistance(embeddings, patch * dims, data, ids[i]! * dims, dims));
    }
    return farthest;
  }

  /** Puts the exact score of a batch's `i`-th patch in its place. @returns it */
  #take(patch: number, i: number): number {
    for (let j = 0; j < this.#k; j++) this.#distances[j] = Math.sqrt(this.#nearest.squared[i * this.#k + j]!);
    patchScoresInto(this.#rules.patchScore, this.#distances, this.#k, this.#one);
    const score = this.#one[0]!;
    if (!Number.isFinite(score)) throw notFinite(patch, score);
    this.#scores[patch] = score;
    return score;
  }

  #imageScore(embeddings: Float32Array, winner: number, row: number): number {
    const rule = this.#rules.imageScore;
    if (rule.kind === "maximum") return this.#scores[winner]!;
    let around = this.#around.get(row);
    if (around === undefined) {
      around = rowsAround(this.#rows, row, rule.neighbours);
      this.#around.set(row, around);
    }
    return reweightedPatchScore(embeddings, winner * this.#rows.dims, this.#rows, around, rule);
  }
}

function notFinite(patch: number, score: number): InputError {
  return new InputError("score-not-finite", `Expected finite patch scores but patch ${patch} has ${score}`);
}
