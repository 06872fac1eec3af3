import { meanRow, type Matrix } from "./matrix.ts";
import { seededRandom } from "./random.ts";

/**
 * Principal directions; with the distance from their span 32 coordinates a row. Of 100,000 rows of a trained backbone 15
 * leave 15 % for the most anomalous patches, 31 leave 3 %, 63 next to none at the same price.
 */
const DIRECTIONS = 31;

/** Rows that the directions are learnt from: any orthonormal directions give true bounds, these give tight ones. */
const SAMPLED_ROWS = 512;

/** Of them in one slice of the learning. */
const SLICE_ROWS = 32;

/** Rounds of the subspace iteration. The bounds need no converged directions, only good ones. */
const ROUNDS = 4;

/**
 * What rounding can take from a distance of coordinates, as a share of the norms: each coordinate is rounded to float32
 * (2⁻²⁴ of itself), and the distance from the span, a difference of squares in float64, errs by less than 2⁻²⁴ of the norm.
 */
const ROUNDING = 1e-6;

/** Beyond this norm coordinates could leave the float32 numbers, and nothing is ruled out. */
const LARGEST_NORM = 1e37;

/** Multiplications of one slice of the learning: some milliseconds. */
const SLICE_PRODUCTS = 4_000_000;

/** Coordinates between two looks at the sum. */
const STEP = 4;

/** A query's coordinates beside the rows'. */
export interface QueryBounds {
  /** [width] */
  readonly coordinates: Float64Array;
  /** What a distance of coordinates may exceed the true distance by, from rounding. */
  readonly slack: number;
}

/**
 * Lower bounds of the distances from a query to a bank's rows at a third of the price: coordinates along a few orthonormal
 * directions and the distance from their span. By Pythagoras and the triangle inequality in what is left over,
 * |q − b|² ≥ Σ (qᵢ − bᵢ)² + (|q⊥| − |b⊥|)². Most rows are ruled out without being read.
 */
export class RowBounds {
  /** Coordinates of a row. */
  readonly #width: number;
  /** [rows, width] */
  readonly #coordinates: Float32Array;
  readonly #dims: number;
  readonly #mean: Float64Array;
  /** [width − 1, dims], orthonormal. */
  readonly #directions: Float64Array;
  #largestNorm = 0;

  private constructor({ rows, dims }: Matrix, mean: Float64Array, directions: Float64Array) {
    this.#dims = dims;
    this.#width = directions.length / dims + 1;
    this.#mean = mean;
    this.#directions = directions;
    this.#coordinates = new Float32Array(rows * this.#width);
  }

  /**
   * In slices of some milliseconds, between which whoever drives it may do something else: a large bank takes seconds.
   *
   * @param rows the memory bank [N, dims], N ≥ 1
   */
  static *learn(rows: Matrix): Generator<void, RowBounds> {
    const mean = meanRow(rows);
    yield;
    const directions = yield* principalDirections(rows, mean, Math.min(DIRECTIONS, rows.dims));
    const bounds = new RowBounds(rows, mean, directions);
    const slice = Math.ceil(SLICE_PRODUCTS / directions.length);
    for (let row = 0; row < rows.rows; row += slice) {
      yield;
      bounds.#placeRows(rows, row, Math.min(rows.rows, row + slice));
    }
    return bounds;
  }

  /** @param start of the query's `dims` values */
  boundsOf(queries: Float32Array, start: number): QueryBounds {
    const coordinates = new Float64Array(this.#width);
    const norm = this.#place(queries, start, coordinates);
    const largest = norm + this.#largestNorm;
    return { coordinates, slack: largest < LARGEST_NORM ? ROUNDING * largest : Infinity };
  }

  /** Whether the row is certainly farther from the query than `bar`, a squared distance. Never, where anything is not finite. */
  rulesOut(row: number, { coordinates, slack }: QueryBounds, bar: number): boolean {
    const width = this.#width;
    const first = row * width;
    // (√bar + slack)²
    const limit = bar + 2 * slack * Math.sqrt(bar) + slack * slack;
    let sum = 0;
    for (let i = 0; i < width;) {
      const stop = Math.min(i + STEP, width);
      for (; i < stop; i++) {
        const x = coordinates[i]! - this.#coordinates[first + i]!;
        sum += x * x;
      }
      if (sum > limit) return true;
    }
    return false;
  }

  #placeRows({ data, dims }: Matrix, first: number, end: number): void {
    const one = new Float64Array(this.#width);
    for (let row = first; row < end; row++) {
      this.#largestNorm = Math.max(this.#largestNorm, this.#place(data, row * dims, one));
      this.#coordinates.set(one, row * this.#width);
    }
  }

  /** Fills the coordinates of one vector. @returns its norm from the mean */
  #place(data: Float32Array, start: number, into: Float64Array): number {
    const directions = this.#directions;
    const dims = this.#dims;
    const count = this.#width - 1;
    let square = 0;
    for (let d = 0; d < dims; d++) {
      const x = data[start + d]! - this.#mean[d]!;
      square += x * x;
    }
    let inside = 0;
    for (let i = 0, at = 0; i < count; i++) {
      let sum = 0;
      for (let d = 0; d < dims; d++, at++) sum += (data[start + d]! - this.#mean[d]!) * directions[at]!;
      into[i] = sum;
      inside += sum * sum;
    }
    into[count] = Math.sqrt(Math.max(0, square - inside));
    return Math.sqrt(square);
  }
}

/**
 * Directions along which the rows vary most, by subspace iteration on evenly spaced rows (Golub and Van Loan, Matrix
 * Computations, section 8.2.4). The same rows give the same directions.
 *
 * @returns [count, dims], orthonormal; a direction that the rows do not have is zero
 */
function* principalDirections(rows: Matrix, mean: Float64Array, count: number): Generator<void, Float64Array> {
  const { dims, data } = rows;
  const sampled = Math.min(SAMPLED_ROWS, rows.rows);
  const sample = new Float64Array(sampled * dims);
  for (let i = 0, at = 0; i < sampled; i++) {
    const start = Math.floor((i * rows.rows) / sampled) * dims;
    for (let d = 0; d < dims; d++, at++) sample[at] = data[start + d]! - mean[d]!;
  }
  const random = seededRandom(dims);
  let directions = Float64Array.from({ length: count * dims }, () => random.gaussian());
  orthonormalise(directions, count, dims);
  for (let round = 0; round < ROUNDS; round++) {
    const next = new Float64Array(count * dims);
    for (let i = 0; i < sampled; i++) {
      if (i % SLICE_ROWS === 0) yield;
      for (let k = 0; k < count; k++) {
        let along = 0;
        for (let d = 0; d < dims; d++) along += sample[i * dims + d]! * directions[k * dims + d]!;
        for (let d = 0; d < dims; d++) next[k * dims + d]! += along * sample[i * dims + d]!;
      }
    }
    orthonormalise(next, count, dims);
    directions = next;
  }
  return directions;
}

/** A vector of which less than this share is its own is rounding, and no direction. */
const NO_DIRECTION = 1e-8;

/** Gram and Schmidt, each vector twice, which leaves no more than rounding ("twice is enough"). */
function orthonormalise(vectors: Float64Array, count: number, dims: number): void {
  for (let k = 0; k < count; k++) {
    const own = vectors.subarray(k * dims, (k + 1) * dims);
    const before = norm(own);
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < k; j++) {
        const other = vectors.subarray(j * dims, (j + 1) * dims);
        let along = 0;
        for (let d = 0; d < dims; d++) along += own[d]! * other[d]!;
        for (let d = 0; d < dims; d++) own[d]! -= along * other[d]!;
      }
    }
    const after = norm(own);
    const scale = Number.isFinite(after) && after > NO_DIRECTION * before ? 1 / after : 0;
    for (let d = 0; d < dims; d++) own[d] = scale === 0 ? 0 : own[d]! * scale;
  }
}

function norm(vector: Float64Array): number {
  let square = 0;
  for (const x of vector) square += x * x;
  return Math.sqrt(square);
}
