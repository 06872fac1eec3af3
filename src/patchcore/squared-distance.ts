/**
 * Squared Euclidean distance of two float32 rows, in float64 and always in the same order (four running sums, added
 * as (0 + 1) + (2 + 3)), so that equal inputs give equal bits on every machine. This one function decides picks,
 * neighbours and scores; matrix products only filter.
 *
 * @param bar the work may stop as soon as the result is known to be above `bar`
 * @returns the squared distance when it is at most `bar`; otherwise some value above `bar` and not above the
 *   squared distance. Sums of squares only grow, in floating point too, which makes stopping early exact.
 */
export function squaredDistanceUpTo(
  a: Float32Array,
  aStart: number,
  b: Float32Array,
  bStart: number,
  dims: number,
  bar: number,
): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let d = 0;
  const whole = dims - (dims % 16);
  while (d < whole) {
    const stop = d + 16;
    for (; d < stop; d += 4) {
      const x0 = a[aStart + d]! - b[bStart + d]!;
      const x1 = a[aStart + d + 1]! - b[bStart + d + 1]!;
      const x2 = a[aStart + d + 2]! - b[bStart + d + 2]!;
      const x3 = a[aStart + d + 3]! - b[bStart + d + 3]!;
      s0 += x0 * x0;
      s1 += x1 * x1;
      s2 += x2 * x2;
      s3 += x3 * x3;
    }
    const sum = s0 + s1 + (s2 + s3);
    if (sum > bar) return sum;
  }
  for (; d < dims; d++) {
    const x = a[aStart + d]! - b[bStart + d]!;
    s0 += x * x;
  }
  return s0 + s1 + (s2 + s3);
}

/** Squared Euclidean distance, as `squaredDistanceUpTo` without a bar. */
export function squaredDistance(
  a: Float32Array,
  aStart: number,
  b: Float32Array,
  bStart: number,
  dims: number,
): number {
  return squaredDistanceUpTo(a, aStart, b, bStart, dims, Infinity);
}
