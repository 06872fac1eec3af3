import { BugError } from "../shared/errors.ts";
import { bilinearTaps } from "./bilinear.ts";

/** A matrix whose rows are zero but for `band` neighbouring entries each. */
export interface BandedRows {
  readonly band: number;
  /** First column of each row's band. */
  readonly starts: Int32Array;
  /** [rows, band] */
  readonly weights: Float64Array;
}

/**
 * The matrix G · B of one axis: B stretches `from` places to `to` bilinearly (align_corners=False), G smooths by a
 * Gaussian cut at `radius`, with the edge reflected as SciPy's `gaussian_filter(mode="reflect")` (… b a | a b …).
 *
 * @param from grid places, ≥ 1
 * @param to pixels, ≥ 1
 * @param sigma pixels; 0 leaves the stretched values as they are
 * @param radius pixels, integer
 */
export function smoothUpsampling(from: number, to: number, sigma: number, radius: number): BandedRows {
  const sizes = [from, to, radius + 1];
  if (sizes.some((size) => !Number.isInteger(size) || size < 1) || !(sigma >= 0)) {
    throw new BugError(
      "map-size",
      `Expected sizes of a map but received ${from} → ${to}, sigma ${sigma}, radius ${radius}`,
    );
  }
  const taps = bilinearTaps(from, to);
  const kernel = gaussianKernel(sigma, radius);
  const dense = new Float64Array(to * from);
  for (let y = 0; y < to; y++) {
    for (let offset = -radius; offset <= radius; offset++) {
      const source = reflect(y + offset, to);
      const weight = kernel[offset + radius]!;
      const share = taps.share[source]!;
      const low = y * from + taps.low[source]!;
      const high = y * from + taps.high[source]!;
      dense[low] = dense[low]! + weight * (1 - share);
      dense[high] = dense[high]! + weight * share;
    }
  }
  return toBand(dense, to, from);
}

function gaussianKernel(sigma: number, radius: number): Float64Array {
  const kernel = new Float64Array(2 * radius + 1);
  let sum = 0;
  for (let offset = -radius; offset <= radius; offset++) {
    const value = sigma === 0 ? Number(offset === 0) : Math.exp((-0.5 * offset * offset) / (sigma * sigma));
    kernel[offset + radius] = value;
    sum += value;
  }
  return kernel.map((value) => value / sum);
}

/** Folds an index back into 0 … size − 1; a map smaller than the kernel is folded more than once. */
function reflect(index: number, size: number): number {
  const period = 2 * size;
  const inPeriod = ((index % period) + period) % period;
  return inPeriod < size ? inPeriod : period - 1 - inPeriod;
}

function toBand(dense: Float64Array, rows: number, cols: number): BandedRows {
  const firsts = new Int32Array(rows);
  let band = 1;
  for (let row = 0; row < rows; row++) {
    let first = 0;
    while (first < cols - 1 && dense[row * cols + first] === 0) first++;
    let last = cols - 1;
    while (last > first && dense[row * cols + last] === 0) last--;
    firsts[row] = first;
    band = Math.max(band, last - first + 1);
  }
  const starts = firsts.map((first) => Math.min(first, cols - band));
  const weights = new Float64Array(rows * band);
  for (let row = 0; row < rows; row++) {
    for (let k = 0; k < band; k++) weights[row * band + k] = dense[row * cols + starts[row]! + k]!;
  }
  return { band, starts, weights };
}
