import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";

export const EVAL_HELP = `usage: nominald eval --bank BANK (--dataset DIR | --csv FILE) [options]

Scores labelled images and measures the bank: image AUROC, average precision, F1-max, pixel AUROC, PRO, misses and
false rejects at the bank's threshold, each kind of defect, latency, and what the quick searches cost.

  --bank BANK          the memory bank that nominald fit wrote
  --dataset DIR        MVTec's layout: test/good, test/<defect>, ground_truth/<defect>/<name>_mask.png
  --csv FILE           a list with the header path,label or path,label,mask; label good or the defect's name
  --json               print the evaluation as one JSON document instead of a summary
  --out DIR            write report.html and evaluation.json into DIR
  --compare BANK2      score the same images with a second bank and show which verdicts flip
  --threshold NUMBER   instead of the bank's threshold
  --index KIND         auto, exact or hnsw
  --gallery N          pictures of the worst misses and false rejects in the report, default 12 of each
  --no-approximation   do not repeat every image with each kind of search
  --models DIR         a folder of further backbones (may be repeated)
  --threads N          default: the machine's cores, at most 4

Exit code 4 when an image or mask could not be used; the others are evaluated all the same.`;

export interface EvalArguments {
  readonly help: boolean;
  readonly bank: string;
  readonly dataset: string | null;
  readonly csv: string | null;
  readonly json: boolean;
  readonly out: string | null;
  readonly compare: string | null;
  readonly threshold: number | null;
  readonly index: "auto" | "exact" | "hnsw";
  readonly gallery: number;
  readonly approximation: boolean;
  readonly models: readonly string[];
  readonly threads: number;
}

const INDEXES = ["auto", "exact", "hnsw"] as const;
const MOST_THREADS = 256;
const MOST_DEFAULT_THREADS = 4;
const DEFAULT_GALLERY = 12;
/** Each picture takes some 30 kB of the report. */
const LARGEST_GALLERY = 500;

const OPTIONS = {
  bank: { type: "string" },
  dataset: { type: "string" },
  csv: { type: "string" },
  json: { type: "boolean" },
  out: { type: "string" },
  compare: { type: "string" },
  threshold: { type: "string" },
  index: { type: "string" },
  gallery: { type: "string" },
  "no-approximation": { type: "boolean" },
  models: { type: "string", multiple: true },
  threads: { type: "string" },
  help: { type: "boolean" },
} as const;

/**
 * @returns the checked command line, or everything that is wrong with it, one line each
 * @throws TypeError of util.parseArgs for unknown options
 */
export function parseEvalArguments(args: string[]): EvalArguments | { readonly problems: readonly string[] } {
  const { values } = parseArgs({ args, options: OPTIONS });
  const help = values.help === true;
  const problems: string[] = [];
  const integer = (option: "gallery" | "threads", otherwise: number, least: number, most: number): number => {
    const text = values[option];
    const value = text === undefined ? otherwise : Number(text);
    if (!(Number.isInteger(value) && value >= least && value <= most))
      problems.push(
        `Expected an integer from ${least} to ${most} for --${option} but received ${JSON.stringify(text)}`,
      );
    return value;
  };
  const threshold = values.threshold === undefined ? null : Number(values.threshold);
  const index = INDEXES.find((kind) => kind === (values.index ?? "auto"));
  if (!help && values.bank === undefined) problems.push("Expected --bank BANK");
  if (!help && (values.dataset === undefined) === (values.csv === undefined))
    problems.push("Expected either --dataset DIR or --csv FILE");
  if (threshold !== null && !(Number.isFinite(threshold) && threshold > 0))
    problems.push(`Expected a number above 0 for --threshold but received ${JSON.stringify(values.threshold)}`);
  if (index === undefined)
    problems.push(`Expected auto, exact or hnsw for --index but received ${JSON.stringify(values.index)}`);
  const gallery = integer("gallery", DEFAULT_GALLERY, 0, LARGEST_GALLERY);
  const threads = integer("threads", Math.min(MOST_DEFAULT_THREADS, availableParallelism()), 1, MOST_THREADS);
  if (index === undefined || problems.length > 0) return { problems };
  return {
    help,
    bank: values.bank ?? "",
    dataset: values.dataset ?? null,
    csv: values.csv ?? null,
    json: values.json === true,
    out: values.out ?? null,
    compare: values.compare ?? null,
    threshold,
    index,
    gallery,
    approximation: values["no-approximation"] !== true,
    models: values.models ?? [],
    threads,
  };
}
