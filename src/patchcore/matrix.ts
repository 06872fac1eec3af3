import { BugError, InputError } from "../shared/errors.ts";

/** Vectors of one length, one after the other: row r is `data[r * dims … (r + 1) * dims)`. */
export interface Matrix {
  readonly rows: number;
  readonly dims: number;
  readonly data: Float32Array;
}

/**
 * A view on `data` as rows × dims; the data are not copied.
 *
 * @throws BugError "matrix-shape" when the length does not fit
 */
export function asMatrix(data: Float32Array, rows: number, dims: number): Matrix {
  const fits = Number.isInteger(rows) && Number.isInteger(dims) && rows >= 0 && dims > 0 && data.length === rows * dims;
  if (!fits) {
    throw new BugError("matrix-shape", `Expected ${rows} × ${dims} values of a matrix but received ${data.length}`);
  }
  return { rows, dims, data };
}

/** @returns a new matrix of the rows named by `ids`, in their order */
export function gatherRows(matrix: Matrix, ids: ArrayLike<number>): Matrix {
  const { dims } = matrix;
  const data = new Float32Array(ids.length * dims);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] ?? -1;
    if (!Number.isInteger(id) || id < 0 || id >= matrix.rows) {
      throw new BugError("matrix-row", `Expected a row below ${matrix.rows} of a matrix but received ${id}`);
    }
    data.set(matrix.data.subarray(id * dims, (id + 1) * dims), i * dims);
  }
  return { rows: ids.length, dims, data };
}

/** @returns the mean row [dims]; summed in float64, row by row, so that it is the same on every machine */
export function meanRow(matrix: Matrix): Float64Array {
  const { rows, dims, data } = matrix;
  const mean = new Float64Array(dims);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let d = 0; d < dims; d++, at++) mean[d] = mean[d]! + data[at]!;
  }
  for (let d = 0; d < dims; d++) mean[d] = mean[d]! / rows;
  return mean;
}

/**
 * One value that is not a number would poison means and distances without a word.
 *
 * @throws InputError "embeddings-not-finite" naming the first such row
 */
export function checkFinite(matrix: Matrix): void {
  const { data, dims } = matrix;
  for (let i = 0; i < data.length; i++) {
    const value = data[i]!;
    // x − x is 0 for every finite x and NaN for all others.
    if (value - value !== 0) {
      throw new InputError(
        "embeddings-not-finite",
        `Expected finite numbers in patch embeddings but row ${Math.floor(i / dims)} holds ${value}`,
      );
    }
  }
}
