import { BugError, InputError } from "../shared/errors.ts";
import { checkFinite, meanRow, type Matrix } from "./matrix.ts";
import { symmetricEigen } from "./symmetric-eigen.ts";

/** How much of the nominal patches' covariance is taken out of the embedding. */
export interface WhiteningRule {
  /** α in (0, 1]: 1 makes all directions vary equally, as a Mahalanobis distance does; nearer to 0 changes less. */
  readonly exponent: number;
  /** ρ in (0, 1]: share of the mean variance in every direction's, so that a direction without variance stays finite. */
  readonly shrinkage: number;
}

/**
 * Whitening of patch embeddings: a direction in which nominal patches vary a lot counts less, one in which they hardly
 * vary counts more. With the nominal covariance Σ = V · diag(λ) · Vᵀ,
 *
 *     W = c · V · diag((1 − ρ) · λ + ρ · mean(λ))^(−α/2) · Vᵀ,
 *
 * where c keeps the total variance, so that distances stay of one size. W is symmetric: it depends neither on the
 * order of the eigenvectors nor on their signs. The mean is not subtracted: it falls out of every distance.
 *
 * @param nominal patch embeddings of nominal images [N, dims], N ≥ 2
 * @returns W [dims × dims]; the identity where nominal patches do not vary at all
 * @throws InputError "whitening-too-few-patches" or "embeddings-not-finite"
 */
export function fitWhitening(nominal: Matrix, rule: WhiteningRule): Float32Array {
  const { exponent, shrinkage } = rule;
  const { dims } = nominal;
  if (!(exponent > 0 && exponent <= 1 && shrinkage > 0 && shrinkage <= 1)) {
    throw new BugError(
      "whitening-rule",
      `Expected exponent and shrinkage above 0 and at most 1 of a whitening but received ${exponent} and ${shrinkage}`,
    );
  }
  if (nominal.rows < 2) {
    throw new InputError(
      "whitening-too-few-patches",
      `Expected at least 2 nominal patches to fit a whitening but received ${nominal.rows}`,
    );
  }
  checkFinite(nominal);
  const { values, vectors } = symmetricEigen(covariance(nominal), dims);
  const total = values.reduce((sum, value) => sum + value, 0);
  if (!(total > 0)) return identity(dims);
  // Rounding may leave a value without variance a little below zero.
  const scales = values.map(
    (value) => ((1 - shrinkage) * Math.max(0, value) + (shrinkage * total) / dims) ** (-exponent / 2),
  );
  const whitened = values.reduce((sum, value, i) => sum + Math.max(0, value) * scales[i]! ** 2, 0);
  const keep = Math.sqrt(total / whitened);
  return fromEigen(
    vectors,
    scales.map((scale) => scale * keep),
    dims,
  );
}

/** Σ [dims × dims], sums in float64 over the rows in their order. */
function covariance({ rows, dims, data }: Matrix): Float64Array {
  const mean = meanRow({ rows, dims, data });
  const sums = new Float64Array(dims * dims);
  const centred = new Float64Array(dims);
  for (let row = 0; row < rows; row++) {
    for (let d = 0; d < dims; d++) centred[d] = data[row * dims + d]! - mean[d]!;
    for (let i = 0; i < dims; i++) {
      const factor = centred[i]!;
      for (let j = i, at = i * dims + i; j < dims; j++, at++) sums[at] = sums[at]! + factor * centred[j]!;
    }
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

/** V · diag(scales) · Vᵀ, where row i of `vectors` is the i-th eigenvector. */
function fromEigen(vectors: Float64Array, scales: Float64Array, dims: number): Float32Array {
  const sums = new Float64Array(dims * dims);
  for (let k = 0; k < dims; k++) {
    const scale = scales[k]!;
    for (let i = 0; i < dims; i++) {
      const factor = scale * vectors[k * dims + i]!;
      for (let j = 0, at = i * dims; j < dims; j++, at++) sums[at] = sums[at]! + factor * vectors[k * dims + j]!;
    }
  }
  return Float32Array.from(sums);
}

function identity(dims: number): Float32Array {
  const matrix = new Float32Array(dims * dims);
  for (let i = 0; i < dims; i++) matrix[i * dims + i] = 1;
  return matrix;
}
