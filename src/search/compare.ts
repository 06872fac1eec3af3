import type { IndexReport } from "../bank/manifest.ts";
import { imageScore } from "../patchcore/scores.ts";
import type { NearestNeighbours } from "./nearest-neighbours.ts";

/**
 * What an index costs against exact float32 search, over whole frames. Recall counts a patch as found when its distance
 * equals the exact one, so that of several equally near rows any will do.
 *
 * @param frames embeddings of one frame each, `patches` rows
 * @param threshold image scores strictly above it are rejected
 * @returns recall 1 and zeros for no frames at all
 */
export async function compareIndex(
  index: NearestNeighbours,
  reference: NearestNeighbours,
  frames: Iterable<Float32Array> | AsyncIterable<Float32Array>,
  patches: number,
  threshold: number,
): Promise<IndexReport> {
  let count = 0;
  let hits = 0;
  let largestScoreError = 0;
  let verdictFlips = 0;
  for await (const frame of frames) {
    const found = (await index.search(frame, patches)).distances;
    const exact = (await reference.search(frame, patches)).distances;
    for (let patch = 0; patch < patches; patch++) if (found[patch] === exact[patch]) hits++;
    const score = imageScore(found);
    const exactScore = imageScore(exact);
    largestScoreError = Math.max(largestScoreError, Math.abs(score - exactScore));
    if (score > threshold !== exactScore > threshold) verdictFlips++;
    count++;
  }
  return { recallAt1: count === 0 ? 1 : hits / (count * patches), largestScoreError, verdictFlips, frames: count };
}
