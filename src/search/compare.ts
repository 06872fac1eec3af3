import type { IndexReport } from "../bank/manifest.ts";
import { FrameScoring, type ScoreRules } from "../patchcore/frame-scoring.ts";
import type { Matrix } from "../patchcore/matrix.ts";
import type { NearestNeighbours } from "./nearest-neighbours.ts";

export interface Comparison {
  /** The memory bank that both indexes search. */
  readonly rows: Matrix;
  /** Both indexes give as many neighbours as these ask for. */
  readonly rules: ScoreRules;
  /** Of a frame. */
  readonly patches: number;
  /** Image scores strictly above it are rejected. */
  readonly threshold: number;
  /** How many frames will come. */
  readonly expected: number;
}

/**
 * What an index costs against exact float32 search, over whole frames. Recall counts a patch as found when the distance
 * to its nearest row equals the exact one, so that of several equally near rows any will do. Scores are those that a
 * station reports, verification included.
 *
 * @param frames embeddings of one frame each, `patches` rows
 * @returns recall 1 and zeros for no frames at all
 */
export async function compareIndex(
  index: NearestNeighbours,
  reference: NearestNeighbours,
  frames: Iterable<Float32Array> | AsyncIterable<Float32Array>,
  { rows, rules, patches, threshold, expected }: Comparison,
): Promise<IndexReport> {
  const scoring = new FrameScoring(rows, rules);
  // Each frame is scored by both.
  scoring.learnBoundsAtOnce(2 * expected);
  let count = 0;
  let hits = 0;
  let largestScoreError = 0;
  let verdictFlips = 0;
  for await (const frame of frames) {
    const found = await index.search(frame, patches);
    const exact = await reference.search(frame, patches);
    const k = exact.distances.length / patches;
    for (let i = 0; i < patches * k; i += k) if (found.distances[i] === exact.distances[i]) hits++;
    const score = scoring.score(found, frame, patches).imageScore;
    const exactScore = scoring.score(exact, frame, patches).imageScore;
    largestScoreError = Math.max(largestScoreError, Math.abs(score - exactScore));
    if (score > threshold !== exactScore > threshold) verdictFlips++;
    count++;
  }
  return { recallAt1: count === 0 ? 1 : hits / (count * patches), largestScoreError, verdictFlips, frames: count };
}
