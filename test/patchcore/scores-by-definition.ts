import fc from "fast-check";
import type { ScoreRules } from "../../src/patchcore/frame-scoring.ts";
import { asMatrix, type Matrix } from "../../src/patchcore/matrix.ts";

export const RULES = {
  maximum: { patchScore: { kind: "euclidean" }, imageScore: { kind: "maximum" } },
  paper: { patchScore: { kind: "euclidean" }, imageScore: { kind: "reweighted", neighbours: 3 } },
  reproduction: { patchScore: { kind: "euclidean" }, imageScore: { kind: "reweighted-reproduction", neighbours: 3 } },
  meanSquared: { patchScore: { kind: "mean-squared", neighbours: 3 }, imageScore: { kind: "maximum" } },
} as const satisfies Record<string, ScoreRules>;

/** Square root of the sum of squared differences, one after the other, in float64. */
function distance(a: Float32Array, aRow: number, b: Float32Array, bRow: number, dims: number): number {
  let sum = 0;
  for (let d = 0; d < dims; d++) sum += (a[aRow * dims + d]! - b[bRow * dims + d]!) ** 2;
  return Math.sqrt(sum);
}

/** The `count` smallest, ties to the lower index. */
function smallest(values: readonly number[], count: number): number[] {
  return values
    .map((_, i) => i)
    .sort((a, b) => values[a]! - values[b]! || a - b)
    .slice(0, count);
}

/**
 * The image score straight from its definition: every patch with every row, sorted, no shortcut. Which of several
 * patches with equal float32 scores is t* is the lowest one, as everywhere.
 */
export function imageScoreByDefinition(
  rows: Matrix,
  queries: Float32Array,
  { patchScore, imageScore }: ScoreRules,
): number {
  const { dims, data } = rows;
  const all = Array.from({ length: rows.rows }, (_, row) => row);
  const patches = Array.from({ length: queries.length / dims }, (_, patch) =>
    all.map((row) => distance(queries, patch, data, row, dims)),
  );
  const scores = patches.map((distances) => {
    if (patchScore.kind === "euclidean") return Math.fround(Math.min(...distances));
    const nearest = smallest(distances, patchScore.neighbours).map((row) => distances[row]!);
    return nearest.reduce((sum, one) => sum + one * one, 0) / nearest.length;
  });
  const largest = Math.max(...scores);
  if (imageScore.kind === "maximum") return largest;
  const distances = patches[scores.indexOf(largest)] ?? [];
  const [star = 0] = smallest(distances, 1);
  const around = smallest(
    all.map((row) => (row === star ? -1 : distance(data, row, data, star, dims))),
    imageScore.neighbours,
  );
  const nearest = distances[star]!;
  const isPaper = imageScore.kind === "reweighted";
  const support = (isPaper ? around : around.slice(1)).map((row) => distances[row]!);
  if (support.length < (isPaper ? 2 : 1)) return nearest;
  const unit = isPaper ? 1 : Math.sqrt(dims);
  // exp(a) / Σ exp(b) as 1 / Σ exp(b − a), which does not overflow unless the share is nothing.
  const share = 1 / support.reduce((sum, one) => sum + Math.exp((one - nearest) / unit), 0);
  return (1 - share) * nearest;
}

/** Banks and frames that searches get wrong: duplicates, one row, constant dimensions, outliers, no variance at all. */
export function hostileBanks(): fc.Arbitrary<{ readonly rows: Matrix; readonly queries: Float32Array }> {
  const small = fc.integer({ min: -3, max: 3 });
  const smooth = fc.float({ min: -4, max: 4, noNaN: true });
  const wild = fc.oneof({ weight: 8, arbitrary: small }, { weight: 1, arbitrary: fc.constantFrom(1e6, -1e6, 1e-20) });
  const shapes = fc.record({
    count: fc.integer({ min: 1, max: 24 }),
    dims: fc.integer({ min: 1, max: 20 }),
    patches: fc.integer({ min: 1, max: 30 }),
    values: fc.constantFrom(small, smooth, wild, fc.constant(2.5)),
    copies: fc.constantFrom(0, 0, 12),
    constant: fc.boolean(),
  });
  return shapes.chain(({ count, dims, patches, values, copies, constant }) => {
    const numbers = (length: number) => fc.array(values, { minLength: length, maxLength: length });
    return fc.record({ bank: numbers(count * dims), frame: numbers(patches * dims) }).map(({ bank, frame }) => {
      // The first row again and again, more often than there are candidates; a first dimension that never varies.
      const data = Float32Array.from([...bank, ...Array.from({ length: copies }, () => bank.slice(0, dims)).flat()]);
      if (constant) for (let i = 0; i < data.length; i += dims) data[i] = 5;
      return { rows: asMatrix(data, count + copies, dims), queries: Float32Array.from(frame) };
    });
  });
}

/**
 * How exactly a score must equal its definition: 1e-5 relative, above a floor of 1e-30, where squares of differences leave
 * the float64 numbers, and of 2⁻⁴⁸ of the largest patch score: a weight is 1 minus a quotient, so one near 0 is exact to
 * some last bits of 1 only.
 *
 * @param largest the largest patch score, what rule "maximum" gives
 */
export function isSameScore(actual: number, expected: number, largest: number): boolean {
  return Math.abs(actual - expected) <= 1e-5 * Math.abs(expected) + 1e-30 + 2 ** -48 * largest;
}
