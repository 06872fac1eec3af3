import { command } from "../command-line/command-spec.ts";
import { INDEX, MODELS, THREADS } from "./common.ts";
import { PARAMETER_OPTIONS } from "./parameters.ts";

export const FIT = command({
  name: "fit",
  summary: "build a memory bank from pictures of good parts",
  usage: ["--images DIR --out BANK [options]"],
  about:
    "Builds a memory bank from pictures of good parts (jpg, png, bmp, tif), all of them nominal, in the order of their names.",
  options: {
    images: { value: "DIR", help: "the folder of nominal images" },
    "known-bad": {
      value: "DIR",
      help: "pictures of bad parts; the bank carries a few, and no device takes it that lets them PASS",
    },
    out: { value: "BANK", help: "the bank to write; with --config, default: the station's bank" },
    config: { value: "FILE", help: "take region, rotation, index, threads and models folders from this configuration" },
    station: { value: "NAME", help: "the station in it; needed when it has several" },
    name: { value: "NAME", help: "the bank's name, default: the station's name, or that of the bank's file" },
    backbone: { value: "NAME", help: "default efficientnet-lite0" },
    ...PARAMETER_OPTIONS,
    "false-reject-rate": { value: "R", help: "share of good parts that may fail, default 0.001" },
    calibration: {
      value: "MODE",
      choices: ["masked", "per-fold"],
      help: "masked: one coreset, own rows left out; per-fold: one for each of 5, default for small fits",
    },
    index: { ...INDEX, help: "auto, exact or hnsw, default auto" },
    region: { value: "X,Y,W,H", help: "part of the frame, pixels, default the whole frame" },
    "part-region": {
      value: "X,Y,W,H",
      help: "where the part lies, pixels: a frame that is as empty there as no good one shows no part",
    },
    rotation: { value: "DEGREES", choices: ["0", "90", "180", "270"], help: "clockwise: 0, 90, 180 or 270, default 0" },
    cache: {
      value: "DIR",
      help: "keep patch embeddings in DIR for further fits; default: BANK.embeddings while it fits",
    },
    "no-report": { help: "do not write BANK.report.html" },
    "skip-broken": { help: "skip files that are no readable image instead of refusing" },
    models: MODELS,
    threads: THREADS,
  },
  operand: null,
});
