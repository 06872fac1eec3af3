import { greedyKCenter } from "../patchcore/coreset.ts";
import { asMatrix } from "../patchcore/matrix.ts";
import { gaussianProjection, project } from "../patchcore/projection.ts";
import type { Projection } from "../patchcore/projection.ts";
import { BugError } from "../shared/errors.ts";
import type { CoresetStart } from "./coreset-protocol.ts";

/** Gathers patch embeddings, projected at once so that only the projections stay in memory, and picks the coreset. */
export class CoresetBuilder {
  readonly #dims: number;
  readonly #outputs: number;
  readonly #projection: Projection | null;
  readonly #data: Float32Array;
  #rows = 0;

  constructor({ capacity, dims, projectionDims, seed }: CoresetStart) {
    // Projecting to as many dimensions or more would only add noise to the distances.
    const projects = projectionDims > 0 && projectionDims < dims;
    this.#dims = dims;
    this.#outputs = projects ? projectionDims : dims;
    this.#projection = projects ? gaussianProjection(dims, projectionDims, seed) : null;
    this.#data = new Float32Array(capacity * this.#outputs);
  }

  /** @param rows [n, dims] */
  add(rows: Float32Array): void {
    const matrix = asMatrix(rows, rows.length / this.#dims, this.#dims);
    const start = this.#rows * this.#outputs;
    const end = start + matrix.rows * this.#outputs;
    if (end > this.#data.length) {
      const capacity = this.#data.length / this.#outputs;
      throw new BugError(
        "coreset-capacity",
        `Expected at most ${capacity} rows but received ${this.#rows + matrix.rows}`,
      );
    }
    if (this.#projection === null) this.#data.set(rows, start);
    else project(this.#projection, matrix, this.#data.subarray(start, end));
    this.#rows += matrix.rows;
  }

  /** @returns row numbers in the order of picking */
  pick(count: number, onPick: (picked: number, count: number) => void): Int32Array {
    const data = this.#data.subarray(0, this.#rows * this.#outputs);
    return greedyKCenter(asMatrix(data, this.#rows, this.#outputs), count, { onPick }).picks;
  }
}
