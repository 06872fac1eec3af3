import { command } from "../command-line/command-spec.ts";
import { MODELS, THREADS } from "./common.ts";
import { PARAMETER_OPTIONS } from "./parameters.ts";

export const REPRODUCE = command({
  name: "reproduce",
  summary: "the paper's tables on a data set in MVTec's layout",
  usage: ["--root DIR [options]"],
  about:
    "Fits and evaluates PatchCore on every class of a data set in MVTec's layout and writes the tables of \"Towards Total Recall in Industrial " +
    'Anomaly Detection" (Carluccio, Federico, Longo): image and pixel AUROC by class and backbone, with what is published beside them. Each ' +
    "result is kept in a file of its own: a run that was ended goes on with the rest.",
  options: {
    root: { value: "DIR", help: "holds a folder for each class: CLASS/train/good, CLASS/test, CLASS/ground_truth" },
    out: { value: "DIR", help: "results, and reproduction.md, .html and .json; default reproduction" },
    classes: { value: "A,B", help: "default every class of the root" },
    backbones: { value: "A,B", help: "default wide-resnet50-2,clip-rn50,clip-rn101,clip-rn50x4,clip-rn50x16" },
    "train-fraction": { value: "F,F", help: "shares of the training images: 1, 0.5, 0.25; default 1" },
    subset: {
      value: "KIND",
      choices: ["first", "random"],
      help: "first: ⌊n/2⌋ + 1 or ⌊n/4⌋ + 1 by name, as the authors did; random: as many, drawn; default first",
    },
    seed: { value: "N", help: "of coresets and drawn sub-sets, default 1" },
    preset: { ...PARAMETER_OPTIONS.preset, help: "reproduction, reference, paper or edge; default reproduction" },
    ratio: { value: "R", help: "share of the patches that a bank keeps, instead of the preset's" },
    size: { value: "N", help: "side of the network's input, instead of what the backbone prefers" },
    models: MODELS,
    threads: THREADS,
    "ablate-ratio": {
      value: "R,R",
      heading: "Ablations, each on the first of the fractions, with tables and plots of AUROC and latency:",
      help: "shares of the patches, e.g. 1,0.1,0.01",
    },
    "ablate-coreset": { value: "K,K", help: "greedy, random" },
    "ablate-layers": { value: "L,L", help: "2, 3, 2+3" },
    "ablate-neighbourhood": { value: "P,P", help: "1, 3, 5" },
    "ablate-b": { value: "B,B", help: "rows of the reweighting, e.g. 1,3,9; 1 is no reweighting" },
  },
  operand: null,
  closing: "Exit code 4 when a cell failed; the others are in the tables all the same.",
});
