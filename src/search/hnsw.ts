import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import type { Index, Matches } from "usearch";
import type { Matrix } from "../patchcore/matrix.ts";
import { quantise, type Quantiser } from "../patchcore/quantiser.ts";
import { BugError, InputError } from "../shared/errors.ts";
import {
  candidatesOf,
  type Nearest,
  type BankIndex,
  type QuantisedBank,
  type SearchOptions,
} from "./nearest-neighbours.ts";
import { checkQueries, NearestBuffer } from "./rerank.ts";
import { RowKernel } from "./row-kernel.ts";

/** The graph's parameters (Malkov and Yashunin, arXiv 1603.09320): M, efConstruction and ef. */
export interface HnswParameters {
  readonly connectivity: number;
  readonly expansionAdd: number;
  /** Textures want 128. */
  readonly expansionSearch: number;
}

export const DEFAULT_HNSW = {
  connectivity: 16,
  expansionAdd: 128,
  expansionSearch: 64,
} as const satisfies HnswParameters;

/** Rows that are looked up when a graph is opened, and the share of them that search has to find; it finds a few not. */
const CHECKED_ROWS = 256;
const LEAST_FOUND = 0.9;
/** Rows that are added between two reports of progress. */
const ADD_BATCH = 256;

/**
 * Builds the graph over a bank's levels and serialises it. The same levels give the same bytes: rows are added in their
 * order by one thread, since usearch loses rows when several add.
 *
 * @param quantised [rows, dims]
 * @param onProgress told how many rows are in; waited for
 * @returns the graph as usearch writes it, levels included
 */
export async function buildHnsw(
  quantised: Int8Array,
  dims: number,
  parameters: HnswParameters,
  onProgress: (done: number, total: number) => unknown = () => undefined,
): Promise<Uint8Array> {
  const total = quantised.length / dims;
  if (total === 0) throw new InputError("bank-empty", "Expected at least one row of a memory bank but received none");
  const index = await createIndex(dims, parameters);
  for (let first = 0; first < total; first += ADD_BATCH) {
    const count = Math.min(ADD_BATCH, total - first);
    const keys = BigUint64Array.from({ length: count }, (_, i) => BigInt(first + i));
    index.add(keys, asLevels(quantised.slice(first * dims, (first + count) * dims)), 1);
    await onProgress(first + count, total);
  }
  if (index.size() !== total) {
    throw new BugError("hnsw-build", `Expected ${total} rows in a graph but it holds ${index.size()}`);
  }
  return await inScratchFile(async (path) => {
    index.save(path);
    return await readFile(path);
  });
}

/** Approximate search in a graph over int8 levels, then the nearest, two more than are wanted, re-ranked by the float32 rows. */
export class Hnsw implements BankIndex {
  readonly kind = "hnsw";
  readonly #quantiser: Quantiser;
  readonly #threads: number;
  readonly #width: number;
  readonly #nearest: NearestBuffer;
  readonly #kernel: RowKernel;
  #index: Index | undefined;
  #levels = new Int8Array(0);
  #candidates = new Int32Array(0);

  private constructor(bank: QuantisedBank, index: Index, options: SearchOptions) {
    const { k, candidates } = candidatesOf(bank.rows.rows, options);
    this.#quantiser = bank.quantiser;
    this.#index = index;
    // usearch prepares a loaded graph for as many threads as the machine has cores, and refuses more.
    this.#threads = Math.min(options.threads, availableParallelism());
    this.#width = candidates;
    this.#nearest = new NearestBuffer(k);
    this.#kernel = new RowKernel(bank.rows, candidates, k);
  }

  /**
   * @param graph what `buildHnsw` gave, for exactly this bank's levels. The caller has checked its length and SHA-256:
   *   usearch ends the process when it loads damaged bytes
   * @param parameters as at the building
   * @throws InputError "hnsw-mismatch" when the graph is of another bank
   */
  static async open(
    bank: QuantisedBank,
    graph: Uint8Array,
    parameters: HnswParameters,
    options: SearchOptions,
  ): Promise<Hnsw> {
    const { rows, dims } = bank.rows;
    const index = await createIndex(dims, parameters);
    await inScratchFile(async (path) => {
      await writeFile(path, graph);
      index.load(path);
    });
    if (index.size() !== rows || Number(index.dimensions()) !== dims) {
      throw new InputError(
        "hnsw-mismatch",
        `Expected a graph of ${rows} × ${dims} but it holds ${index.size()} × ${index.dimensions()}`,
      );
    }
    checkRows(index, bank);
    return new Hnsw(bank, index, options);
  }

  get rows(): Matrix {
    return this.#kernel.rows;
  }

  async search(queries: Float32Array, count: number): Promise<Nearest> {
    if (this.#index === undefined)
      throw new BugError("search-closed", "Expected a search before close but it came after");
    const { dims } = this.rows;
    checkQueries(queries, count, dims);
    const into = this.#nearest.take(count);
    if (count === 0) return into;
    if (this.#levels.length !== count * dims) {
      this.#levels = asLevels(new Int8Array(count * dims));
      this.#candidates = new Int32Array(count * this.#width);
    }
    quantise(this.#quantiser, queries, count, this.#levels);
    // Its types promise `Matches`, but for several queries in one flat array a `BatchMatches` comes.
    const result: Matches & { readonly counts?: BigUint64Array } = this.#index.search(
      this.#levels,
      this.#width,
      this.#threads,
    );
    this.#collect(result.keys, result.counts, count);
    this.#kernel.rank(queries, this.#candidates, count, into);
    return into;
  }

  async close(): Promise<void> {
    // usearch has no explicit end; the collector frees the graph once nothing holds it.
    this.#index = undefined;
  }

  /**
   * A missing hit is key 0 with distance NaN, which looks like row 0; only the count of hits tells. For a single query
   * usearch returns no counts but as many keys as it found.
   */
  #collect(keys: BigUint64Array, counts: BigUint64Array | undefined, count: number): void {
    const width = this.#width;
    const rows = lowWords(keys);
    const founds = counts === undefined ? null : lowWords(counts);
    this.#candidates.fill(-1);
    for (let query = 0; query < count; query++) {
      const found = founds === null ? keys.length : founds[2 * query]!;
      for (let i = query * width; i < query * width + found; i++) this.#candidates[i] = rows[2 * i]!;
    }
  }
}

/**
 * 64-bit numbers as pairs of 32 bits, the lower first on the little-endian machines that nominald runs on: reading them
 * as they are would make a BigInt of each. Rows and counts of a bank fit the lower one.
 */
function lowWords(numbers: BigUint64Array): Uint32Array {
  return new Uint32Array(numbers.buffer, numbers.byteOffset, 2 * numbers.length);
}

/**
 * A graph of as many other rows leads to the wrong rows in silence: image scores are verified and stay right, maps do not. So
 * rows of the bank are looked up; nearly all have to be found where they are, at distance 0.
 *
 * @throws InputError "hnsw-mismatch"
 */
function checkRows(index: Index, { rows: { rows, dims }, quantised }: QuantisedBank): void {
  const count = Math.min(rows, CHECKED_ROWS);
  const sample = new Int8Array(count * dims);
  for (let at = 0; at < count; at++) {
    const row = Math.floor((at * rows) / count);
    sample.set(quantised.subarray(row * dims, (row + 1) * dims), at * dims);
  }
  const { distances } = index.search(asLevels(sample), 1, 1);
  const found = distances.reduce((sum, distance) => sum + (distance === 0 ? 1 : 0), 0);
  if (found >= LEAST_FOUND * count) return;
  throw new InputError(
    "hnsw-mismatch",
    `Expected a graph over the rows of this bank but ${found} of ${count} rows that were looked up are in it`,
  );
}

/** usearch is loaded only where a graph is used: it is one more native library that could fail. */
async function createIndex(dims: number, parameters: HnswParameters): Promise<Index> {
  const { Index, MetricKind, ScalarKind } = await import("usearch");
  return new Index({
    dimensions: dims,
    metric: MetricKind.L2sq,
    quantization: ScalarKind.I8,
    connectivity: parameters.connectivity,
    expansion_add: parameters.expansionAdd,
    expansion_search: parameters.expansionSearch,
    multi: false,
  });
}

/**
 * usearch copies every vector into a Float32Array, unless the array's constructor is that already, and scales float32
 * vectors to unit length when it stores int8: distances would be wrong. Levels that claim to be float32 reach the
 * native code, which looks at the real type, as they are.
 */
function asLevels(levels: Int8Array<ArrayBuffer>): Int8Array<ArrayBuffer> {
  return Object.defineProperty(levels, "constructor", { value: Float32Array });
}

/** usearch reads and writes files only. */
async function inScratchFile<T>(use: (path: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "nominald-hnsw-"));
  try {
    return await use(join(folder, "graph.usearch"));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
