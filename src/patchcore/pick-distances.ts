import { meanRow, type Matrix } from "./matrix.ts";
import { squaredDistance, squaredDistanceUpTo } from "./squared-distance.ts";

/**
 * Inner products of two sets of rows by whatever multiplies matrices fast: `products[i · bRows + j]` is a_i · b_j in
 * float32, its terms added in any order; `largest[i]` the largest of row i.
 *
 * @param a [aRows, dims]; not changed
 * @param b [bRows, dims]; not changed
 */
export type RowProducts = (
  a: Float32Array,
  aRows: number,
  b: Float32Array,
  bRows: number,
  dims: number,
) => Promise<{ readonly products: Float32Array; readonly largest: Float32Array }>;

/** Rows and picks that are multiplied at a time: two megabytes of products, which stay in the caches. */
const CHUNK_ROWS = 512;
const CHUNK_PICKS = 1024;

/** Half the distance from 1 to the next float32: the relative error of one rounded operation. */
const FLOAT32_ROUNDING = 2 ** -24;
/** The least positive float32; products below it round by up to half of it, whatever their size. */
const FLOAT32_LEAST = 2 ** -149;
/** Squares beyond this could overflow float32 on the way; then nothing is filtered. */
const LARGEST_FILTERED_SQUARE = 1e36;

/**
 * Squared distances of all rows to the nearest pick, each as of some number of picks. Bringing rows up to date is a
 * matrix product that filters and a float64 distance that decides: a distance is computed exactly wherever the product,
 * with a margin for its rounding, cannot rule out that it is the smallest. So `nearest` holds the same bits as if every
 * pick had been compared with every row.
 */
export class PickDistances {
  /** [N] squared distance to the nearest of the first `seen` picks; an upper bound for all picks. */
  readonly nearest: Float64Array;
  /** [N] picks that `nearest` takes account of. */
  readonly seen: Int32Array;
  readonly #rows: Matrix;
  readonly #products: RowProducts;
  readonly #mean: Float64Array;
  /** The picks' rows side by side. */
  readonly #picked: Float32Array;
  /**
   * Operands of the product. A centred row x stands as [x, 1, 0 …], a pick as [2 p, −|p|², 0 …], so that the product is
   * |x|² − |x − p|² and its largest value belongs to the nearest pick.
   */
  readonly #width: number;
  readonly #chunk: Float32Array;
  readonly #operands: Float32Array;
  #largestSquare = 0;
  #count = 0;

  /** @param most picks that will come at most */
  constructor(rows: Matrix, most: number, nearest: Float64Array, products: RowProducts) {
    this.#rows = rows;
    this.#products = products;
    this.nearest = nearest;
    this.seen = new Int32Array(rows.rows);
    // Centring takes out what all rows share, which would only feed the cancellation in |x|² − 2 x·p + |p|².
    this.#mean = meanRow(rows);
    this.#picked = new Float32Array(most * rows.dims);
    this.#width = 4 * Math.ceil((rows.dims + 1) / 4);
    this.#chunk = new Float32Array(CHUNK_ROWS * this.#width);
    this.#operands = new Float32Array(most * this.#width);
  }

  /** Number of picks. */
  get count(): number {
    return this.#count;
  }

  add(row: number): void {
    const { dims, data } = this.#rows;
    this.#picked.set(data.subarray(row * dims, (row + 1) * dims), this.#count * dims);
    const at = this.#count * this.#width;
    const square = this.#centre(row, this.#operands, at);
    for (let d = at; d < at + dims; d++) this.#operands[d] = 2 * this.#operands[d]!;
    this.#operands[at + dims] = -square;
    this.#largestSquare = Math.max(this.#largestSquare, square);
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
      this.seen[row] = 1;
    }
  }

  /** Brings the rows up to date. @param rows row numbers */
  async refresh(rows: Int32Array): Promise<void> {
    const sorted = this.#bySeen(rows);
    for (let start = 0; start < sorted.length; start += CHUNK_ROWS) {
      const part = sorted.subarray(start, start + CHUNK_ROWS);
      const squares = this.#gather(part);
      for (let from = this.seen[part[0]!]!; from < this.#count; from += CHUNK_PICKS) {
        await this.#compare(part, squares, from, Math.min(this.#count, from + CHUNK_PICKS));
      }
      for (const row of part) this.seen[row] = this.#count;
    }
  }

  /** Rows that have seen about as many picks stand together, to share a product. */
  #bySeen(rows: Int32Array): Int32Array {
    const total = this.#rows.rows;
    // Both numbers in one, below 2⁵³: sorting numbers is native, a comparing function is not.
    const keys = Float64Array.from(rows, (row) => this.seen[row]! * total + row).sort();
    return Int32Array.from(keys, (key) => key % total);
  }

  /** Fills the chunk with centred rows. @returns their |x|² */
  #gather(part: Int32Array): Float64Array {
    const squares = new Float64Array(part.length);
    for (let i = 0; i < part.length; i++) {
      const at = i * this.#width;
      squares[i] = this.#centre(part[i]!, this.#chunk, at);
      this.#chunk[at + this.#rows.dims] = 1;
    }
    return squares;
  }

  #centre(row: number, to: Float32Array, at: number): number {
    const { dims, data } = this.#rows;
    let square = 0;
    for (let d = 0; d < dims; d++) {
      const value = Math.fround(data[row * dims + d]! - this.#mean[d]!);
      to[at + d] = value;
      square += value * value;
    }
    return square;
  }

  async #compare(part: Int32Array, squares: Float64Array, from: number, to: number): Promise<void> {
    const width = this.#width;
    const count = to - from;
    const chunk = this.#chunk.subarray(0, part.length * width);
    const operands = this.#operands.subarray(from * width, to * width);
    const { products, largest } = await this.#products(chunk, part.length, operands, count, width);
    for (let i = 0; i < part.length; i++) {
      const row = part[i]!;
      const rest = squares[i]! - this.#margin(squares[i]!);
      let gate = rest - this.nearest[row]!;
      if (largest[i]! <= gate) continue;
      for (let pick = Math.max(from, this.seen[row]!), at = i * count + pick - from; pick < to; pick++, at++) {
        if (products[at]! <= gate) continue;
        if (this.#lower(row, pick)) gate = rest - this.nearest[row]!;
      }
    }
  }

  /**
   * By how much a product can be too small: D terms err by about D roundings of their absolute sum, which is at most
   * (|x| + |p|)² (Higham, Accuracy and Stability, eq. 3.5); twice that, and 16 for centring and the rest.
   *
   * @returns not a number where float32 could overflow: no comparison with it rules anything out
   */
  #margin(square: number): number {
    if (Math.max(square, this.#largestSquare) > LARGEST_FILTERED_SQUARE) return Number.NaN;
    const spread = Math.sqrt(square) + Math.sqrt(this.#largestSquare);
    return 2 * (this.#rows.dims + 16) * (FLOAT32_ROUNDING * spread * spread + FLOAT32_LEAST);
  }

  #lower(row: number, pick: number): boolean {
    const { dims, data } = this.#rows;
    const nearest = this.nearest[row]!;
    const squared = squaredDistanceUpTo(data, row * dims, this.#picked, pick * dims, dims, nearest);
    if (squared >= nearest) return false;
    this.nearest[row] = squared;
    return true;
  }
}
