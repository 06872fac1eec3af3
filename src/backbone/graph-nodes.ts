import onnxProto, { type onnx } from "onnx-proto";

/** Nodes of a piece of a graph, and the constants that they read. */
export interface GraphPart {
  readonly nodes: readonly onnx.INodeProto[];
  readonly constants: readonly onnx.ITensorProto[];
}

export const { FLOAT, INT64, UINT8 } = onnxProto.onnx.TensorProto.DataType;
const { INT, INTS, STRING } = onnxProto.onnx.AttributeProto.AttributeType;

export function int(name: string, i: number): onnx.IAttributeProto {
  return { name, type: INT, i };
}

export function ints(name: string, values: number[]): onnx.IAttributeProto {
  return { name, type: INTS, ints: values };
}

export function text(name: string, s: string): onnx.IAttributeProto {
  return { name, type: STRING, s: new TextEncoder().encode(s) };
}

export function value(name: string, elemType: number, dims: readonly (string | number)[]): onnx.IValueInfoProto {
  const dim = dims.map((one) => (typeof one === "string" ? { dimParam: one } : { dimValue: one }));
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}

/** Writes a piece of a graph node by node; every method returns the name of the value that it adds. */
export class GraphWriter implements GraphPart {
  readonly nodes: onnx.INodeProto[] = [];
  readonly constants: onnx.ITensorProto[] = [];
  /** Of the default ONNX domain; some operators took their parameters as attributes before version 13. */
  readonly opset: number;

  constructor(opset: number) {
    this.opset = opset;
  }

  node(opType: string, input: readonly string[], output: string, attribute: onnx.IAttributeProto[] = []): string {
    this.nodes.push({ opType, name: `${output}/${opType}`, input: [...input], output: [output], attribute });
    return output;
  }

  floats(name: string, dims: number[], values: readonly number[]): string {
    this.constants.push({ name, dataType: FLOAT, dims, floatData: [...values] });
    return name;
  }

  /** Integers of 64 bits. Names that were written before stand for the same values. */
  longs(name: string, dims: number[], values: readonly number[]): string {
    if (!this.constants.some((constant) => constant.name === name)) {
      this.constants.push({ name, dataType: INT64, dims, int64Data: [...values] });
    }
    return name;
  }

  /** Sum over one axis, which disappears. */
  sum(input: string, axis: number, output: string): string {
    const keep = int("keepdims", 0);
    if (this.opset < 13) return this.node("ReduceSum", [input], output, [ints("axes", [axis]), keep]);
    return this.node("ReduceSum", [input, this.longs(`nominald/axis${axis}`, [1], [axis])], output, [keep]);
  }
}
