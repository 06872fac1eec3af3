import onnxProto, { type onnx } from "onnx-proto";
import type { InferenceSession, Tensor } from "onnxruntime-node";
import type { CentredProducts } from "../patchcore/pick-distances.ts";
import { BugError } from "../shared/errors.ts";
import { loadOnnxRuntime } from "../shared/onnxruntime.ts";

// A CommonJS package: at run time only its default export exists.
const { AttributeProto, ModelProto, TensorProto } = onnxProto.onnx;
const { INT, INTS } = AttributeProto.AttributeType;

const OPSET = 13;
const IR_VERSION = 7;

/** Multiplies matrices by ONNX Runtime. Whoever opens it closes it; calls must not overlap. */
export interface Multiplier<Products> {
  readonly products: Products;
  close(): Promise<void>;
}

/**
 * float32 a · bᵀ, [aRows, bRows].
 *
 * @param a [aRows, dims]
 * @param b [bRows, dims]
 */
export type RowProducts = (
  a: Float32Array,
  aRows: number,
  b: Float32Array,
  bRows: number,
  dims: number,
) => Promise<Float32Array>;

/** @param threads of the product; with one, equal inputs of equal shape give equal bits */
export async function openRowProducts(threads: number): Promise<Multiplier<RowProducts>> {
  const { Tensor } = await loadOnnxRuntime();
  const session = await openSession(threads, ["a", "b"], [GEMM(["a", "b"])]);
  return {
    products: async (a, aRows, b, bRows, dims) => {
      const feeds = { a: new Tensor("float32", a, [aRows, dims]), b: new Tensor("float32", b, [bRows, dims]) };
      return numbers((await session.run(feeds))["products"]);
    },
    close: () => session.release(),
  };
}

/** @param threads of the product */
export async function openCentredProducts(threads: number): Promise<Multiplier<CentredProducts>> {
  const { Tensor } = await loadOnnxRuntime();
  const session = await openSession(
    threads,
    ["a", "centre", "b", "offsets"],
    [
      { opType: "Sub", name: "centred", input: ["a", "centre"], output: ["centred"] },
      GEMM(["centred", "b", "offsets"]),
      {
        opType: "ReduceMax",
        name: "largest",
        input: ["products"],
        output: ["largest"],
        attribute: [
          { name: "axes", type: INTS, ints: [1] },
          { name: "keepdims", type: INT, i: 0 },
        ],
      },
    ],
  );
  return {
    products: async (a, aRows, centre, b, bRows, offsets) => {
      const dims = centre.length;
      const found = await session.run({
        a: new Tensor("float32", a, [aRows, dims]),
        centre: new Tensor("float32", centre, [dims]),
        b: new Tensor("float32", b, [bRows, dims]),
        offsets: new Tensor("float32", offsets, [bRows]),
      });
      return { products: numbers(found["products"]), largest: numbers(found["largest"]) };
    },
    close: () => session.release(),
  };
}

const GEMM = (input: string[]): onnx.INodeProto => ({
  opType: "Gemm",
  name: "products",
  input,
  output: ["products"],
  attribute: [{ name: "transB", type: INT, i: 1 }],
});

function numbers(tensor: Tensor | undefined): Float32Array {
  if (tensor?.data instanceof Float32Array) return tensor.data;
  throw new BugError("row-products", `Expected float32 products of rows but received ${tensor?.type ?? "nothing"}`);
}

/** A session of these nodes between float32 tensors; its outputs are what the nodes `products` and `largest` give. */
async function openSession(threads: number, inputs: string[], node: onnx.INodeProto[]): Promise<InferenceSession> {
  const { InferenceSession } = await loadOnnxRuntime();
  const value = (name: string) => ({ name, type: { tensorType: { elemType: TensorProto.DataType.FLOAT } } });
  const outputs = node.map(({ name }) => name ?? "").filter((name) => name === "products" || name === "largest");
  const model = ModelProto.create({
    irVersion: IR_VERSION,
    opsetImport: [{ domain: "", version: OPSET }],
    producerName: "nominald",
    graph: { name: "row-products", node, input: inputs.map(value), output: outputs.map(value) },
  });
  return await InferenceSession.create(ModelProto.encode(model).finish(), {
    executionProviders: ["cpu"],
    executionMode: "sequential",
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    extra: { session: { intra_op: { allow_spinning: "0" } } },
  });
}
