import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { greedyKCenter } from "../patchcore/coreset.ts";
import { coresetStart } from "../patchcore/coreset-start.ts";
import { asMatrix, type Matrix } from "../patchcore/matrix.ts";
import { projectionMatrix } from "../patchcore/projection.ts";
import { BugError } from "../shared/errors.ts";
import type { CoresetSetup, PickRequest } from "./coreset-protocol.ts";
import { readFloats } from "./float-file.ts";
import type { CentredProducts } from "../patchcore/pick-distances.ts";
import { openCentredProducts, openRowProducts } from "./row-products.ts";
import type { Multiplier, RowProducts } from "./row-products.ts";

/** Reads patch embeddings from the file, keeps their projections in memory and picks coresets among them. */
export class CoresetBuilder {
  readonly #setup: CoresetSetup;
  readonly #file: FileHandle;
  readonly #projection: Matrix | null;
  readonly #projector: Multiplier<RowProducts>;
  readonly #filter: Multiplier<CentredProducts>;
  readonly #outputs: number;
  readonly #image: Float32Array;
  readonly #data: Float32Array;
  #images = 0;

  private constructor(
    setup: CoresetSetup,
    file: FileHandle,
    projector: Multiplier<RowProducts>,
    filter: Multiplier<CentredProducts>,
  ) {
    const { capacity, patches, dims, projection, seed } = setup;
    this.#setup = setup;
    this.#file = file;
    this.#projector = projector;
    this.#filter = filter;
    this.#projection = projectionMatrix(projection, dims, capacity * patches, seed);
    this.#outputs = this.#projection?.rows ?? dims;
    this.#image = new Float32Array(patches * dims);
    this.#data = new Float32Array(capacity * patches * this.#outputs);
  }

  /** The process that opens it ends with it: nothing is closed here. */
  static async open(setup: CoresetSetup): Promise<CoresetBuilder> {
    const file = await open(setup.file, "r");
    // On one thread, one image at a time: the same product for the same image however many threads there are.
    const projector = await openRowProducts(1);
    return new CoresetBuilder(setup, file, projector, await openCentredProducts(setup.threads));
  }

  /** @param slot place of the next image's rows in the file */
  async add(slot: number): Promise<void> {
    const { patches, dims, capacity } = this.#setup;
    if (this.#images === capacity) {
      throw new BugError("coreset-capacity", `Expected at most ${capacity} images but received another`);
    }
    const image = this.#image;
    await readFloats(this.#file, slot * image.length, image);
    const at = this.#images * patches * this.#outputs;
    this.#images++;
    if (this.#projection === null) {
      this.#data.set(image, at);
      return;
    }
    const { data, rows } = this.#projection;
    this.#data.set(await this.#projector.products(image, patches, data, rows, dims), at);
  }

  /** @returns row numbers in the order of picking */
  async pick({ count, without }: PickRequest, onPick: (picked: number, count: number) => void): Promise<Int32Array> {
    const rows = this.#rowsWithout(without);
    const start = coresetStart(rows, this.#setup.start, this.#setup.seed);
    const { picks } = await greedyKCenter(rows, count, { products: this.#filter.products, start, onPick });
    if (without === null) return picks;
    const { patches } = this.#setup;
    const gap = (without.end - without.start) * patches;
    return picks.map((row) => (row < without.start * patches ? row : row + gap));
  }

  #rowsWithout(without: PickRequest["without"]): Matrix {
    const { patches } = this.#setup;
    const perImage = patches * this.#outputs;
    const all = this.#data.subarray(0, this.#images * perImage);
    if (without === null) return asMatrix(all, this.#images * patches, this.#outputs);
    const images = this.#images - (without.end - without.start);
    const data = new Float32Array(images * perImage);
    data.set(all.subarray(0, without.start * perImage));
    data.set(all.subarray(without.end * perImage), without.start * perImage);
    return asMatrix(data, images * patches, this.#outputs);
  }
}
