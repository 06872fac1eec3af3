import { command } from "../command-line/command-spec.ts";
import { IMAGE_THRESHOLD, INDEX, MODELS, THREADS } from "./common.ts";

export const EVAL = command({
  name: "eval",
  summary: "measure a bank on labelled images",
  usage: ["--bank BANK (--dataset DIR | --csv FILE) [options]"],
  about:
    "Scores labelled images and measures the bank: image AUROC, average precision, F1-max, pixel AUROC, PRO, misses and false rejects at " +
    "the bank's threshold, each kind of defect, latency, and what the quick searches cost.",
  options: {
    bank: { value: "BANK", help: "the memory bank that nominald fit wrote" },
    dataset: {
      value: "DIR",
      help: "MVTec's layout: test/good, test/<defect>, ground_truth/<defect>/<name>_mask.png",
    },
    csv: {
      value: "FILE",
      help: "a list with the header path,label or path,label,mask; label good or the defect's name",
    },
    json: { help: "print the evaluation as one JSON document instead of a summary" },
    out: { value: "DIR", help: "write report.html and evaluation.json into DIR" },
    compare: { value: "BANK2", help: "score the same images with a second bank and show which verdicts flip" },
    threshold: IMAGE_THRESHOLD,
    index: INDEX,
    gallery: {
      value: "N",
      help: "pictures of the worst misses and false rejects in the report, default 12 of each",
    },
    "no-approximation": { help: "do not repeat every image with each kind of search" },
    models: MODELS,
    threads: THREADS,
  },
  operand: null,
  closing: "Exit code 4 when an image or mask could not be used; the others are evaluated all the same.",
});
