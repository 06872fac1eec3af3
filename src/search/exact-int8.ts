import { quantise } from "../patchcore/quantiser.ts";
import { loadOnnxRuntime, type OnnxRuntime } from "../shared/onnxruntime.ts";
import {
  candidatesOf,
  type Nearest,
  type NearestNeighbours,
  type QuantisedBank,
  type SearchOptions,
} from "./nearest-neighbours.ts";
import { checkQueries, NearestBuffer, Reranker } from "./rerank.ts";
import { UINT8_ZERO } from "./tile-graph.ts";
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
  #levels = new Int8Array(0);
  #operand = new Uint8Array(0);

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
    const tiled = await TiledSearch.open("int8", bank.rows.rows, candidates, options, (runtime, tile) =>
      tileOperands(runtime, bank, tile),
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

  #quantise(queries: Float32Array, count: number): Uint8Array {
    const size = count * this.#bank.rows.dims;
    if (this.#levels.length < size) {
      this.#levels = new Int8Array(size);
      this.#operand = new Uint8Array(size);
    }
    quantise(this.#bank.quantiser, queries, count, this.#levels);
    for (let i = 0; i < size; i++) this.#operand[i] = this.#levels[i]! + UINT8_ZERO;
    return this.#operand.subarray(0, size);
  }
}

function tileOperands(runtime: OnnxRuntime, bank: QuantisedBank, tile: Tile): TileOperands {
  const { dims } = bank.rows;
  const { first, count } = tile;
  const transposed = new Uint8Array(dims * count);
  const squares = new Int32Array(count);
  for (let row = 0; row < count; row++) {
    let sum = 0;
    for (let d = 0; d < dims; d++) {
      const level = bank.quantised[(first + row) * dims + d]!;
      transposed[d * count + row] = level + UINT8_ZERO;
      sum += level * level;
    }
    squares[row] = sum;
  }
  return {
    first,
    count,
    rows: new runtime.Tensor("uint8", transposed, [dims, count]),
    squares: new runtime.Tensor("int32", squares, [count]),
  };
}
