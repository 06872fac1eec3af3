import onnxProto, { type onnx } from "onnx-proto";
import { sha256Of, type BackboneFiles, type BackboneManifest } from "../../src/backbone/manifest.ts";

const { FLOAT } = onnxProto.onnx.TensorProto.DataType;
const { FLOAT: FLOAT_ATTRIBUTE, INTS } = onnxProto.onnx.AttributeProto.AttributeType;

const ints = (name: string, values: number[]): onnx.IAttributeProto => ({ name, type: INTS, ints: values });

function shape(name: string, dims: readonly (string | number)[]): onnx.IValueInfoProto {
  const dim = dims.map((one) => (typeof one === "string" ? { dimParam: one } : { dimValue: one }));
  return { name, type: { tensorType: { elemType: FLOAT, shape: { dim } } } };
}

const halved = (input: string, output: string): onnx.INodeProto => ({
  opType: "AveragePool",
  input: [input],
  output: [output],
  attribute: [ints("kernel_shape", [2, 2]), ints("strides", [2, 2])],
});

/**
 * A network whose features can be worked out by hand: `half` is the mean of every 2 × 2 pixels of the normalised
 * picture (3 channels, stride 2), `quarter` the mean of every 4 × 4 (3 channels, stride 4), and `big` is `half` times
 * 10. Opset 13, IR 7.
 */
export function tinyModel(change: (model: onnx.IModelProto) => void = () => undefined): Uint8Array {
  const model = {
    irVersion: 7,
    opsetImport: [{ domain: "", version: 13 }],
    graph: {
      name: "tiny",
      node: [
        halved("input", "half"),
        { opType: "Mul", input: ["half", "ten"], output: ["big"] },
        halved("half", "quarter"),
        // Nobody asks for this one: it must not survive the cut.
        {
          opType: "LeakyRelu",
          input: ["quarter"],
          output: ["unused"],
          attribute: [{ name: "alpha", type: FLOAT_ATTRIBUTE, f: 0.1 }],
        },
      ],
      initializer: [{ name: "ten", dataType: FLOAT, dims: [1], floatData: [10] }],
      input: [shape("input", ["N", 3, "H", "W"])],
      output: ["half", "big", "quarter", "unused"].map((name) => shape(name, ["N", 3, "h", "w"])),
    },
  } satisfies onnx.IModelProto;
  change(model);
  return onnxProto.onnx.ModelProto.encode(model).finish();
}

export function tinyManifest(model: Uint8Array, input: Partial<BackboneManifest["input"]> = {}): BackboneManifest {
  return {
    format: "nominald-backbone",
    formatVersion: 1,
    name: "tiny",
    file: "tiny.onnx",
    sha256: sha256Of(model),
    opset: 13,
    input: {
      name: "input",
      layout: "NCHW",
      dtype: "float32",
      colourOrder: "RGB",
      multiple: 4,
      range: "0-255",
      mean: [10, 20, 30],
      std: [1, 2, 4],
      ...input,
    },
    outputs: [
      { name: "half", channels: 3, stride: 2 },
      { name: "big", channels: 3, stride: 2 },
      { name: "quarter", channels: 3, stride: 4 },
    ],
    licence: "Apache-2.0",
    provenance: "made by the test",
  };
}

export function tinyBackbone(
  input: Partial<BackboneManifest["input"]> = {},
): Pick<BackboneFiles, "model" | "manifest"> {
  const model = tinyModel();
  return { model, manifest: tinyManifest(model, input) };
}
