import onnxProto, { type onnx } from "onnx-proto";
import { InputError, reasonOf } from "../shared/errors.ts";
import { embeddingOutput, frameHead, frameInput } from "./graph-head.ts";
import { embeddingDims, embeddingTail, type EmbeddingRecipe } from "./graph-tail.ts";
import type { BackboneManifest, BackboneOutput } from "./manifest.ts";
import { neededNodes, prefixValues, usesExternalData } from "./graph-walk.ts";

/** Name of the composed graph's input: uint8 [N, H, W, 3], RGB. */
export const FRAMES = "frames";
/** Name of the composed graph's output: float32 [N, rows, cols, dims]. */
export const EMBEDDING = "embedding";

/** Resize has its half_pixel mode since opset 11. */
const OLDEST_OPSET = 11;
/** Initialisers need not be listed as inputs since IR version 4. */
const OLDEST_IR = 4;
/** The backbone's values get this prefix, so that no name of ours meets one of theirs. */
const PREFIX = "backbone/";

export interface ComposedGraph {
  /** A complete ONNX model. */
  readonly model: Uint8Array;
  /** Dimensions of a patch embedding. */
  readonly dims: number;
  /** Pixels per cell of the patch grid: the first layer's stride. */
  readonly stride: number;
}

/** @throws InputError "bad-model" when the bytes are no ONNX model */
export function decodeModel(model: Uint8Array): onnx.ModelProto {
  try {
    return onnxProto.onnx.ModelProto.decode(model);
  } catch (error) {
    throw new InputError("bad-model", `Expected an ONNX model but ${reasonOf(error)}`, { cause: error });
  }
}

/** @returns the version of the default ONNX domain, 0 when the model names none */
export function opsetOf(model: onnx.IModelProto): number {
  const own = (model.opsetImport ?? []).find((one) => (one.domain ?? "") === "" || one.domain === "ai.onnx");
  return Number(own?.version ?? 0);
}

/**
 * Joins frame preparation, backbone and patch embedding into one graph, so that a frame costs one session run:
 * uint8 [N, H, W, 3] → (x − mean) / std as NCHW → backbone, cut down to what the layers need → neighbourhood of each
 * layer → join → float32 [N, H / stride, W / stride, dims] (PatchCore, section 3.1, https://arxiv.org/abs/2106.08265).
 *
 * @param model the backbone's ONNX file
 * @throws InputError "bad-layers" or "bad-model"
 */
export function composeGraph(model: Uint8Array, manifest: BackboneManifest, recipe: EmbeddingRecipe): ComposedGraph {
  const context = { context: { backbone: manifest.name } };
  const outputs = chosenOutputs(manifest, recipe.layers);
  const decoded = decodeModel(model);
  const opset = opsetOf(decoded);
  if (opset < OLDEST_OPSET) {
    throw new InputError("bad-model", `Expected opset ${OLDEST_OPSET} or newer of the model but got ${opset}`, context);
  }
  const graph = decoded.graph ?? {};
  if (usesExternalData(graph)) {
    throw new InputError("bad-model", "Expected all weights inside the ONNX file but some lie in other files", context);
  }
  prefixValues(graph, PREFIX);
  const wanted = outputs.map((output) => PREFIX + output.name);
  const input = PREFIX + manifest.input.name;
  const needed = neededNodes(graph, wanted);
  const problem = problemOf(graph, needed.values, input, wanted);
  if (problem !== undefined) throw new InputError("bad-model", problem, context);
  const head = frameHead(FRAMES, input, manifest.input, opset);
  const maps = outputs.map((output) => ({ ...output, name: PREFIX + output.name }));
  const tail = embeddingTail(maps, recipe, EMBEDDING, opset);
  const stride = outputs[0]?.stride ?? 1;
  const dims = embeddingDims(outputs, recipe);
  const composed = onnxProto.onnx.ModelProto.encode({
    irVersion: Math.max(OLDEST_IR, Number(decoded.irVersion)),
    opsetImport: decoded.opsetImport,
    functions: decoded.functions,
    producerName: "nominald",
    graph: {
      name: `${manifest.name}-embedding`,
      node: [...head.nodes, ...needed.nodes, ...tail.nodes],
      initializer: [...head.constants, ...needed.initializers, ...tail.constants],
      sparseInitializer: [...needed.sparseInitializers],
      input: [frameInput(FRAMES)],
      output: [embeddingOutput(EMBEDDING, dims)],
    },
  });
  return { model: composed.finish(), dims, stride };
}

function chosenOutputs(manifest: BackboneManifest, layers: readonly string[]): readonly BackboneOutput[] {
  const context = { context: { backbone: manifest.name } };
  const known = manifest.outputs.map((output) => output.name).join(", ");
  if (layers.length === 0 || new Set(layers).size !== layers.length) {
    const text = `Expected one or more different layers of ${known} but got ${layers.join(", ") || "none"}`;
    throw new InputError("bad-layers", text, context);
  }
  const outputs = layers.map((layer) => {
    const output = manifest.outputs.find((one) => one.name === layer);
    if (output === undefined)
      throw new InputError("bad-layers", `Expected a layer of ${known} but got ${layer}`, context);
    return output;
  });
  const first = outputs[0]?.stride ?? 1;
  const unfit = outputs.find((output) => output.stride % first !== 0);
  if (unfit !== undefined) {
    const text = `Expected the shallowest layer first and strides that its stride ${first} divides but ${unfit.name} has stride ${unfit.stride}`;
    throw new InputError("bad-layers", text, context);
  }
  return outputs;
}

function problemOf(
  graph: onnx.IGraphProto,
  needed: ReadonlySet<string>,
  input: string,
  wanted: readonly string[],
): string | undefined {
  const given = new Set((graph.input ?? []).map((value) => value.name ?? ""));
  const constants = new Set((graph.initializer ?? []).map((tensor) => tensor.name ?? ""));
  const made = new Set((graph.node ?? []).flatMap((node) => node.output ?? []));
  const plain = (name: string): string => name.slice(PREFIX.length);
  const absent = wanted.filter((name) => !made.has(name));
  if (absent.length > 0)
    return `Expected the layers ${absent.map(plain).join(", ")} in the model but it does not compute them`;
  if (!given.has(input))
    return `Expected the input ${plain(input)} of the model but it has ${[...given].map(plain).join(", ") || "none"}`;
  const further = [...given].filter((name) => name !== input && needed.has(name) && !constants.has(name));
  if (further.length > 0)
    return `Expected ${plain(input)} to be the model's only input but the layers also need ${further.map(plain).join(", ")}`;
  return undefined;
}
