import { BugError, InputError } from "../shared/errors.ts";
import { checkFinite, meanRow, type Matrix } from "./matrix.ts";
import { symmetricEigen } from "./symmetric-eigen.ts";

/** Cells of the 3 × 3 neighbourhood. */
const CELLS = 9;

/**
 * What a patch of the first layer keeps of the cells around it beside their mean. The mean alone is blind to structure
 * finer than three cells; all of the cells would be noise for the most part.
 */
export interface DetailRule {
  /** Share of the patches' variance that comes of the pattern of the cells, in (0, 1]; the rest of their mean. */
  readonly share: number;
  /** α in (0, 1]: a pattern's variance λ becomes λ^(1 − α); 1 makes all patterns weigh alike. */
  readonly exponent: number;
  /** ρ in (0, 1]: share of the mean variance in each pattern's, before the power. */
  readonly shrinkage: number;
}

/**
 * The convolution that stands in the place of the mean over 3 × 3 cells: patterns of the cells and means, side by side,
 * brought down to as many values as there are channels. With Σ = V · diag(λ) · Vᵀ, the covariance of the nominal cells,
 *
 *     B = diag((1 − ρ) · λ + ρ · mean(λ))^(−α/2) · Vᵀ, the C directions with the largest λ,
 *     A = the C means over 3 × 3,
 *     K = U · [√(1 − share) · A; √(share · tr(A Σ Aᵀ) / tr(B Σ Bᵀ)) · B],
 *
 * where U holds the C directions of the largest variance of what it is applied to. So the variance, and with it the
 * layer's weight beside the others, stays that of the mean.
 *
 * @param cells nominal neighbourhoods [N, channels · 9], value (channel · 9 + cell), N ≥ 2; none across the border
 * @returns K [channels, channels · 9]; the means alone where nominal cells do not vary at all
 * @throws InputError "detail-too-few-patches" or "embeddings-not-finite"
 */
export function fitDetail(cells: Matrix, rule: DetailRule): Float32Array {
  const channels = cells.dims / CELLS;
  checkRule(cells, rule);
  checkFinite(cells);
  const means = meanKernels(channels);
  const sigma = covariance(cells);
  const total = trace(sigma, cells.dims);
  if (!(total > 0)) return Float32Array.from(means);
  const patterns = patternKernels(sigma, channels, rule);
  const ofMeans = trace(sandwich(means, sigma, cells.dims), channels);
  const ofPatterns = trace(sandwich(patterns, sigma, cells.dims), channels);
  // Cells that vary only against each other have constant means; their patterns then weigh as they are.
  const target = ofMeans > Number.EPSILON * total ? ofMeans : ofPatterns;
  const both = new Float64Array(2 * means.length);
  both.set(scaled(means, Math.sqrt(1 - rule.share)));
  both.set(scaled(patterns, Math.sqrt((rule.share * target) / ofPatterns)), means.length);
  const strongest = largest(symmetricEigen(sandwich(both, sigma, cells.dims), 2 * channels), channels);
  return Float32Array.from(product(strongest.vectors, both, 2 * channels, cells.dims));
}

function checkRule(cells: Matrix, { share, exponent, shrinkage }: DetailRule): void {
  const areShares = [share, exponent, shrinkage].every((value) => value > 0 && value <= 1);
  if (cells.dims % CELLS !== 0 || !areShares) {
    throw new BugError(
      "detail-rule",
      `Expected cells of 9 values a channel and a share, exponent and shrinkage above 0 and at most 1 but received ${cells.dims} values, ${share}, ${exponent} and ${shrinkage}`,
    );
  }
  if (cells.rows < 2) {
    throw new InputError(
      "detail-too-few-patches",
      `Expected at least 2 nominal patches to learn their detail from but received ${cells.rows}`,
    );
  }
}

/** [channels, channels · 9] */
function meanKernels(channels: number): Float64Array {
  const kernels = new Float64Array(channels * channels * CELLS);
  for (let c = 0; c < channels; c++) {
    const at = c * channels * CELLS + c * CELLS;
    kernels.fill(1 / CELLS, at, at + CELLS);
  }
  return kernels;
}

/** The strongest patterns of the cells [channels, channels · 9], each scaled by its shrunk variance to −α/2. */
function patternKernels(sigma: Float64Array, channels: number, { exponent, shrinkage }: DetailRule): Float64Array {
  const dims = channels * CELLS;
  const { values, vectors } = largest(symmetricEigen(sigma, dims), channels);
  const floor = (shrinkage * trace(sigma, dims)) / dims;
  return vectors.map((value, at) => {
    const variance = Math.max(0, values[Math.floor(at / dims)]!);
    return value * ((1 - shrinkage) * variance + floor) ** (-exponent / 2);
  });
}

/** The `count` largest eigenvalues, largest first, and their vectors as rows; ties by their place. */
function largest(
  { values, vectors }: { readonly values: Float64Array; readonly vectors: Float64Array },
  count: number,
): { readonly values: Float64Array; readonly vectors: Float64Array } {
  const dims = values.length;
  const order = Array.from(values.keys()).sort((a, b) => values[b]! - values[a]! || a - b);
  const chosen = order.slice(0, count);
  const rows = new Float64Array(count * dims);
  chosen.forEach((row, i) => rows.set(vectors.subarray(row * dims, (row + 1) * dims), i * dims));
  return { values: Float64Array.from(chosen, (row) => values[row]!), vectors: rows };
}

/** Σ [dims, dims], sums in float64 over the rows in their order, four at a time: a sum is then moved for four products. */
function covariance({ rows, dims, data }: Matrix): Float64Array {
  const mean = meanRow({ rows, dims, data });
  const sums = new Float64Array(dims * dims);
  const block = new Float64Array(4 * dims);
  for (let row = 0; row < rows; row += 4) {
    const count = Math.min(4, rows - row) * dims;
    for (let at = 0; at < count; at++) block[at] = data[row * dims + at]! - mean[at % dims]!;
    block.fill(0, count);
    addProducts(sums, block, dims);
  }
  for (let i = 0; i < dims; i++) {
    for (let j = i; j < dims; j++) {
      const value = sums[i * dims + j]! / rows;
      sums[i * dims + j] = value;
      sums[j * dims + i] = value;
    }
  }
  return sums;
}

/** Adds the products of each of the block's four rows with itself to the sums on and above the diagonal. */
function addProducts(sums: Float64Array, block: Float64Array, dims: number): void {
  for (let i = 0; i < dims; i++) {
    const a = block[i]!;
    const b = block[dims + i]!;
    const c = block[2 * dims + i]!;
    const d = block[3 * dims + i]!;
    for (let j = i, at = i * dims + i; j < dims; j++, at++) {
      const products = a * block[j]! + b * block[dims + j]! + c * block[2 * dims + j]! + d * block[3 * dims + j]!;
      sums[at] = sums[at]! + products;
    }
  }
}

/** K · Σ · Kᵀ for kernels K [n, dims]: the covariance of what they give, made symmetric to the bit. */
function sandwich(kernels: Float64Array, sigma: Float64Array, dims: number): Float64Array {
  const count = kernels.length / dims;
  const half = product(kernels, sigma, dims, dims);
  const found = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    for (let j = i; j < count; j++) {
      let sum = 0;
      for (let d = 0; d < dims; d++) sum += half[i * dims + d]! * kernels[j * dims + d]!;
      found[i * count + j] = sum;
      found[j * count + i] = sum;
    }
  }
  return found;
}

/** a [n, inner] · b [inner, cols] */
function product(a: Float64Array, b: Float64Array, inner: number, cols: number): Float64Array {
  const rows = a.length / inner;
  const found = new Float64Array(rows * cols);
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < inner; k++) {
      const factor = a[i * inner + k]!;
      for (let j = 0; j < cols; j++) found[i * cols + j] = found[i * cols + j]! + factor * b[k * cols + j]!;
    }
  }
  return found;
}

function scaled(values: Float64Array, factor: number): Float64Array {
  return values.map((value) => value * factor);
}

function trace(matrix: Float64Array, dims: number): number {
  let sum = 0;
  for (let i = 0; i < dims; i++) sum += matrix[i * dims + i]!;
  return sum;
}
