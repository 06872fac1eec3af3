import { loadOnnxRuntime, type OnnxRuntime } from "../shared/onnxruntime.ts";
import {
  candidatesOf,
  type Nearest,
  type NearestNeighbours,
  type QuantisedBank,
  type SearchOptions,
} from "./nearest-neighbours.ts";
import { checkQueries, NearestBuffer, Reranker } from "./rerank.ts";
import { UINT8_ZERO, type TileKind } from "./tile-graph.ts";
import { TiledSearch, type Tile, type TileOperands } from "./tiles.ts";

/**
 * Exact search over int8 levels, then the nearest by levels, two more than are wanted, re-ranked by the float32 rows.
 * The integers are exact; only quantisation can put the true nearest row below the third place.
 */
export class ExactInt8 implements NearestNeighbours {
  readonly kind = "exact";
  readonly #bank: QuantisedBank;
  readonly #runtime: OnnxRuntime;
  readonly #tiled: TiledSearch;
  readonly #nearest: NearestBuffer;
  readonly #reranker: Reranker;
  #levels = new Uint8ClampedArray(0);

  private constructor(bank: QuantisedBank, runtime: OnnxRuntime, tiled: TiledSearch, k: number) {
    this.#bank = bank;
    this.#nearest = new NearestBuffer(k);
    this.#reranker = new Reranker(bank.rows, tiled.top, k);
    this.#runtime = runtime;
    this.#tiled = tiled;
  }

  /** @throws InputError "bank-empty" */
  static async open(bank: QuantisedBank, options: SearchOptions): Promise<ExactInt8> {
    const { k, candidates } = candidatesOf(bank.rows.rows, options);
    const kind = (await multipliesSigned()) ? "int8" : "uint8";
    const tiled = await TiledSearch.open(kind, bank.rows.rows, candidates, options, (runtime, tile) =>
      tileOperands(runtime, bank, tile, kind),
    );
    return new ExactInt8(bank, await loadOnnxRuntime(), tiled, k);
  }

  async search(queries: Float32Array, count: number): Promise<Nearest> {
    const { dims } = this.#bank.rows;
    checkQueries(queries, count, dims);
    const into = this.#nearest.take(count);
    if (count === 0) return into;
    const operand = this.#quantise(queries, count);
    await this.#tiled.run(new this.#runtime.Tensor("uint8", operand, [count, dims]), count);
    this.#reranker.run(queries, this.#tiled.rows, count, into);
    return into;
  }

  close(): Promise<void> {
    return this.#tiled.close();
  }

  /**
   * The queries as levels + 128. Stores into a clamped array round and clip by themselves, twice as fast as
   * `quantise`; they differ from it where a value lies exactly between two levels, and at −128, which it leaves out.
   * A candidate is none the worse for it.
   */
  #quantise(queries: Float32Array, count: number): Uint8Array {
    const { mean, scale } = this.#bank.quantiser;
    const dims = mean.length;
    const size = count * dims;
    if (this.#levels.length < size) this.#levels = new Uint8ClampedArray(size);
    const levels = this.#levels;
    for (let query = 0, at = 0; query < count; query++) {
      for (let d = 0; d < dims; d++, at++) levels[at] = (queries[at]! - mean[d]!) * scale + UINT8_ZERO;
    }
    return new Uint8Array(levels.buffer, 0, size);
  }
}

function tileOperands(runtime: OnnxRuntime, bank: QuantisedBank, tile: Tile, kind: TileKind): TileOperands {
  const { dims } = bank.rows;
  const { first, count } = tile;
  const transposed = new Int8Array(dims * count);
  const squares = new Int32Array(count);
  const zero = kind === "uint8" ? UINT8_ZERO : 0;
  for (let row = 0; row < count; row++) {
    let sum = 0;
    for (let d = 0; d < dims; d++) {
      const level = bank.quantised[(first + row) * dims + d]!;
      transposed[d * count + row] = level ^ zero;
      sum += level * level;
    }
    squares[row] = Math.ceil(sum / 2);
  }
  const shape = [dims, count];
  const rows =
    kind === "uint8"
      ? new runtime.Tensor("uint8", new Uint8Array(transposed.buffer), shape)
      : new runtime.Tensor("int8", transposed, shape);
  return { first, count, rows, squares: new runtime.Tensor("int32", squares, [count]) };
}

/**
 * Whether this machine multiplies uint8 by int8 exactly: found by a product that saturates where the processor adds two
 * of them in 16 bits. 255 · 127 · 64 is 2,072,640; with saturation every pair ends at 32,767.
 */
async function multipliesSigned(): Promise<boolean> {
  const dims = 64;
  const level = 127;
  const probe = await TiledSearch.open("int8", 16, 1, { threads: 1 }, (runtime, { first, count }) => ({
    first,
    count,
    rows: new runtime.Tensor("int8", new Int8Array(dims * count).fill(level), [dims, count]),
    squares: new runtime.Tensor("int32", new Int32Array(count), [count]),
  }));
  try {
    const { Tensor } = await loadOnnxRuntime();
    const queries = 16;
    await probe.run(new Tensor("uint8", new Uint8Array(queries * dims).fill(255), [queries, dims]), queries);
    return probe.keys.subarray(0, queries).every((key) => key === (255 - UINT8_ZERO) * level * dims);
  } finally {
    await probe.close();
  }
}
