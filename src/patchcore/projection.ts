import { BugError } from "../shared/errors.ts";
import type { Matrix } from "./matrix.ts";
import { seededRandom } from "./random.ts";

/** Outputs computed together, so that each input value is read once for all of them. */
const BLOCK = 8;

/** A dense random projection from `dims` to `outputs` dimensions. */
export interface Projection {
  readonly dims: number;
  readonly outputs: number;
  /** Blocks of eight outputs, padded with zeros: `weights[((o div 8) * dims + d) * 8 + o mod 8]`. */
  readonly weights: Float64Array;
}

/**
 * Johnson-Lindenstrauss projection with independent Gaussian entries of variance 1 / outputs, which keeps squared
 * distances in expectation (PatchCore, section 3.2). Entries are drawn output by output, rounded to float32, so that
 * the last bit of a logarithm cannot change them.
 *
 * @param dims input dimensions
 * @param outputs output dimensions d*
 * @param seed as `seededRandom`
 */
export function gaussianProjection(dims: number, outputs: number, seed: number): Projection {
  if (!Number.isInteger(dims) || !Number.isInteger(outputs) || dims < 1 || outputs < 1) {
    throw new BugError(
      "projection-shape",
      `Expected positive dimensions of a projection but received ${dims} → ${outputs}`,
    );
  }
  const random = seededRandom(seed);
  const weights = new Float64Array(Math.ceil(outputs / BLOCK) * BLOCK * dims);
  const deviation = 1 / Math.sqrt(outputs);
  for (let o = 0; o < outputs; o++) {
    const block = Math.floor(o / BLOCK) * dims;
    for (let d = 0; d < dims; d++)
      weights[(block + d) * BLOCK + (o % BLOCK)] = Math.fround(random.gaussian() * deviation);
  }
  return { dims, outputs, weights };
}

/**
 * @param rows [N, dims]
 * @param out where to write, [N, outputs]; allocated when absent
 * @returns [N, outputs]; each value is summed in float64 over the input dimensions in their order, then rounded
 */
export function project(projection: Projection, rows: Matrix, out?: Float32Array): Matrix {
  const { dims, outputs, weights } = projection;
  const data = out ?? new Float32Array(rows.rows * outputs);
  if (rows.dims !== dims || data.length !== rows.rows * outputs) {
    throw new BugError(
      "projection-shape",
      `Expected rows of ${dims} dimensions for ${rows.rows * outputs} outputs but received ${rows.dims} for ${data.length}`,
    );
  }
  const sums = new Float64Array(BLOCK);
  for (let row = 0; row < rows.rows; row++) {
    for (let o = 0; o < outputs; o += BLOCK) {
      sumBlock(rows.data, row * dims, weights, o * dims, dims, sums);
      const width = Math.min(BLOCK, outputs - o);
      for (let i = 0; i < width; i++) data[row * outputs + o + i] = sums[i]!;
    }
  }
  return { rows: rows.rows, dims: outputs, data };
}

/** `sums[i]` = Σ_d x[from + d] · w[at + 8 d + i], in the order of d. */
function sumBlock(x: Float32Array, from: number, w: Float64Array, at: number, dims: number, sums: Float64Array): void {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let s4 = 0;
  let s5 = 0;
  let s6 = 0;
  let s7 = 0;
  for (let d = 0, k = at; d < dims; d++, k += BLOCK) {
    const value = x[from + d]!;
    s0 += value * w[k]!;
    s1 += value * w[k + 1]!;
    s2 += value * w[k + 2]!;
    s3 += value * w[k + 3]!;
    s4 += value * w[k + 4]!;
    s5 += value * w[k + 5]!;
    s6 += value * w[k + 6]!;
    s7 += value * w[k + 7]!;
  }
  sums[0] = s0;
  sums[1] = s1;
  sums[2] = s2;
  sums[3] = s3;
  sums[4] = s4;
  sums[5] = s5;
  sums[6] = s6;
  sums[7] = s7;
}
