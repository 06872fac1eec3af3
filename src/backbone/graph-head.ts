import type { BackboneManifest } from "./manifest.ts";
import { FLOAT, GraphWriter, int, ints, UINT8, value } from "./graph-nodes.ts";
import type { GraphPart } from "./graph-nodes.ts";
import type { onnx } from "onnx-proto";

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
export function frameHead(frames: string, output: string, input: BackboneManifest["input"], opset: number): GraphPart {
  const graph = new GraphWriter(opset);
  let planes = graph.node("Transpose", [frames], "nominald/planes", [ints("perm", [0, 3, 1, 2])]);
  if (input.colourOrder === "BGR") {
    const order = graph.longs("nominald/order", [3], [2, 1, 0]);
    planes = graph.node("Gather", [planes, order], "nominald/bgr", [int("axis", 1)]);
  }
  const levels = graph.node("Cast", [planes], "nominald/levels", [int("to", FLOAT)]);
  const mean = graph.floats("nominald/mean", [1, 3, 1, 1], input.mean);
  const std = graph.floats("nominald/std", [1, 3, 1, 1], input.std);
  graph.node("Div", [graph.node("Sub", [levels, mean], "nominald/centred"), std], output);
  return graph;
}
