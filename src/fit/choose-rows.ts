import type { CoresetParameters } from "../bank/manifest.ts";
import type { Fold } from "../patchcore/calibration.ts";
import { randomRows } from "../patchcore/coreset-start.ts";
import type { CoresetClient } from "./coreset-client.ts";
import { rowCount } from "./row-count.ts";

export interface ChooseOptions {
  readonly coreset: CoresetParameters;
  readonly images: number;
  readonly patches: number;
  readonly dims: number;
  /** Folds whose complement gets a coreset of its own. */
  readonly folds: readonly Fold[];
  readonly onProgress: (picked: number, total: number) => void;
}

export interface ChosenRows {
  /** Of the memory bank. */
  readonly picks: Int32Array;
  /** For each of the folds, picks among the other images alone. */
  readonly foldPicks: readonly { readonly fold: Fold; readonly picks: Int32Array }[];
}

/**
 * Chooses the memory bank's rows by greedy k-center or at random, and the rows that it would have without a fold.
 *
 * @param client null: at random
 */
export async function chooseRows(client: CoresetClient | null, options: ChooseOptions): Promise<ChosenRows> {
  const { coreset, images, patches, dims, folds, onProgress } = options;
  const countFor = (imageCount: number): number => rowCount(imageCount * patches, dims, coreset.budget);
  const without = [null, ...folds];
  const counts = without.map((fold) => countFor(images - (fold === null ? 0 : fold.end - fold.start)));
  const total = counts.reduce((sum, count) => sum + count, 0);
  let done = 0;
  onProgress(0, total);
  const chosen: Int32Array[] = [];
  for (const [i, fold] of without.entries()) {
    const count = counts[i]!;
    const pick =
      client === null
        ? randomPicks(images * patches, count, coreset.seed, fold, patches)
        : await client.pick({ count, without: fold }, (picked) =>
            onProgress(Math.min(done + picked, total - 1), total),
          );
    chosen.push(pick);
    done += count;
  }
  onProgress(total, total);
  const [picks = new Int32Array(0), ...rest] = chosen;
  return { picks, foldPicks: folds.map((fold, i) => ({ fold, picks: rest[i]! })) };
}

function randomPicks(rows: number, count: number, seed: number, without: Fold | null, patches: number): Int32Array {
  if (without === null) return randomRows(rows, count, seed);
  const gap = (without.end - without.start) * patches;
  return randomRows(rows - gap, count, seed).map((row) => (row < without.start * patches ? row : row + gap));
}
