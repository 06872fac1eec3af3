import onnxProto from "onnx-proto";
import type { Tensor } from "onnxruntime-node";
import type { RowProducts } from "../patchcore/pick-distances.ts";
import { BugError } from "../shared/errors.ts";
import { loadOnnxRuntime } from "../shared/onnxruntime.ts";

// A CommonJS package: at run time only its default export exists.
const { AttributeProto, ModelProto, TensorProto } = onnxProto.onnx;
const { INT, INTS } = AttributeProto.AttributeType;

const OPSET = 13;
const IR_VERSION = 7;

/** Multiplies rows by ONNX Runtime. Whoever opens it closes it. */
export interface RowMultiplier {
  /** float32 a · bᵀ; calls must not overlap. */
  readonly products: RowProducts;
  close(): Promise<void>;
}

/** @param threads of the product; with one, equal inputs of equal shape give equal bits */
export async function openRowMultiplier(threads: number): Promise<RowMultiplier> {
  const { InferenceSession, Tensor } = await loadOnnxRuntime();
  const session = await InferenceSession.create(productGraph(), {
    executionProviders: ["cpu"],
    executionMode: "sequential",
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    extra: { session: { intra_op: { allow_spinning: "0" } } },
  });
  const products: RowProducts = async (a, aRows, b, bRows, dims) => {
    const feeds = { a: new Tensor("float32", a, [aRows, dims]), b: new Tensor("float32", b, [bRows, dims]) };
    const found = await session.run(feeds);
    return { products: numbers(found["products"]), largest: numbers(found["largest"]) };
  };
  return { products, close: () => session.release() };
}

function numbers(tensor: Tensor | undefined): Float32Array {
  if (tensor?.data instanceof Float32Array) return tensor.data;
  throw new BugError("row-products", `Expected float32 products of rows but received ${tensor?.type ?? "nothing"}`);
}

function productGraph(): Uint8Array {
  const value = (name: string) => ({ name, type: { tensorType: { elemType: TensorProto.DataType.FLOAT } } });
  const model = ModelProto.create({
    irVersion: IR_VERSION,
    opsetImport: [{ domain: "", version: OPSET }],
    producerName: "nominald",
    graph: {
      name: "row-products",
      node: [
        {
          opType: "Gemm",
          name: "products",
          input: ["a", "b"],
          output: ["products"],
          attribute: [{ name: "transB", type: INT, i: 1 }],
        },
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
      input: [value("a"), value("b")],
      output: [value("products"), value("largest")],
    },
  });
  return ModelProto.encode(model).finish();
}
