import { asMatrix, type Matrix } from "../patchcore/matrix.ts";
import { BugError, InputError } from "../shared/errors.ts";
import type { Nearest } from "./nearest-neighbours.ts";
import { RERANK_KERNEL } from "./rerank-kernel.ts";

/** WebAssembly's memory comes in such pages, at most so many. */
const PAGE_BYTES = 64 * 1024;
const MOST_PAGES = 65_536;
/** Queries of one call; their embeddings stay in the processor's first caches. */
const PORTION = 64;

/** What src/kernels/rerank.ts exports. */
interface Kernel {
  rank(
    queries: number,
    count: number,
    dims: number,
    rows: number,
    candidates: number,
    width: number,
    k: number,
    squared: number,
    ids: number,
  ): void;
}

const MODULE = new WebAssembly.Module(Buffer.from(RERANK_KERNEL, "base64"));

/**
 * A bank's rows where WebAssembly reads them, and the choice of the k nearest of each query's candidates by exact
 * differences in float64: what `Reranker` does, to the bit, in 70 % of the time. The rows are a copy; who keeps `rows`
 * instead of its own holds them once.
 */
export class RowKernel {
  readonly rows: Matrix;
  readonly #width: number;
  readonly #k: number;
  readonly #kernel: Kernel;
  readonly #at: {
    readonly queries: number;
    readonly candidates: number;
    readonly squared: number;
    readonly ids: number;
  };
  readonly #queries: Float32Array;
  readonly #candidates: Int32Array;
  readonly #squared: Float64Array;
  readonly #ids: Int32Array;

  /**
   * @param rows the memory bank [N, dims]
   * @param width candidates of a query, at least k
   * @throws InputError "bank-too-large" beyond the 4 GiB that WebAssembly reaches
   */
  constructor(rows: Matrix, width: number, k: number) {
    const { dims } = rows;
    this.#width = width;
    this.#k = k;
    let end = 0;
    const place = (bytes: number): number => {
      const start = end;
      end = Math.ceil((start + bytes) / 16) * 16;
      return start;
    };
    place(rows.data.byteLength);
    this.#at = {
      queries: place(PORTION * dims * Float32Array.BYTES_PER_ELEMENT),
      candidates: place(PORTION * width * Int32Array.BYTES_PER_ELEMENT),
      squared: place(PORTION * k * Float64Array.BYTES_PER_ELEMENT),
      ids: place(PORTION * k * Int32Array.BYTES_PER_ELEMENT),
    };
    const pages = Math.ceil(end / PAGE_BYTES);
    if (pages > MOST_PAGES) {
      const text = `Expected a memory bank below 4 GiB but its ${rows.rows} rows of ${dims} dimensions take ${rows.data.byteLength} bytes`;
      throw new InputError("bank-too-large", text);
    }
    const memory = new WebAssembly.Memory({ initial: pages });
    const { exports } = new WebAssembly.Instance(MODULE, { env: { memory } });
    this.#kernel = exports as unknown as Kernel;
    const { buffer } = memory;
    this.rows = asMatrix(new Float32Array(buffer, 0, rows.data.length), rows.rows, dims);
    this.rows.data.set(rows.data);
    this.#queries = new Float32Array(buffer, this.#at.queries, PORTION * dims);
    this.#candidates = new Int32Array(buffer, this.#at.candidates, PORTION * width);
    this.#squared = new Float64Array(buffer, this.#at.squared, PORTION * k);
    this.#ids = new Int32Array(buffer, this.#at.ids, PORTION * k);
  }

  /**
   * @param queries [count, dims]
   * @param candidates [count, width] row numbers, each once; −1 where a search found fewer
   * @param into takes the results; a distance is NaN where the query holds NaN
   * @throws BugError "no-candidate" when a query has none at all
   */
  rank(queries: Float32Array, candidates: Float32Array | Int32Array, count: number, into: Nearest): void {
    const k = this.#k;
    const width = this.#width;
    const at = this.#at;
    const { dims } = this.rows;
    for (let first = 0; first < count; first += PORTION) {
      const end = Math.min(count, first + PORTION);
      this.#queries.set(queries.subarray(first * dims, end * dims));
      this.#candidates.set(candidates.subarray(first * width, end * width));
      this.#kernel.rank(at.queries, end - first, dims, 0, at.candidates, width, k, at.squared, at.ids);
      for (let i = 0, to = first * k; to < end * k; i++, to++) {
        const id = this.#ids[i]!;
        if (id < 0 && i % k === 0) throw noCandidate(to / k);
        into.ids[to] = id;
        into.distances[to] = Math.sqrt(this.#squared[i]!);
      }
    }
  }
}

function noCandidate(query: number): BugError {
  return new BugError("no-candidate", `Expected a nearest row for query ${query} but the index gave none`);
}
