import { availableParallelism } from "node:os";
import { parseCommandLine } from "./command-line/parse.ts";
import { INDEX_KINDS } from "./commands/common.ts";
import { EVAL } from "./commands/eval.ts";

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

const MOST_THREADS = 256;
const MOST_DEFAULT_THREADS = 4;
const DEFAULT_GALLERY = 12;
/** Each picture takes some 30 kB of the report. */
const LARGEST_GALLERY = 500;

/**
 * @returns the checked command line, or everything that is wrong with it, one line each
 * @throws TypeError of util.parseArgs for unknown options
 */
export function parseEvalArguments(args: string[]): EvalArguments | { readonly problems: readonly string[] } {
  const { values } = parseCommandLine(EVAL, args);
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
  const index = INDEX_KINDS.find((kind) => kind === (values.index ?? "auto"));
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
