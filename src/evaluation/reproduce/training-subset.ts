import { seededRandom } from "../../patchcore/random.ts";

/** The share of the training images that a cell is fitted on: all, half, a quarter. */
export const FRACTIONS = [1, 0.5, 0.25] as const;
export type Fraction = (typeof FRACTIONS)[number];

/**
 * The training images of a smaller set. `first` does as the reproduction's authors did, who ran out of memory: the first
 * ⌊n/2⌋ + 1 or ⌊n/4⌋ + 1 by name. `random` draws as many with a seed and keeps their order.
 */
export function trainingSubset(
  files: readonly string[],
  fraction: Fraction,
  subset: "first" | "random",
  seed: number,
): readonly string[] {
  if (fraction === 1) return files;
  const count = Math.min(files.length, Math.floor(files.length * fraction) + 1);
  if (subset === "first") return files.slice(0, count);
  const random = seededRandom(seed);
  const keyed = files.map((file, place) => ({ file, place, key: random.uniform() }));
  const drawn = keyed.sort((a, b) => a.key - b.key).slice(0, count);
  return drawn.sort((a, b) => a.place - b.place).map(({ file }) => file);
}
