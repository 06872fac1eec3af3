import onnxProto, { type onnx } from "onnx-proto";
import { InputError } from "../shared/errors.ts";

const { FLOAT } = onnxProto.onnx.TensorProto.DataType;

/** What becomes of a float graph's nodes and values when it turns into integers. */
export interface Int8Plan {
  /** Conv, Add and pooling nodes that will compute with integers. */
  readonly nodes: ReadonlySet<onnx.INodeProto>;
  /** Values that will be rounded to 8 bits, by name: where their range comes from. */
  readonly values: ReadonlyMap<string, ValueRange>;
  /** Of these values those that a convolution or a pooling computes; whoever reads one reads what was rounded. */
  readonly roundedForAll: ReadonlySet<string>;
}

export type ValueRange =
  | { readonly kind: "measured" }
  /** The largest of some values lies in their range: one scale serves both sides, and the pooling needs no arithmetic. */
  | { readonly kind: "same"; readonly as: string };

const ACTIVATIONS: readonly string[] = ["Relu", "Clip"];
const INTEGER_OPERATORS: readonly string[] = ["Conv", "Add", "MaxPool", "AveragePool"];
/** What a network that was quantised before consists of. */
const QUANTISED_OPERATORS = /^(QuantizeLinear|DequantizeLinear|DynamicQuantize.*|QLinear.*|.*Integer)$/;

/** @throws InputError "already-quantised" when nodes compute with integers, or weights are stored as such */
export function refuseQuantised(graph: onnx.IGraphProto): void {
  const quantised = (graph.node ?? []).find((node) => QUANTISED_OPERATORS.test(node.opType ?? ""));
  if (quantised === undefined) return;
  const text = `Expected a float32 backbone but it holds ${quantised.opType ?? ""} nodes: it is quantised already`;
  throw new InputError("already-quantised", text);
}

/**
 * Decides what to round, so that ONNX Runtime finds the patterns it has integer kernels for: a convolution with its
 * activation, an addition with its activation, a pooling, each between two roundings. An activation right behind is
 * part of its convolution or addition: nothing is rounded between them.
 *
 * @param graph float32, constants folded into initialisers
 * @throws InputError "nothing-to-quantise"
 */
export function planInt8(graph: onnx.IGraphProto): Int8Plan {
  const nodes = graph.node ?? [];
  const flow = flowOf(graph);
  const planned = new Set<onnx.INodeProto>();
  const values = new Map<string, ValueRange>();
  const roundedForAll = new Set<string>();
  for (const node of nodes) {
    if (node.opType !== "Conv" || !flow.floatConstants.has(node.input?.[1] ?? "")) continue;
    planned.add(node);
    values.set(node.input?.[0] ?? "", { kind: "measured" });
    values.set(endOf(node, flow), { kind: "measured" });
    roundedForAll.add(endOf(node, flow));
  }
  if (planned.size === 0)
    throw new InputError(
      "nothing-to-quantise",
      "Expected a backbone with convolutions whose weights are constants but it has none",
    );
  for (const node of nodes) {
    if (!followsRounded(node, values)) continue;
    planned.add(node);
    const end = endOf(node, flow);
    const pooling = node.opType !== "Add";
    const readAsInteger = flow.readers.get(end)?.some((reader) => INTEGER_OPERATORS.includes(reader.opType ?? ""));
    // A sum that only leaves the graph stays as exact as its addends.
    if (!pooling && readAsInteger !== true) continue;
    if (pooling) roundedForAll.add(end);
    const as = node.input?.[0] ?? "";
    values.set(end, node.opType === "MaxPool" ? { kind: "same", as } : { kind: "measured" });
  }
  return { nodes: planned, values, roundedForAll };
}

interface Flow {
  readonly readers: ReadonlyMap<string, readonly onnx.INodeProto[]>;
  readonly outputs: ReadonlySet<string>;
  readonly floatConstants: ReadonlySet<string>;
}

function flowOf(graph: onnx.IGraphProto): Flow {
  const readers = new Map<string, onnx.INodeProto[]>();
  for (const node of graph.node ?? [])
    for (const name of node.input ?? []) readers.set(name, [...(readers.get(name) ?? []), node]);
  return {
    readers,
    outputs: new Set((graph.output ?? []).map((value) => value.name ?? "")),
    floatConstants: new Set(
      (graph.initializer ?? []).filter((one) => one.dataType === FLOAT).map((one) => one.name ?? ""),
    ),
  };
}

/** @returns the value behind a node and the activation that only it feeds */
function endOf(node: onnx.INodeProto, { readers, outputs }: Flow): string {
  const output = node.output?.[0] ?? "";
  const [next, ...others] = readers.get(output) ?? [];
  const fused =
    next !== undefined && others.length === 0 && ACTIVATIONS.includes(next.opType ?? "") && !outputs.has(output);
  return fused ? (next.output?.[0] ?? "") : output;
}

function followsRounded(node: onnx.INodeProto, values: ReadonlyMap<string, ValueRange>): boolean {
  const inputs = node.input ?? [];
  switch (node.opType) {
    case "Add":
      return inputs.length === 2 && inputs.every((name) => values.has(name));
    case "MaxPool":
    case "AveragePool":
      return (node.output ?? []).length === 1 && values.has(inputs[0] ?? "");
    default:
      return false;
  }
}
