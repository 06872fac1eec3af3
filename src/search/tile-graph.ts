import onnxProto, { type onnx } from "onnx-proto";

// A CommonJS package: at run time only its default export exists.
const { AttributeProto, ModelProto, TensorProto } = onnxProto.onnx;
const { DataType } = TensorProto;

/** Version of the ONNX operators that the graphs use, and the file format that goes with it. */
const OPSET = 13;
const IR_VERSION = 7;

/** Levels −127 … 127 travel as 1 … 255. */
export const UINT8_ZERO = 128;

/**
 * One tile of an exact search: the `top` rows of the tile with the largest key = 2 q·b − |b|², which is |q|² − |q − b|²
 * and so falls as the distance grows. |q|² is the same for all rows of a query and left out.
 *
 * Inputs: `queries` [Q, D], `rows` [D, N] (transposed), `squares` [N] = |b|². Outputs: `keys` [Q, top], largest first,
 * and `places` [Q, top], int32; of equal keys the lower place comes first.
 *
 * Kind `int8`: levels as uint8 with zero point 128, in integers all the way, so keys are exact: |key| is at most
 * 3 · 127² · D, which fits 32 bits up to D = 44,000. Why unsigned on both sides: ONNX Runtime multiplies u8 × s8 by an
 * instruction that saturates on x86 processors without VNNI, and s8 × s8 by a slow path (five times u8 × u8, measured);
 * u8 × u8 is exact on all.
 */
export function tileGraph(kind: "int8" | "float32", top: number): Uint8Array {
  const key = kind === "int8" ? DataType.INT32 : DataType.FLOAT;
  const operand = kind === "int8" ? DataType.UINT8 : DataType.FLOAT;
  const zero = kind === "int8" ? [initializer("zero", DataType.UINT8, [], [UINT8_ZERO])] : [];
  const product =
    kind === "int8"
      ? node("MatMulInteger", ["queries", "rows", "zero", "zero"], ["products"])
      : node("MatMul", ["queries", "rows"], ["products"]);
  const two =
    kind === "int8"
      ? initializer("two", key, [], [2])
      : { name: "two", dims: [], dataType: DataType.FLOAT, floatData: [2] };
  const model = ModelProto.create({
    irVersion: IR_VERSION,
    opsetImport: [{ domain: "", version: OPSET }],
    producerName: "nominald",
    graph: {
      name: `nearest-${kind}`,
      node: [
        product,
        node("Mul", ["products", "two"], ["doubled"]),
        node("Sub", ["doubled", "squares"], ["all-keys"]),
        node("TopK", ["all-keys", "top"], ["keys", "places64"]),
        node(
          "Cast",
          ["places64"],
          ["places"],
          [{ name: "to", type: AttributeProto.AttributeType.INT, i: DataType.INT32 }],
        ),
      ],
      initializer: [...zero, two, { name: "top", dims: [1], dataType: DataType.INT64, int64Data: [top] }],
      input: [value("queries", operand), value("rows", operand), value("squares", key)],
      output: [value("keys", key), value("places", DataType.INT32)],
    },
  });
  return ModelProto.encode(model).finish();
}

function node(
  opType: string,
  input: string[],
  output: string[],
  attribute: onnx.IAttributeProto[] = [],
): onnx.INodeProto {
  return { opType, name: `${opType}-${output[0]!}`, input, output, attribute };
}

function value(name: string, elemType: number): onnx.IValueInfoProto {
  return { name, type: { tensorType: { elemType } } };
}

function initializer(name: string, dataType: number, dims: number[], int32Data: number[]): onnx.ITensorProto {
  return { name, dims, dataType, int32Data };
}
