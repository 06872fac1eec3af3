import { meanRow, type Matrix } from "./matrix.ts";
import { squaredDistance, squaredDistanceUpTo } from "./squared-distance.ts";

/**
 * Products of rows about a centre with picks, by whatever multiplies matrices fast: `products[i · bRows + j]` is
 * (a_i − centre) · b_j + offsets_j in float32, its terms added in any order; `largest[i]` the largest of row i.
 *
 * @param a [aRows, dims]; not changed
 * @param centre [dims]
 * @param b [bRows, dims]; not changed
 * @param offsets [bRows]
 */
export type CentredProducts = (
  a: Float32Array,
  aRows: number,
  centre: Float32Array,
  b: Float32Array,
  bRows: number,
  offsets: Float32Array,
) => Promise<{ readonly products: Float32Array; readonly largest: Float32Array }>;

/** Rows and picks that are multiplied at a time: a megabyte of each, and some of products, which stay in the caches. */
const CHUNK_ROWS = 2048;
const CHUNK_PICKS = 512;

/** Half the distance from 1 to the next float32: the relative error of one rounded operation. */
const FLOAT32_ROUNDING = 2 ** -24;
/** The least positive float32; products below it round by up to half of it, whatever their size. */
const FLOAT32_LEAST = 2 ** -149;
/** Squares beyond this could overflow float32 on the way; then nothing is filtered. */
const LARGEST_FILTERED_SQUARE = 1e36;

/**
 * Squared distances of all rows to the nearest pick, each as of some number of picks. Bringing them up to date is a
 * matrix product that filters and a float64 distance that decides: a distance is computed exactly wherever the product,
 * with a margin for its rounding, cannot rule out that it is the smallest. So `nearest` holds the same bits as if every
 * pick had been compared with every row.
 */
export class PickDistances {
  /** [N] squared distance to the nearest pick of the last `refresh`; an upper bound for all picks. */
  readonly nearest: Float64Array;
  readonly #rows: Matrix;
  readonly #products: CentredProducts;
  /** Centring takes out what all rows share, which would only feed the cancellation in |x|² − 2 x·p + |p|². */
  readonly #mean: Float32Array;
  /**
   * [N] |x|² about the mean, less the margin for the rounding of the product |x|² − |x − p|², so that the gate below is a
   * subtraction. Not a number where float32 could overflow: no comparison with it rules anything out.
   */
  readonly #rest: Float64Array;
  /** The picks' rows side by side, and their part of the product: 2 p about the mean, and −|p|². */
  readonly #picked: Float32Array;
  readonly #doubled: Float32Array;
  readonly #offsets: Float32Array;
  #count = 0;
  /** Picks that `nearest` takes account of in every row. */
  #refreshed = 0;

  /** @param most picks that will come at most */
  constructor(rows: Matrix, most: number, nearest: Float64Array, products: CentredProducts) {
    this.#rows = rows;
    this.#products = products;
    this.nearest = nearest;
    this.#mean = Float32Array.from(meanRow(rows));
    this.#rest = restsOf(rows, this.#mean);
    this.#picked = new Float32Array(most * rows.dims);
    this.#doubled = new Float32Array(most * rows.dims);
    this.#offsets = new Float32Array(most);
  }

  add(row: number): void {
    const { dims, data } = this.#rows;
    const at = this.#count * dims;
    this.#picked.set(data.subarray(row * dims, (row + 1) * dims), at);
    let square = 0;
    for (let d = 0; d < dims; d++) {
      const value = Math.fround(data[row * dims + d]! - this.#mean[d]!);
      this.#doubled[at + d] = 2 * value;
      square += value * value;
    }
    this.#offsets[this.#count] = -square;
    this.#count++;
  }

  /** @returns the squared distance of a row to the last pick, exact where it is at most `bar` and above it otherwise */
  toLast(row: number, bar: number): number {
    const { dims, data } = this.#rows;
    return squaredDistanceUpTo(data, row * dims, this.#picked, (this.#count - 1) * dims, dims, bar);
  }

  /** Compares every row with the one pick there is. */
  start(): void {
    const { dims, data, rows } = this.#rows;
    for (let row = 0; row < rows; row++) {
      this.nearest[row] = squaredDistance(data, row * dims, this.#picked, 0, dims);
    }
    this.#refreshed = 1;
  }

  /** Brings every row up to date with all picks. */
  async refresh(): Promise<void> {
    const { rows } = this.#rows;
    for (let from = this.#refreshed; from < this.#count; from += CHUNK_PICKS) {
      const to = Math.min(this.#count, from + CHUNK_PICKS);
      for (let first = 0; first < rows; first += CHUNK_ROWS) {
        await this.#compare(first, Math.min(CHUNK_ROWS, rows - first), from, to);
      }
    }
    this.#refreshed = this.#count;
  }

  async #compare(first: number, count: number, from: number, to: number): Promise<void> {
    const { dims, data } = this.#rows;
    const picks = to - from;
    const { products, largest } = await this.#products(
      data.subarray(first * dims, (first + count) * dims),
      count,
      this.#mean,
      this.#doubled.subarray(from * dims, to * dims),
      picks,
      this.#offsets.subarray(from, to),
    );
    for (let i = 0; i < count; i++) {
      const row = first + i;
      const gate = this.#rest[row]! - this.nearest[row]!;
      // Of a gate that is not a number no product is below.
      if (!(largest[i]! <= gate)) this.#lower(row, products, i * picks, from, to);
    }
  }

  /** Compares a row with each pick whose product does not rule it out. @param at of the first pick's product */
  #lower(row: number, products: Float32Array, at: number, from: number, to: number): void {
    const { dims, data } = this.#rows;
    let nearest = this.nearest[row]!;
    let gate = this.#rest[row]! - nearest;
    for (let pick = from; pick < to; pick++, at++) {
      if (products[at]! <= gate) continue;
      const squared = squaredDistanceUpTo(data, row * dims, this.#picked, pick * dims, dims, nearest);
      if (squared >= nearest) continue;
      nearest = squared;
      gate = this.#rest[row]! - nearest;
    }
    this.nearest[row] = nearest;
  }
}

/**
 * By how much a product can be too small: D terms err by about D roundings of their absolute sum, which is at most
 * (|x| + |p|)² (Higham, Accuracy and Stability, eq. 3.5); twice that, and 16 for centring and the rest.
 *
 * @returns |x|² less that, for each row; not a number where float32 could overflow
 */
function restsOf({ data, rows, dims }: Matrix, mean: Float32Array): Float64Array {
  const rests = new Float64Array(rows);
  let largest = 0;
  for (let row = 0, at = 0; row < rows; row++) {
    let square = 0;
    for (let d = 0; d < dims; d++, at++) {
      const value = Math.fround(data[at]! - mean[d]!);
      square += value * value;
    }
    rests[row] = square;
    largest = Math.max(largest, square);
  }
  const farthest = Math.sqrt(largest);
  for (let row = 0; row < rows; row++) {
    const spread = Math.sqrt(rests[row]!) + farthest;
    const margin = 2 * (dims + 16) * (FLOAT32_ROUNDING * spread * spread + FLOAT32_LEAST);
    rests[row] = largest > LARGEST_FILTERED_SQUARE ? Number.NaN : rests[row]! - margin;
  }
  return rests;
}
