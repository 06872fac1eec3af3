import type { Join } from "../patchcore/join.ts";
import type { Neighbourhood, NeighbourhoodSize } from "../patchcore/neighbourhood.ts";
import { adaptiveMean, adaptiveStretch, type Planes } from "./graph-adaptive.ts";
import { GraphWriter, int, ints, text, type GraphPart } from "./graph-nodes.ts";
import type { BackboneOutput } from "./manifest.ts";

/** How patch embeddings are made of a backbone's feature maps. */
export interface EmbeddingRecipe {
  /** Names of the backbone's outputs, shallowest first; the first one's grid is the patch grid. */
  readonly layers: readonly string[];
  readonly neighbourhood: Neighbourhood;
  readonly join: Join;
}

/** The plainest recipe: the mean over 3 × 3 cells, zeros at the border, channels one after the other. */
export function averagedRecipe(layers: readonly string[]): EmbeddingRecipe {
  return {
    layers,
    neighbourhood: { kind: "average", size: 3, padding: "zeros" },
    join: { kind: "concat", stretch: "bilinear" },
  };
}

/** @returns the dimensions of a patch embedding */
export function embeddingDims(outputs: readonly BackboneOutput[], { neighbourhood, join }: EmbeddingRecipe): number {
  if (join.kind === "adaptive") return join.dims;
  const cells = neighbourhood.kind === "unfold" ? neighbourhood.size ** 2 : 1;
  return outputs.reduce((sum, output) => sum + output.channels * cells, 0);
}

/**
 * Feature maps [N, channels, H / stride, W / stride] → patch embeddings [N, rows, cols, dims] on the first map's grid:
 * neighbourhood, then join. `half_pixel` is torch's align_corners=False.
 */
export function embeddingTail(
  outputs: readonly BackboneOutput[],
  recipe: EmbeddingRecipe,
  embedding: string,
  opset: number,
): GraphPart {
  const graph = new GraphWriter(opset);
  const { neighbourhood, join } = recipe;
  const first = outputs[0]?.stride ?? 1;
  const maps = outputs.map((output, index) => {
    const factor = output.stride / first;
    if (join.kind === "adaptive") {
      const mean = layerMean(graph, output, neighbourhood, join.layerDims, `nominald/layer${index}`);
      // The mean over channels and the stretching commute, and on its own grid a deeper map is smaller.
      return bilinear(graph, mean, factor, `nominald/stretched${index}`);
    }
    const pooled = averaged(graph, output.name, neighbourhood, `nominald/pooled${index}`);
    if (join.stretch === "bilinear") return bilinear(graph, pooled, factor, `nominald/stretched${index}`);
    return adaptiveStretch(graph, pooled, outputs[0]?.name ?? output.name, `nominald/stretched${index}`);
  });
  let joined = graph.node("Concat", maps, "nominald/joined", [int("axis", 1)]);
  if (join.kind === "adaptive") {
    const all = { name: joined, count: join.layerDims * outputs.length, channelOf: (place: number) => place };
    joined = adaptiveMean(graph, { ...all, zero: null }, join.dims, "nominald/embedding");
  }
  graph.node("Transpose", [joined], embedding, [ints("perm", [0, 2, 3, 1])]);
  return graph;
}

/**
 * The mean over the neighbourhood. `count_include_pad` makes it count the zeros of the border, as torch's avg_pool2d
 * does.
 */
function averaged(graph: GraphWriter, input: string, { size, ...rest }: Neighbourhood, name: string): string {
  const isPadded = rest.kind === "unfold" || rest.padding === "zeros";
  if (size === 1) return input;
  const border = isPadded ? (size - 1) / 2 : 0;
  return graph.node("AveragePool", [input], name, [
    ints("kernel_shape", [size, size]),
    ints("strides", [1, 1]),
    ints("pads", [border, border, border, border]),
    int("count_include_pad", 1),
  ]);
}

/** One layer's values to `dims` by adaptive mean; of an unfolded map over channel · p² + cell, as the reference code. */
function layerMean(
  graph: GraphWriter,
  output: BackboneOutput,
  neighbourhood: Neighbourhood,
  dims: number,
  name: string,
): string {
  const cells = neighbourhood.size ** 2;
  const places = output.channels * cells;
  // Where bins are whole channels, the mean over their cells is the plain one, which is much less to move.
  const wholeChannels = places % dims === 0 && (places / dims) % cells === 0;
  if (neighbourhood.kind === "average" || wholeChannels) {
    const mean = averaged(graph, output.name, neighbourhood, `${name}/pooled`);
    if (output.channels === dims) return mean;
    const planes = { name: mean, count: output.channels, channelOf: (place: number) => place, zero: null };
    return adaptiveMean(graph, planes, dims, name);
  }
  return adaptiveMean(graph, unfolded(graph, output, neighbourhood.size, name), dims, name);
}

/** Starts beyond any map: Slice takes it for the end. */
const TO_THE_END = 2 ** 31 - 1;

/**
 * The cells of every neighbourhood side by side: [N, p² · (C + 1), h, w], channel (cell · (C + 1) + c), where channel C
 * of every cell holds zeros, which come for nothing with the border's.
 */
function unfolded(graph: GraphWriter, output: BackboneOutput, size: NeighbourhoodSize, name: string): Planes {
  const { channels } = output;
  const border = (size - 1) / 2;
  const pads = graph.longs(`${name}/pads`, [8], [0, 0, border, border, 0, 1, border, border]);
  const padded = graph.node("Pad", [output.name, pads], `${name}/padded`);
  const axes = graph.longs("nominald/rows-and-cols", [2], [2, 3]);
  const end = (shift: number): number => (shift === size - 1 ? TO_THE_END : shift - (size - 1));
  const shifted: string[] = [];
  for (let down = 0; down < size; down++) {
    for (let across = 0; across < size; across++) {
      const cell = `${name}/cell${down}${across}`;
      const starts = graph.longs(`nominald/start${down}${across}`, [2], [down, across]);
      const ends = graph.longs(`nominald/end${down}${across}of${size}`, [2], [end(down), end(across)]);
      shifted.push(graph.node("Slice", [padded, starts, ends, axes], cell));
    }
  }
  const cells = size * size;
  return {
    name: graph.node("Concat", shifted, `${name}/cells`, [int("axis", 1)]),
    count: channels * cells,
    channelOf: (place) => (place % cells) * (channels + 1) + Math.floor(place / cells),
    zero: channels,
  };
}

/** The input is a multiple of every stride, so the factor is exact, and a constant leaves no shape to compute. */
function bilinear(graph: GraphWriter, input: string, factor: number, name: string): string {
  if (factor === 1) return input;
  const scales = graph.floats(`${name}/scales`, [4], [1, 1, factor, factor]);
  // Until version 13 the region of interest, which only another mode of Resize looks at, could not be left out.
  const region = graph.opset < 13 ? graph.floats(`${name}/region`, [0], []) : "";
  return graph.node("Resize", [input, region, scales], name, [
    text("mode", "linear"),
    text("coordinate_transformation_mode", "half_pixel"),
  ]);
}
