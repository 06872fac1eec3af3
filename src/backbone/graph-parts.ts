import onnxProto, { type onnx } from "onnx-proto";
import type { BackboneManifest, BackboneOutput } from "./manifest.ts";

/** Nodes of a piece of a graph, and the constants that they read. */
export interface GraphPart {
  readonly nodes: readonly onnx.INodeProto[];
  readonly constants: readonly onnx.ITensorProto[];
}

const { FLOAT, INT64, UINT8 } = onnxProto.onnx.TensorProto.DataType;
const { INT, INTS, STRING } = onnxProto.onnx.AttributeProto.AttributeType;

function int(name: string, i: number): onnx.IAttributeProto {
  return { name, type: INT, i };
}

function ints(name: string, values: number[]): onnx.IAttributeProto {
  return { name, type: INTS, ints: values };
}

function text(name: string, s: string): onnx.IAttributeProto {
  return { name, type: STRING, s: new TextEncoder().encode(s) };
}

function node(
  opType: string,
  input: string[],
  output: string,
  attribute: onnx.IAttributeProto[] = [],
): onnx.INodeProto {
  return { opType, name: `${output}/${opType}`, input, output: [output], attribute };
}

function floats(name: string, dims: number[], values: readonly number[]): onnx.ITensorProto {
  return { name, dataType: FLOAT, dims, floatData: [...values] };
}

function value(name: string, elemType: number, dims: readonly (string | number)[]): onnx.IValueInfoProto {
  const dim = dims.map((one) => (typeof one === "string" ? { dimParam: one } : { dimValue: one }));
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}

export function frameInput(name: string): onnx.IValueInfoProto {
  return value(name, UINT8, ["N", "H", "W", 3]);
}

export function embeddingOutput(name: string, dims: number): onnx.IValueInfoProto {
  return value(name, FLOAT, ["N", "rows", "cols", dims]);
}

/**
 * uint8 [N, H, W, 3] RGB → float32 [N, 3, H, W] in the network's colour order, (x − mean) / std. Transposing the
 * bytes first moves a quarter of what transposing floats would. Subtraction and division are kept apart: one
 * multiplication and addition would lose digits near the mean.
 */
export function frameHead(frames: string, output: string, input: BackboneManifest["input"]): GraphPart {
  const bgr = input.colourOrder === "BGR";
  const planes = bgr ? "nominald/bgr" : "nominald/planes";
  return {
    nodes: [
      node("Transpose", [frames], "nominald/planes", [ints("perm", [0, 3, 1, 2])]),
      ...(bgr ? [node("Gather", ["nominald/planes", "nominald/order"], planes, [int("axis", 1)])] : []),
      node("Cast", [planes], "nominald/levels", [int("to", FLOAT)]),
      node("Sub", ["nominald/levels", "nominald/mean"], "nominald/centred"),
      node("Div", ["nominald/centred", "nominald/std"], output),
    ],
    constants: [
      floats("nominald/mean", [1, 3, 1, 1], input.mean),
      floats("nominald/std", [1, 3, 1, 1], input.std),
      ...(bgr ? [{ name: "nominald/order", dataType: INT64, dims: [3], int64Data: [2, 1, 0] }] : []),
    ],
  };
}

/**
 * Feature maps [N, channels, H / stride, W / stride] → patch embeddings [N, rows, cols, dims] on the first map's grid.
 * `count_include_pad` makes the average count the zeros of the border, as torch's avg_pool2d does; `half_pixel` is
 * torch's align_corners=False.
 */
export function embeddingTail(outputs: readonly BackboneOutput[], embedding: string): GraphPart {
  const first = outputs[0]?.stride ?? 1;
  const nodes: onnx.INodeProto[] = [];
  const constants: onnx.ITensorProto[] = [];
  const maps = outputs.map((output, index) => {
    const pooled = `nominald/pooled${index}`;
    nodes.push(
      node("AveragePool", [output.name], pooled, [
        ints("kernel_shape", [3, 3]),
        ints("strides", [1, 1]),
        ints("pads", [1, 1, 1, 1]),
        int("count_include_pad", 1),
      ]),
    );
    const factor = output.stride / first;
    if (factor === 1) return pooled;
    // The input is a multiple of every stride, so the factor is exact, and a constant leaves no shape to compute.
    const scales = `nominald/scales${index}`;
    const stretched = `nominald/stretched${index}`;
    constants.push(floats(scales, [4], [1, 1, factor, factor]));
    nodes.push(
      node("Resize", [pooled, "", scales], stretched, [
        text("mode", "linear"),
        text("coordinate_transformation_mode", "half_pixel"),
      ]),
    );
    return stretched;
  });
  nodes.push(
    node("Concat", maps, "nominald/joined", [int("axis", 1)]),
    node("Transpose", ["nominald/joined"], embedding, [ints("perm", [0, 2, 3, 1])]),
  );
  return { nodes, constants };
}
