import { availableParallelism } from "node:os";
import type { RangeMethod } from "../backbone/int8-ranges.ts";
import { parseCommandLine } from "./command-line/parse.ts";
import { MODELS_QUANTIZE } from "./commands/models.ts";

const LARGEST_SIZE = 4096;
const MOST_IMAGES = 100_000;
const MOST_THREADS = 256;
const MOST_DEFAULT_THREADS = 4;
const DEFAULT_IMAGES = 100;

/** The command line of `nominald models quantize`; null: not given. */
export interface QuantizeArguments {
  readonly backbone: string;
  readonly images: string;
  readonly out: string;
  readonly models: readonly string[];
  readonly size: number | null;
  readonly layers: readonly string[];
  readonly range: RangeMethod;
  readonly weightBits: 7 | 8 | null;
  readonly calibrationImages: number;
  readonly dataset: string | null;
  readonly trainImages: number;
  readonly threads: number;
}

/**
 * @returns the checked command line, or everything that is wrong with it, one line each
 * @throws TypeError of util.parseArgs for unknown options
 */
export function parseQuantizeArguments(args: string[]): QuantizeArguments | { readonly problems: readonly string[] } {
  const { values } = parseCommandLine(MODELS_QUANTIZE, args);
  const problems: string[] = [];
  const read = <T>(option: string, given: string | undefined, expected: string, value: T | null): T | null => {
    if (given !== undefined && value === null)
      problems.push(`Expected ${expected} for --${option} but received ${JSON.stringify(given)}`);
    return given === undefined ? null : value;
  };
  const integer = (option: "size" | "calibration-images" | "train-images" | "threads", most: number): number | null =>
    read(option, values[option], `an integer from 1 to ${most}`, integerOf(values[option], most));
  for (const option of ["backbone", "images", "out"] as const)
    if (values[option] === undefined) problems.push(`Expected --${option}`);
  const { range = "minmax", "weight-bits": bits } = values;
  const parsed: QuantizeArguments = {
    backbone: values.backbone ?? "",
    images: values.images ?? "",
    out: values.out ?? "",
    models: values.models ?? [],
    size: integer("size", LARGEST_SIZE),
    layers: (values.layers ?? "layer2,layer3").split(",").map((layer) => layer.trim()),
    range: read("range", range, "minmax, or percentile:P with P from 50 to 100", rangeMethodOf(range)) ?? MINMAX,
    weightBits: read("weight-bits", bits, "7 or 8", bits === "7" ? 7 : bits === "8" ? 8 : null),
    calibrationImages: integer("calibration-images", MOST_IMAGES) ?? DEFAULT_IMAGES,
    dataset: values.dataset ?? null,
    trainImages: integer("train-images", MOST_IMAGES) ?? DEFAULT_IMAGES,
    threads: integer("threads", MOST_THREADS) ?? Math.min(MOST_DEFAULT_THREADS, availableParallelism()),
  };
  return problems.length > 0 ? { problems } : parsed;
}

function integerOf(text: string | undefined, most: number): number | null {
  const value = /^[0-9]{1,9}$/.test(text ?? "") ? Number(text) : 0;
  return value >= 1 && value <= most ? value : null;
}

const MINMAX: RangeMethod = { kind: "minmax" };

function rangeMethodOf(text: string): RangeMethod | null {
  if (text === "minmax") return MINMAX;
  const digits = /^percentile:(\d{2,3}(?:\.\d{1,6})?)$/.exec(text)?.[1];
  const percent = Number(digits);
  return percent >= 50 && percent <= 100 ? { kind: "percentile", percent } : null;
}
