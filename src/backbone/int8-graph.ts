import onnxProto, { type onnx } from "onnx-proto";
import { BugError, InputError } from "../shared/errors.ts";
import type { Int8Plan } from "./int8-plan.ts";
import { biasLevels, weightLevels, type ActivationScale } from "./int8-scales.ts";

const { FLOAT, INT8, INT32, UINT8 } = onnxProto.onnx.TensorProto.DataType;
const { INT } = onnxProto.onnx.AttributeProto.AttributeType;

/** Names of what is added; no exporter writes such. */
const PREFIX = "int8/";

/**
 * Rewrites a float graph with rounding steps (QuantizeLinear, DequantizeLinear) around what the plan names: the form
 * that ONNX Runtime turns into integer kernels, and that any other runtime computes the same way. Every reader of a
 * rounded value gets a DequantizeLinear of its own, as ONNX Runtime's patterns ask.
 *
 * @param graph float32, opset 13 or newer (scales per channel), constants folded
 * @param scales of every value that the plan names
 * @param largestWeight level of the weights
 * @throws InputError "bad-model" when a weight's data has no whole number of float32
 */
export function writeInt8(
  graph: onnx.IGraphProto,
  plan: Int8Plan,
  scales: ReadonlyMap<string, ActivationScale>,
  largestWeight: 127 | 63,
): onnx.IGraphProto {
  return new Int8Writer(graph, plan, scales, largestWeight).write();
}

class Int8Writer {
  readonly #graph: onnx.IGraphProto;
  readonly #plan: Int8Plan;
  readonly #scales: ReadonlyMap<string, ActivationScale>;
  readonly #largestWeight: 127 | 63;
  readonly #outputs: ReadonlySet<string>;
  readonly #constants: ReadonlyMap<string, onnx.ITensorProto>;
  readonly #nodes: onnx.INodeProto[] = [];
  readonly #added: onnx.ITensorProto[] = [];

  constructor(
    graph: onnx.IGraphProto,
    plan: Int8Plan,
    scales: ReadonlyMap<string, ActivationScale>,
    largestWeight: 127 | 63,
  ) {
    this.#graph = graph;
    this.#plan = plan;
    this.#scales = scales;
    this.#largestWeight = largestWeight;
    this.#outputs = new Set((graph.output ?? []).map((value) => value.name ?? ""));
    this.#constants = new Map((graph.initializer ?? []).map((tensor) => [tensor.name ?? "", tensor]));
  }

  write(): onnx.IGraphProto {
    for (const { name } of this.#graph.input ?? []) if (name && this.#plan.values.has(name)) this.#round(name, name);
    (this.#graph.node ?? []).forEach((node, index) => this.#rewrite(node, index));
    const read = new Set(this.#nodes.flatMap((node) => node.input ?? []));
    const kept = (this.#graph.initializer ?? []).filter((tensor) => read.has(tensor.name ?? ""));
    return { ...this.#graph, node: this.#nodes, initializer: [...kept, ...this.#added], valueInfo: [] };
  }

  #rewrite(node: onnx.INodeProto, index: number): void {
    const input = (node.input ?? []).map((name, at) =>
      this.#plan.values.has(name) ? this.#readRounded(name, `${index}/${at}`) : name,
    );
    if (node.opType === "Conv" && this.#plan.nodes.has(node)) this.#replaceWeights(node, input, index);
    const output = (node.output ?? []).map((name) => (this.#isRoundedOutput(name) ? `${PREFIX}${name}/float` : name));
    this.#nodes.push({ ...node, input, output });
    for (const [at, name] of (node.output ?? []).entries()) {
      if (!this.#plan.values.has(name)) continue;
      this.#round(name, output[at] ?? "");
      if (this.#isRoundedOutput(name)) this.#dequantise(name, name);
    }
  }

  /** A convolution whose value leaves the graph in float would run in float; what leaves is the rounded value. */
  #isRoundedOutput(name: string): boolean {
    return this.#outputs.has(name) && this.#plan.roundedForAll.has(name);
  }

  #round(name: string, from: string): void {
    const { scale, zero } = this.#scaleOf(name);
    const [scaleName, zeroName] = this.#parametersOf(name);
    this.#added.push(
      { name: scaleName, dataType: FLOAT, dims: [], floatData: [scale] },
      { name: zeroName, dataType: UINT8, dims: [], rawData: Uint8Array.of(zero) },
    );
    this.#nodes.push(step("QuantizeLinear", [from, scaleName, zeroName], `${PREFIX}${name}/level`));
  }

  #readRounded(name: string, reader: string): string {
    const output = `${PREFIX}${name}/for/${reader}`;
    this.#dequantise(name, output);
    return output;
  }

  #dequantise(name: string, output: string): void {
    this.#nodes.push(step("DequantizeLinear", [`${PREFIX}${name}/level`, ...this.#parametersOf(name)], output));
  }

  #parametersOf(name: string): [string, string] {
    return [`${PREFIX}${name}/scale`, `${PREFIX}${name}/zero`];
  }

  #scaleOf(name: string): ActivationScale {
    const scale = this.#scales.get(name);
    if (scale === undefined) throw new BugError("scale-missing", `Expected a scale of ${name} but there is none`);
    return scale;
  }

  #replaceWeights(node: onnx.INodeProto, input: string[], index: number): void {
    const [data = "", weight = "", bias = ""] = node.input ?? [];
    const tensor = this.#constants.get(weight) ?? {};
    const dims = (tensor.dims ?? []).map(Number);
    const rows = dims[0] ?? 0;
    const biasTensor = this.#constants.get(bias);
    const biasValues = biasTensor === undefined ? null : floatsOf(biasTensor);
    const inputScale = this.#scaleOf(data).scale;
    const { levels, scales } = weightLevels(floatsOf(tensor), rows, biasValues, inputScale, this.#largestWeight);
    input[1] = this.#perRow(`${PREFIX}${index}/weight`, INT8, dims, new Uint8Array(levels.buffer), scales);
    if (biasValues === null) return;
    const steps = scales.map((scale) => inputScale * scale);
    const bytes = new Uint8Array(biasLevels(biasValues, inputScale, scales).buffer);
    input[2] = this.#perRow(`${PREFIX}${index}/bias`, INT32, [rows], bytes, steps);
  }

  /** Adds integers with a scale for each row. @returns the name of their float values */
  #perRow(name: string, dataType: number, dims: number[], rawData: Uint8Array, scales: Float32Array): string {
    // All zero points are 0, in the same type as the levels.
    const zeroBytes = (rawData.length / dims.reduce((product, one) => product * one, 1)) * scales.length;
    this.#added.push(
      { name, dataType, dims, rawData },
      { name: `${name}/scale`, dataType: FLOAT, dims: [scales.length], floatData: [...scales] },
      { name: `${name}/zero`, dataType, dims: [scales.length], rawData: new Uint8Array(zeroBytes) },
    );
    const output = `${name}/float`;
    const axis = { name: "axis", type: INT, i: 0 };
    this.#nodes.push({
      ...step("DequantizeLinear", [name, `${name}/scale`, `${name}/zero`], output),
      attribute: [axis],
    });
    return output;
  }
}

function step(opType: string, input: string[], output: string): onnx.INodeProto {
  return { opType, name: `${output}/${opType}`, input, output: [output] };
}

function floatsOf(tensor: onnx.ITensorProto): Float32Array {
  const count = (tensor.dims ?? []).reduce<number>((product, one) => product * Number(one), 1);
  const raw = tensor.rawData ?? new Uint8Array(0);
  // A copy: the bytes in a decoded model need not lie on a multiple of four. ONNX stores little-endian, as all our CPUs.
  const values =
    raw.length > 0
      ? new Float32Array(new Uint8Array(raw).buffer, 0, raw.length >> 2)
      : Float32Array.from(tensor.floatData ?? []);
  if (values.length !== count)
    throw new InputError(
      "bad-model",
      `Expected ${count} numbers in the weight ${tensor.name ?? ""} but got ${values.length}`,
    );
  return values;
}
