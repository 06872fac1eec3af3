import { command, type GroupSpec } from "../command-line/command-spec.ts";
import { MODELS as MODELS_FOLDERS, THREADS } from "./common.ts";

export const MODELS_CHECK = command({
  name: "models check",
  summary: "compare a backbone's manifest with its ONNX file",
  usage: ["FILE…"],
  about:
    "Compares a backbone's manifest with its ONNX file. FILE is the manifest.json, or the ONNX file that lies beside it. Lists everything " +
    "that differs; exit code 4 when something does.",
  options: {},
  operand: "FILE",
});

export const MODELS_LIST = command({
  name: "models list",
  summary: "the backbones that come with nominald, and those in further folders",
  usage: ["[--models DIR]"],
  about: "The backbones that come with nominald, and those in DIR.",
  options: { models: MODELS_FOLDERS },
  operand: null,
});

export const MODELS_QUANTIZE = command({
  name: "models quantize",
  summary: "make an int8 backbone and report what it gains and costs",
  usage: ["--backbone NAME --images DIR --out DIR [options]"],
  about:
    "Makes an int8 backbone of a float32 one: weights with a scale per channel, activations with ranges measured on nominal images. Writes " +
    "OUT/NAME.int8 with model and manifest, and reports what it gains and costs: latency and the error of the patch embeddings always, image " +
    "AUROC where a dataset is given.",
  options: {
    backbone: { value: "NAME", help: "the float32 backbone" },
    images: { value: "DIR", help: "nominal images (or --calibration-images of them, evenly spread)" },
    out: { value: "DIR", help: "the models folder that gets the new backbone" },
    models: MODELS_FOLDERS,
    size: {
      value: "N",
      help: "sides of the square that images are stretched to; default: as the manifest prefers, or 320",
    },
    layers: { value: "A,B", help: "outputs that the report compares, default layer2,layer3" },
    range: {
      value: "KIND",
      help: "minmax, or percentile:P to clip what lies outside the central P %; default minmax",
    },
    "weight-bits": {
      value: "N",
      choices: ["7", "8"],
      help: "8, or 7 for processors without VNNI; default: what this machine's processor needs",
    },
    "calibration-images": { value: "N", help: "default 100" },
    dataset: {
      value: "DIR",
      help: "train/good, test/good, test/<defect>: also report image AUROC before and after",
    },
    "train-images": { value: "N", help: "of the dataset's, for the report, default 100" },
    threads: THREADS,
  },
  operand: null,
});

export const MODELS: GroupSpec = {
  name: "models",
  summary: "backbones",
  commands: [MODELS_CHECK, MODELS_LIST, MODELS_QUANTIZE],
};
