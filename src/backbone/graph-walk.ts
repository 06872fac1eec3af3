import onnxProto, { type onnx } from "onnx-proto";

/** What remains of a graph when only some of its values are wanted. */
export interface NeededGraph {
  readonly nodes: readonly onnx.INodeProto[];
  readonly initializers: readonly onnx.ITensorProto[];
  readonly sparseInitializers: readonly onnx.ISparseTensorProto[];
  /** Names of all values on the way to the wanted ones. */
  readonly values: ReadonlySet<string>;
}

function subgraphsOf(node: onnx.INodeProto): onnx.IGraphProto[] {
  return (node.attribute ?? []).flatMap((attribute) => [
    ...(attribute.g ? [attribute.g] : []),
    ...(attribute.graphs ?? []),
  ]);
}

/** Names that a node reads. The body of an If or Loop may read the values of the graph around it, too. */
function readsOf(node: onnx.INodeProto): string[] {
  const inner = subgraphsOf(node).flatMap((graph) => [
    ...(graph.node ?? []).flatMap(readsOf),
    ...(graph.output ?? []).map((value) => value.name ?? ""),
  ]);
  return [...(node.input ?? []), ...inner].filter((name) => name !== "");
}

/**
 * @param wanted names of values
 * @returns the nodes and initialisers that they are computed from, in the graph's order; all others are left out
 */
export function neededNodes(graph: onnx.IGraphProto, wanted: readonly string[]): NeededGraph {
  const values = new Set(wanted);
  const nodes: onnx.INodeProto[] = [];
  // ONNX lists nodes in topological order, so one pass from the back meets every reader before what it reads.
  for (const node of (graph.node ?? []).toReversed()) {
    if (!(node.output ?? []).some((name) => values.has(name))) continue;
    nodes.push(node);
    for (const name of readsOf(node)) values.add(name);
  }
  return {
    nodes: nodes.reverse(),
    initializers: (graph.initializer ?? []).filter((tensor) => values.has(tensor.name ?? "")),
    sparseInitializers: (graph.sparseInitializer ?? []).filter((tensor) => values.has(tensor.values?.name ?? "")),
    values,
  };
}

/** Puts a prefix before the name of every value and node of a graph, subgraphs included, in place. */
export function prefixValues(graph: onnx.IGraphProto, prefix: string): void {
  // An empty name stands for an optional input that is left out.
  const renamed = (name: string | null | undefined): string => (name ? prefix + name : "");
  for (const node of graph.node ?? []) {
    node.name = renamed(node.name);
    node.input = (node.input ?? []).map(renamed);
    node.output = (node.output ?? []).map(renamed);
    for (const inner of subgraphsOf(node)) prefixValues(inner, prefix);
  }
  for (const tensor of graph.initializer ?? []) tensor.name = renamed(tensor.name);
  for (const tensor of graph.sparseInitializer ?? [])
    if (tensor.values) tensor.values.name = renamed(tensor.values.name);
  for (const value of [...(graph.input ?? []), ...(graph.output ?? [])]) value.name = renamed(value.name);
  // Notes on the shapes of inner values are optional, and not needed.
  graph.valueInfo = [];
  graph.quantizationAnnotation = [];
}

/** @returns whether a weight lies in a file beside the model, which a session made from bytes cannot find */
export function usesExternalData(graph: onnx.IGraphProto): boolean {
  const external = onnxProto.onnx.TensorProto.DataLocation.EXTERNAL;
  return (
    (graph.initializer ?? []).some((tensor) => tensor.dataLocation === external) ||
    (graph.node ?? []).some(
      (node) =>
        (node.attribute ?? []).some((attribute) => attribute.t?.dataLocation === external) ||
        subgraphsOf(node).some(usesExternalData),
    )
  );
}
