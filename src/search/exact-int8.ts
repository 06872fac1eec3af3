import type { InferenceSession } from "onnxruntime-node";
import type { Matrix } from "../patchcore/matrix.ts";
import { BugError, InputError } from "../shared/errors.ts";
import { loadOnnxRuntime, type OnnxRuntime } from "../shared/onnxruntime.ts";
import {
  candidatesOf,
  type Nearest,
  type BankIndex,
  type QuantisedBank,
  type SearchOptions,
} from "./nearest-neighbours.ts";
import { checkQueries, NearestBuffer } from "./rerank.ts";
import { RowKernel } from "./row-kernel.ts";
import { levelGraph, UINT8_ZERO, type LevelKind, type LevelTile } from "./tile-graph.ts";
import { numbers, openSession, tilesOf, type Tile } from "./tiles.ts";

/**
 * Rows of one tile: each costs a wake-up of the threads, and 1,600 queries × 4,096 keys of 4 bytes take 26 MB. Of 2,500 to
 * 16,000 rows tiles of 4,096 were quicker by 5 to 35 % than those of 1,024; 8,192 gain a few per cent more.
 */
const TILE_ROWS = 4096;

/**
 * Exact search over int8 levels, then the nearest by levels, two more than are wanted, re-ranked by the float32 rows.
 * The integers are exact; only quantisation can put the true nearest row below the third place.
 */
export class ExactInt8 implements BankIndex {
  readonly kind = "exact";
  readonly #runtime: OnnxRuntime;
  readonly #nearest: NearestBuffer;
  readonly #kernel: RowKernel;
  #session: InferenceSession | undefined;

  private constructor(kernel: RowKernel, k: number, runtime: OnnxRuntime, session: InferenceSession) {
    this.#nearest = new NearestBuffer(k);
    this.#kernel = kernel;
    this.#runtime = runtime;
    this.#session = session;
  }

  /** @throws InputError "bank-empty", "bank-too-large" */
  static async open(bank: QuantisedBank, options: SearchOptions): Promise<ExactInt8> {
    const { rows } = bank.rows;
    if (rows < 1) throw new InputError("bank-empty", "Expected at least one row of a memory bank but received none");
    const runtime = await loadOnnxRuntime();
    const kind = (await multipliesSigned(runtime)) ? "int8" : "uint8";
    const tiles = tilesOf(rows, TILE_ROWS).map((tile) => levelTile(bank, tile, kind));
    const { k, candidates } = candidatesOf(rows, options);
    // Before the session, which nobody would close when the rows do not fit.
    const kernel = new RowKernel(bank.rows, candidates, k);
    const graph = levelGraph(kind, bank.quantiser, tiles, candidates);
    return new ExactInt8(kernel, k, runtime, await openSession(runtime, graph, options));
  }

  get rows(): Matrix {
    return this.#kernel.rows;
  }

  async search(queries: Float32Array, count: number): Promise<Nearest> {
    const session = this.#session;
    if (session === undefined) throw new BugError("search-closed", "Expected a search before close but it came after");
    const { dims } = this.rows;
    checkQueries(queries, count, dims);
    const into = this.#nearest.take(count);
    if (count === 0) return into;
    const operand = new this.#runtime.Tensor("float32", queries.subarray(0, count * dims), [count, dims]);
    const { rows } = await session.run({ queries: operand }, ["rows"]);
    this.#kernel.rank(queries, numbers(rows), count, into);
    return into;
  }

  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.release();
  }
}

function levelTile(bank: QuantisedBank, { first, count }: Tile, kind: LevelKind): LevelTile {
  const { dims } = bank.rows;
  const rows = new Uint8Array(dims * count);
  const squares = new Int32Array(count);
  const zero = kind === "uint8" ? UINT8_ZERO : 0;
  for (let row = 0; row < count; row++) {
    let sum = 0;
    for (let d = 0; d < dims; d++) {
      const level = bank.quantised[(first + row) * dims + d]!;
      rows[d * count + row] = level ^ zero;
      sum += level * level;
    }
    squares[row] = Math.ceil(sum / 2);
  }
  return { first, count, rows, squares };
}

/**
 * Whether this machine multiplies uint8 by int8 exactly: found by a product that saturates where the processor adds two
 * of them in 16 bits. Queries at level 127 are multiplied as 255: 255 · 127 · 64 is 2,072,640; with saturation every pair
 * ends at 32,767.
 */
async function multipliesSigned(runtime: OnnxRuntime): Promise<boolean> {
  const dims = 64;
  const level = 127;
  const count = 16;
  const rows = new Uint8Array(dims * count).fill(level);
  const tile = { first: 0, count, rows, squares: new Int32Array(count) };
  const session = await openSession(
    runtime,
    levelGraph("int8", { mean: new Float32Array(dims), scale: 1 }, [tile], 1),
    { threads: 1 },
  );
  try {
    const queries = new runtime.Tensor("float32", new Float32Array(count * dims).fill(level), [count, dims]);
    const { keys } = await session.run({ queries }, ["keys"]);
    return numbers(keys).every((key) => key === level * level * dims);
  } finally {
    await session.release();
  }
}
