import type { InferenceSession, Tensor } from "onnxruntime-node";
import { loadOnnxRuntime, type OnnxRuntime } from "../shared/onnxruntime.ts";
import { BugError, InputError } from "../shared/errors.ts";
import type { SearchOptions } from "./nearest-neighbours.ts";
import { tileGraph } from "./tile-graph.ts";

/**
 * Rows of one tile of a search in float32. 1,600 queries × 1,024 keys of 4 bytes are 6.5 MB, near to what the caches hold;
 * tiles of 512 to 4,096 rows were equally fast within the noise and 8,192 were slower.
 */
const TILE_ROWS = 1024;

/** Rows that are multiplied in one run. */
export interface Tile {
  readonly first: number;
  readonly count: number;
}

/**
 * Cuts the rows into tiles of nearly equal size, so that no tile is left with fewer rows than are asked for.
 *
 * @param most rows of one tile
 */
export function tilesOf(rows: number, most: number): readonly Tile[] {
  const tiles = Math.ceil(rows / most);
  return Array.from({ length: tiles }, (_, i) => {
    const first = Math.floor((i * rows) / tiles);
    return { first, count: Math.floor(((i + 1) * rows) / tiles) - first };
  });
}

/** Opens one of the graphs of tile-graph.ts. */
export async function openSession(
  runtime: OnnxRuntime,
  graph: Uint8Array,
  { threads, spinning }: SearchOptions,
): Promise<InferenceSession> {
  return await runtime.InferenceSession.create(graph, {
    executionProviders: ["cpu"],
    graphOptimizationLevel: "all",
    executionMode: "sequential",
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    extra: { session: { intra_op: { allow_spinning: spinning === true ? "1" : "0" } } },
  });
}

/** The operands of one tile, ready for the graph of `tileGraph`. */
export interface TileOperands extends Tile {
  /** [dims, count] */
  readonly rows: Tensor;
  /** [count] */
  readonly squares: Tensor;
}

/**
 * The best rows of all tiles for each query. One small session does the multiplying and is fed tile after tile, so that
 * memory stays at one tile of keys however large the bank is.
 */
export class TiledSearch {
  /** Candidates a query: what was asked for, or all rows of a smaller bank. */
  readonly top: number;
  /** Keys of the candidates, [count, top], largest first. */
  keys: Float64Array;
  /** Rows of the candidates, [count, top]; of equal keys the lower row first. */
  rows: Int32Array;
  readonly #session: InferenceSession;
  readonly #tiles: readonly TileOperands[];
  #closed = false;

  private constructor(top: number, session: InferenceSession, tiles: readonly TileOperands[]) {
    this.top = top;
    this.#session = session;
    this.#tiles = tiles;
    this.keys = new Float64Array(0);
    this.rows = new Int32Array(0);
  }

  /**
   * @param rowCount rows of the bank, ≥ 1
   * @param operands makes the tensors of one tile
   */
  static async open(
    rowCount: number,
    top: number,
    options: SearchOptions,
    operands: (runtime: OnnxRuntime, tile: Tile) => TileOperands,
  ): Promise<TiledSearch> {
    if (rowCount < 1)
      throw new InputError("bank-empty", "Expected at least one row of a memory bank but received none");
    const runtime = await loadOnnxRuntime();
    const kept = Math.min(top, rowCount);
    const session = await openSession(runtime, tileGraph(kept), options);
    const tiles = tilesOf(rowCount, TILE_ROWS).map((tile) => operands(runtime, tile));
    return new TiledSearch(kept, session, tiles);
  }

  /**
   * Fills `keys` and `rows` for the queries.
   *
   * @param queries [count, dims]
   */
  async run(queries: Tensor, count: number): Promise<void> {
    if (this.#closed) throw new BugError("search-closed", "Expected a search before close but it came after");
    const size = count * this.top;
    if (this.keys.length < size) {
      this.keys = new Float64Array(size);
      this.rows = new Int32Array(size);
    }
    this.keys.fill(-Infinity, 0, size);
    this.rows.fill(-1, 0, size);
    for (const tile of this.#tiles) {
      const result = await this.#session.run({ queries, rows: tile.rows, squares: tile.squares });
      this.#merge(numbers(result["keys"]), numbers(result["places"]), tile.first, count);
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#session.release();
  }

  /** Merges two descending lists a query. Tiles come in ascending order, so only a larger key may overtake. */
  #merge(keys: Float32Array | Int32Array, places: Float32Array | Int32Array, first: number, count: number): void {
    const { top } = this;
    for (let start = 0; start < count * top; start += top) {
      for (let i = start; i < start + top; i++) {
        const key = keys[i]!;
        if (!(key > this.keys[start + top - 1]!)) break;
        let at = start + top - 1;
        for (; at > start && key > this.keys[at - 1]!; at--) {
          this.keys[at] = this.keys[at - 1]!;
          this.rows[at] = this.rows[at - 1]!;
        }
        this.keys[at] = key;
        this.rows[at] = first + places[i]!;
      }
    }
  }
}

/** @returns the values of an output of a search */
export function numbers(tensor: Tensor | undefined): Float32Array | Int32Array {
  const data = tensor?.data;
  if (data instanceof Float32Array || data instanceof Int32Array) return data;
  throw new BugError("search-output", `Expected keys and places of a search but received ${tensor?.type ?? "nothing"}`);
}
