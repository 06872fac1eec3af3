import type { InferenceSession, Tensor } from "onnxruntime-node";
import { BugError, DeviceError, InputError, reasonOf } from "../shared/errors.ts";
import { loadOnnxRuntime, type OnnxRuntime } from "../shared/onnxruntime.ts";
import { composeGraph, EMBEDDING, FRAMES, type ComposedGraph } from "./compose.ts";
import type { EmbeddingRecipe } from "./graph-tail.ts";
import type { BackboneManifest } from "./manifest.ts";

export type Provider = "cpu" | "cuda" | "tensorrt";

export interface EmbeddingOptions extends EmbeddingRecipe {
  /** The backbone's ONNX file. */
  readonly model: Uint8Array;
  readonly manifest: BackboneManifest;
  readonly threads: number;
  /** ONNX Runtime's busy waiting: less latency, more CPU. */
  readonly spinning: boolean;
  readonly provider: Provider;
}

/** Patch embeddings of `count` frames: `data.length === count * rows * cols * dims`, patches in raster order. */
export interface Embedding {
  readonly data: Float32Array;
  readonly count: number;
  readonly rows: number;
  readonly cols: number;
  readonly dims: number;
}

/** Only errors: what ONNX Runtime warns of is nothing that an operator can change. */
const LOG_ERRORS_ONLY = 3;

/**
 * One ONNX Runtime session that turns frames into patch embeddings. `create` and `embed` block the thread that they
 * are called on, so this belongs into a process of its own. Calls must not overlap. Whoever creates it closes it.
 */
export class EmbeddingSession {
  /** The execution provider that runs the whole graph; there is no silent falling back to another. */
  readonly provider: Provider;
  /** Dimensions of a patch embedding. */
  readonly dims: number;
  /** Pixels per cell of the patch grid. */
  readonly stride: number;
  readonly #runtime: OnnxRuntime;
  readonly #manifest: BackboneManifest;
  #session: InferenceSession | undefined;

  private constructor(
    runtime: OnnxRuntime,
    session: InferenceSession,
    graph: ComposedGraph,
    options: EmbeddingOptions,
  ) {
    this.provider = options.provider;
    this.dims = graph.dims;
    this.stride = graph.stride;
    this.#runtime = runtime;
    this.#manifest = options.manifest;
    this.#session = session;
  }

  /**
   * @throws InputError "bad-layers" or "bad-model" when backbone and layers do not fit
   * @throws DeviceError "provider-unavailable" when this machine cannot run the graph on `provider`
   */
  static async create(options: EmbeddingOptions): Promise<EmbeddingSession> {
    const graph = composeGraph(options.model, options.manifest, options);
    const runtime = await loadOnnxRuntime();
    const session = await createSession(runtime, graph.model, options);
    return new EmbeddingSession(runtime, session, graph, options);
  }

  /**
   * @param images uint8 [count, height, width, 3], RGB
   * @returns float32 [count, rows, cols, dims]; the array is the caller's own
   * @throws InputError "bad-frame-size" unless height and width are multiples of the backbone's `input.multiple`
   */
  async embed(images: Uint8Array, count: number, height: number, width: number): Promise<Embedding> {
    const session = this.#session;
    if (session === undefined)
      throw new BugError("session-closed", "Expected an open embedding session but it is closed");
    this.#checkData(images, count, height, width);
    const feeds = { [FRAMES]: new this.#runtime.Tensor("uint8", images, [count, height, width, 3]) };
    let found: Tensor | undefined;
    try {
      found = (await session.run(feeds))[EMBEDDING];
    } catch (error) {
      // The graph came from a file that was given to us; ours is only what lies around it.
      const text = `Expected backbone ${this.#manifest.name} to run on [${count}, ${height}, ${width}, 3] but ${reasonOf(error)}`;
      throw new InputError("backbone-failed", text, { cause: error });
    }
    return this.#embeddingOf(found, count, height, width);
  }

  /** Frees the session; further calls do nothing. */
  async close(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.release();
  }

  /** @throws InputError "bad-frame-size" unless height and width are multiples of the backbone's `input.multiple` */
  checkSize({ width, height }: { readonly width: number; readonly height: number }): void {
    const { multiple } = this.#manifest.input;
    const fits = [height, width].every((side) => Number.isInteger(side) && side > 0 && side % multiple === 0);
    if (fits) return;
    const text = `Expected frames whose height and width are multiples of ${multiple} but got ${height} × ${width} (height × width)`;
    throw new InputError("bad-frame-size", text, { context: { backbone: this.#manifest.name } });
  }

  #checkData(images: Uint8Array, count: number, height: number, width: number): void {
    this.checkSize({ width, height });
    const expected = count * height * width * 3;
    if (images.length !== expected) {
      const text = `Expected ${expected} bytes for ${count} RGB frames of ${height} × ${width} (height × width) but got ${images.length}`;
      throw new BugError("bad-frame-length", text);
    }
  }

  #embeddingOf(found: Tensor | undefined, count: number, height: number, width: number): Embedding {
    const expected = [count, height / this.stride, width / this.stride, this.dims];
    const [, rows = 0, cols = 0] = expected;
    const data = found?.data;
    if (!(data instanceof Float32Array) || found?.dims.join() !== expected.join()) {
      const actual = `${found?.type ?? "nothing"} [${(found?.dims ?? []).join(", ")}]`;
      const text = `Expected patch embeddings float32 [${expected.join(", ")}] as the manifest of backbone ${this.#manifest.name} says but got ${actual}`;
      throw new InputError("backbone-unlike-manifest", text);
    }
    return { data, count, rows, cols, dims: this.dims };
  }
}

async function createSession(
  runtime: OnnxRuntime,
  model: Uint8Array,
  options: EmbeddingOptions,
): Promise<InferenceSession> {
  const { provider, manifest } = options;
  try {
    return await runtime.InferenceSession.create(model, {
      executionProviders: [provider],
      graphOptimizationLevel: "all",
      executionMode: "sequential",
      intraOpNumThreads: options.threads,
      interOpNumThreads: 1,
      logSeverityLevel: LOG_ERRORS_ONLY,
      extra: {
        session: {
          intra_op: { allow_spinning: options.spinning ? "1" : "0" },
          // With this a GPU session either runs on the GPU as a whole or is not made.
          ...(provider === "cpu" ? {} : { disable_cpu_ep_fallback: "1" }),
        },
      },
    });
  } catch (error) {
    const context = { backbone: manifest.name, provider };
    if (provider === "cpu") {
      const text = `Expected an ONNX model that ONNX Runtime can load but ${reasonOf(error)}`;
      throw new InputError("bad-model", text, { cause: error, context });
    }
    const text = `Expected the execution provider ${provider} to run the backbone on this machine but ${reasonOf(error)}; set it up, or choose provider cpu`;
    throw new DeviceError("provider-unavailable", text, { cause: error, context });
  }
}
