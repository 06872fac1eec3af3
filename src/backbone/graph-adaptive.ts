import { adaptiveBins } from "../patchcore/adaptive.ts";
import { type GraphWriter, int } from "./graph-nodes.ts";

/** Channels of a value [N, channels, h, w] by the places that adaptive means count them in. */
export interface Planes {
  readonly name: string;
  /** Number of places. */
  readonly count: number;
  /** The channel of a place. */
  readonly channelOf: (place: number) => number;
  /** A channel of zeros; needed where bins differ in length. */
  readonly zero: number | null;
}

/**
 * Adaptive mean over channels, as torch's `adaptive_avg_pool1d` along the places: the channels of each bin are gathered
 * side by side, [N, longest, outputs, h, w], summed and divided by the bin's length. A shorter bin is filled up with
 * the channel of zeros. The same as a 1 × 1 convolution, whose matrix would be nothing but zeros for one part in a
 * thousand.
 *
 * @returns the name of [N, outputs, h, w]
 */
export function adaptiveMean(graph: GraphWriter, planes: Planes, outputs: number, name: string): string {
  const { starts, ends, longest, even } = adaptiveBins(planes.count, outputs);
  const filler = planes.zero;
  const source = !even && filler === null ? withZeroChannel(graph, planes.name, name) : planes.name;
  const zero = filler ?? planes.count;
  const channels: number[] = [];
  for (let k = 0; k < longest; k++) {
    for (let i = 0; i < outputs; i++) {
      const place = starts[i]! + k;
      channels.push(place < ends[i]! ? planes.channelOf(place) : zero);
    }
  }
  const ids = graph.longs(`${name}/channels`, [longest, outputs], channels);
  const bins = graph.node("Gather", [source, ids], `${name}/bins`, [int("axis", 1)]);
  const sums = graph.sum(bins, 1, `${name}/sums`);
  const lengths = Array.from(ends, (end, i) => end - starts[i]!);
  const divisor = graph.floats(`${name}/lengths`, [1, outputs, 1, 1], lengths);
  return graph.node("Div", [sums, divisor], name);
}

/** [N, C, h, w] with a channel of zeros behind the others, whose index is C. */
function withZeroChannel(graph: GraphWriter, input: string, name: string): string {
  const pads = graph.longs("nominald/one-channel", [8], [0, 0, 0, 0, 0, 1, 0, 0]);
  return graph.node("Pad", [input, pads], `${name}/padded`);
}

/** Axes of [N, C, h, w]. */
const DOWN = 2;
const ACROSS = 3;

/**
 * Adaptive average pooling of a map to the grid of a larger one, as torch's `adaptive_avg_pool2d`. Its bins then have
 * one place or two along each axis: the mean of the first and the last, which are the same where there is one. The
 * places are computed inside the graph, so that it keeps taking frames of any size.
 *
 * @param like the name of a map [N, C, h, w] that is at least as large
 * @returns the name of [N, channels of `input`, h, w]
 */
export function adaptiveStretch(graph: GraphWriter, input: string, like: string, name: string): string {
  // Across first: it works on the rows of the smaller map.
  const across = stretchAxis(graph, input, like, ACROSS, `${name}/across`);
  return stretchAxis(graph, across, like, DOWN, name);
}

function stretchAxis(graph: GraphWriter, input: string, like: string, axis: number, name: string): string {
  const from = sizeOf(graph, input, axis, `${name}/from`);
  const to = sizeOf(graph, like, axis, `${name}/to`);
  const zero = graph.longs("nominald/zero", [], [0]);
  const one = graph.longs("nominald/one", [], [1]);
  const places = graph.node("Range", [zero, to, one], `${name}/places`);
  const next = graph.node("Add", [places, one], `${name}/next`);
  const begin = graph.node("Mul", [places, from], `${name}/begin`);
  const first = graph.node("Div", [begin, to], `${name}/first`);
  // ⌈(i + 1) · from / to⌉ − 1 in integers: ((i + 1) · from − 1) / to, rounded down.
  const end = graph.node("Sub", [graph.node("Mul", [next, from], `${name}/end`), one], `${name}/before-end`);
  const last = graph.node("Div", [end, to], `${name}/last`);
  const low = graph.node("Gather", [input, first], `${name}/low`, [int("axis", axis)]);
  const high = graph.node("Gather", [input, last], `${name}/high`, [int("axis", axis)]);
  const both = graph.node("Add", [low, high], `${name}/both`);
  return graph.node("Mul", [both, halfOf(graph)], name);
}

function halfOf(graph: GraphWriter): string {
  const name = "nominald/half";
  if (!graph.constants.some((constant) => constant.name === name)) graph.floats(name, [], [0.5]);
  return name;
}

/** The size of one axis, as an integer without dimensions. */
function sizeOf(graph: GraphWriter, input: string, axis: number, name: string): string {
  const shape = graph.node("Shape", [input], `${name}/shape`);
  const id = graph.longs(`nominald/at${axis}`, [], [axis]);
  return graph.node("Gather", [shape, id], name);
}
