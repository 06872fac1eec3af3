import { BugError } from "../shared/errors.ts";

/** Sweeps after which a symmetric matrix of any size has long converged; six to ten are usual. */
const MOST_SWEEPS = 60;

/** S = V · diag(values) · Vᵀ */
export interface SymmetricEigen {
  /** [dims], in no order. */
  readonly values: Float64Array;
  /** [dims × dims]: row i is the unit eigenvector of `values[i]`. */
  readonly vectors: Float64Array;
}

/**
 * Eigenvalues and eigenvectors of a symmetric matrix by cyclic Jacobi rotations (Golub and Van Loan, Matrix
 * Computations, section 8.5): slower than reduction to a tridiagonal matrix, as accurate as float64 allows, and always
 * in the same order of operations, so that the same matrix gives the same bytes.
 *
 * @param matrix [dims × dims], symmetric; it is not changed
 * @throws BugError "eigen-shape" when the length is not dims²; "eigen-not-finite" when a value is not finite
 */
export function symmetricEigen(matrix: Float64Array, dims: number): SymmetricEigen {
  if (!Number.isInteger(dims) || dims < 1 || matrix.length !== dims * dims) {
    throw new BugError("eigen-shape", `Expected ${dims} × ${dims} values of a matrix but received ${matrix.length}`);
  }
  const size = matrix.reduce((sum, value) => sum + Math.abs(value), 0);
  if (!Number.isFinite(size)) {
    throw new BugError(
      "eigen-not-finite",
      `Expected a matrix of finite values to diagonalise but received a sum of ${size}`,
    );
  }
  const work = Float64Array.from(matrix);
  const vectors = new Float64Array(dims * dims);
  for (let i = 0; i < dims; i++) vectors[i * dims + i] = 1;
  // The mean size of an entry, to float64's last bit: what is smaller beside the diagonal is rounding.
  const tolerance = (Number.EPSILON * size) / (dims * dims);
  for (let sweep = 0; rotateAll(work, vectors, dims, tolerance); sweep++) {
    if (sweep === MOST_SWEEPS) {
      throw new BugError(
        "eigen-diverged",
        `Expected at most ${MOST_SWEEPS} sweeps to diagonalise a matrix but more are needed`,
      );
    }
  }
  return { values: Float64Array.from({ length: dims }, (_, i) => work[i * dims + i]!), vectors };
}

/** One rotation for each pair with more than `tolerance` beside the diagonal. @returns whether there was one */
function rotateAll(work: Float64Array, vectors: Float64Array, dims: number, tolerance: number): boolean {
  let rotated = false;
  for (let p = 0; p < dims - 1; p++) {
    for (let q = p + 1; q < dims; q++) {
      const off = work[p * dims + q]!;
      if (Math.abs(off) <= tolerance) continue;
      rotated = true;
      const app = work[p * dims + p]!;
      const aqq = work[q * dims + q]!;
      const theta = (aqq - app) / (2 * off);
      const tangent = (theta < 0 ? -1 : 1) / (Math.abs(theta) + Math.sqrt(theta * theta + 1));
      const cosine = 1 / Math.sqrt(tangent * tangent + 1);
      rotate(work, vectors, { dims, p, q, cosine, sine: tangent * cosine });
      work[p * dims + p] = app - tangent * off;
      work[q * dims + q] = aqq + tangent * off;
      work[p * dims + q] = 0;
      work[q * dims + p] = 0;
    }
  }
  return rotated;
}

interface Rotation {
  readonly dims: number;
  readonly p: number;
  readonly q: number;
  readonly cosine: number;
  readonly sine: number;
}

/** Turns rows and columns p and q of `work`, and rows p and q of `vectors`; the pair's own four values are the caller's. */
function rotate(work: Float64Array, vectors: Float64Array, { dims, p, q, cosine, sine }: Rotation): void {
  for (let i = 0; i < dims; i++) {
    const ap = work[p * dims + i]!;
    const aq = work[q * dims + i]!;
    const turnedP = cosine * ap - sine * aq;
    const turnedQ = sine * ap + cosine * aq;
    work[p * dims + i] = turnedP;
    work[q * dims + i] = turnedQ;
    work[i * dims + p] = turnedP;
    work[i * dims + q] = turnedQ;
    const vp = vectors[p * dims + i]!;
    const vq = vectors[q * dims + i]!;
    vectors[p * dims + i] = cosine * vp - sine * vq;
    vectors[q * dims + i] = sine * vp + cosine * vq;
  }
}
