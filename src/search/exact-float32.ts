import { checkFinite, meanRow, type Matrix } from "../patchcore/matrix.ts";
import { nearestRows, roomForNearest, type NearestRows } from "../patchcore/nearest-rows.ts";
import { loadOnnxRuntime, type OnnxRuntime } from "../shared/onnxruntime.ts";
import { candidatesOf, type Nearest, type BankIndex, type SearchOptions } from "./nearest-neighbours.ts";
import { checkQueries, NearestBuffer, Reranker } from "./rerank.ts";
import { TiledSearch, type Tile, type TileOperands } from "./tiles.ts";

/** Candidates a query beyond those wanted. More cost time in every search, fewer send more to the slow path. */
const SPARE_CANDIDATES = 7;

/** Half the distance from 1 to the next float32: the relative error of one rounded operation. */
const FLOAT32_ROUNDING = 2 ** -24;

/**
 * Exact search: the result of comparing every query with every row in float64, of equals the lowest row. A float32
 * matrix product only filters. The candidates it proposes are re-ranked in float64, and they are trusted only when the
 * product's rounding cannot have hidden a nearer row; otherwise that query is compared with all rows. Reference for the
 * approximate indexes, for reports and for calibration.
 */
export class ExactFloat32 implements BankIndex {
  readonly kind = "float32";
  readonly rows: Matrix;
  readonly #mean: Float64Array;
  /** The largest norm of a centred row. */
  readonly #largestNorm: number;
  readonly #runtime: OnnxRuntime;
  readonly #tiled: TiledSearch;
  readonly #nearest: NearestBuffer;
  readonly #reranker: Reranker;
  /** Of one query that is compared with all rows. */
  readonly #all: NearestRows;
  #centred = new Float32Array(0);
  #verifiedInFull = 0;

  private constructor(
    rows: Matrix,
    mean: Float64Array,
    largestNorm: number,
    runtime: OnnxRuntime,
    tiled: TiledSearch,
    k: number,
  ) {
    this.rows = rows;
    this.#nearest = new NearestBuffer(k);
    this.#reranker = new Reranker(rows, tiled.top, k);
    this.#all = roomForNearest(1, k);
    this.#mean = mean;
    this.#largestNorm = largestNorm;
    this.#runtime = runtime;
    this.#tiled = tiled;
  }

  /**
   * @param rows the memory bank; must not change while the search is open
   * @throws InputError "bank-empty" or "embeddings-not-finite"
   */
  static async open(rows: Matrix, options: SearchOptions): Promise<ExactFloat32> {
    checkFinite(rows);
    // Centring takes out what all rows share, which would only feed the cancellation in q·b − |b|²/2.
    const mean = meanRow(rows);
    let largest = 0;
    const { k } = candidatesOf(rows.rows, options);
    const tiled = await TiledSearch.open(rows.rows, k + SPARE_CANDIDATES, options, (runtime, tile) => {
      const operands = tileOperands(runtime, rows, mean, tile);
      largest = Math.max(largest, operands.largestSquare);
      return operands;
    });
    return new ExactFloat32(rows, mean, Math.sqrt(largest), await loadOnnxRuntime(), tiled, k);
  }

  /** Queries since opening that had to be compared with all rows. */
  get verifiedInFull(): number {
    return this.#verifiedInFull;
  }

  async search(queries: Float32Array, count: number): Promise<Nearest> {
    const { dims } = this.rows;
    checkQueries(queries, count, dims);
    const into = this.#nearest.take(count);
    if (count === 0) return into;
    if (this.#centred.length < count * dims) this.#centred = new Float32Array(count * dims);
    const centred = this.#centred.subarray(0, count * dims);
    for (let i = 0, d = 0; i < centred.length; i++, d = d + 1 === dims ? 0 : d + 1)
      centred[i] = queries[i]! - this.#mean[d]!;
    await this.#tiled.run(new this.#runtime.Tensor("float32", centred, [count, dims]), count);
    this.#fillMissing(count);
    this.#reranker.run(queries, this.#tiled.rows, count, into);
    this.#verify(queries, centred, count, into);
    return into;
  }

  close(): Promise<void> {
    return this.#tiled.close();
  }

  /** A query with NaN has no key above any other and so no candidate; row 0 then reports its NaN. */
  #fillMissing(count: number): void {
    const { rows, top } = this.#tiled;
    for (let i = 0; i < count * top; i += top) if (rows[i] === -1) rows[i] = 0;
  }

  #verify(queries: Float32Array, centred: Float32Array, count: number, into: Nearest): void {
    const { dims, rows: rowCount } = this.rows;
    const { keys, top } = this.#tiled;
    if (top === rowCount) return;
    for (let query = 0; query < count; query++) {
      let square = 0;
      for (let i = query * dims; i < (query + 1) * dims; i++) square += centred[i]! * centred[i]!;
      // Every row that is no candidate has a computed key of at most the last candidate's. A product of D terms errs by
      // at most about D roundings of |q||b| (Higham, Accuracy and Stability, eq. 3.5); twice that, and 16 for the rest.
      const spread = Math.sqrt(square) + this.#largestNorm;
      const error = 2 * (dims + 16) * FLOAT32_ROUNDING * spread * spread;
      const others = square - 2 * keys[(query + 1) * top - 1]! - error;
      const found = into.distances[(query + 1) * this.#nearest.k - 1]!;
      // The comparison leaves room for the found distance having been rounded to float32.
      if (!(others > found * found * (1 + 4 * FLOAT32_ROUNDING))) this.#compareWithAll(queries, query, into);
    }
  }

  #compareWithAll(queries: Float32Array, query: number, into: Nearest): void {
    const { k } = this.#nearest;
    this.#verifiedInFull++;
    nearestRows(this.rows, queries, [query], 1, Float64Array.of(Infinity), this.#all);
    for (let i = 0; i < k; i++) {
      // A query that holds NaN has no nearest row; its distance stays NaN.
      if (this.#all.ids[i]! < 0) return;
      into.ids[query * k + i] = this.#all.ids[i]!;
      into.distances[query * k + i] = Math.sqrt(this.#all.squared[i]!);
    }
  }
}

function tileOperands(
  runtime: OnnxRuntime,
  rows: Matrix,
  mean: Float64Array,
  tile: Tile,
): TileOperands & { readonly largestSquare: number } {
  const { dims, data } = rows;
  const { first, count } = tile;
  const transposed = new Float32Array(dims * count);
  const squares = new Float32Array(count);
  let largestSquare = 0;
  for (let row = 0; row < count; row++) {
    let sum = 0;
    for (let d = 0; d < dims; d++) {
      const value = Math.fround(data[(first + row) * dims + d]! - mean[d]!);
      transposed[d * count + row] = value;
      sum += value * value;
    }
    squares[row] = sum / 2;
    largestSquare = Math.max(largestSquare, sum);
  }
  return {
    first,
    count,
    largestSquare,
    rows: new runtime.Tensor("float32", transposed, [dims, count]),
    squares: new runtime.Tensor("float32", squares, [count]),
  };
}
