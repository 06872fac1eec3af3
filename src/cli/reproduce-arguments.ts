import { availableParallelism } from "node:os";
import type { Preset } from "../bank/manifest.ts";
import { FRACTIONS, type Fraction } from "../evaluation/reproduce/training-subset.ts";
import { AXES, type AblationValue, type Axis } from "../evaluation/reproduce/variant.ts";
import { parseCommandLine } from "./command-line/parse.ts";
import { REPRODUCE } from "./commands/reproduce.ts";

export interface ReproduceArguments {
  readonly help: boolean;
  readonly root: string;
  readonly out: string;
  readonly classes: readonly string[] | null;
  readonly backbones: readonly string[];
  readonly fractions: readonly Fraction[];
  readonly subset: "first" | "random";
  readonly seed: number;
  readonly preset: Preset;
  readonly ratio: number | null;
  readonly size: number | null;
  readonly models: readonly string[];
  readonly threads: number;
  readonly ablations: readonly AblationValue[];
}

const BACKBONES = ["wide-resnet50-2", "clip-rn50", "clip-rn101", "clip-rn50x4", "clip-rn50x16"] as const;
const PRESETS: readonly Preset[] = ["edge", "reference", "paper", "reproduction"];
const SUBSETS = ["first", "random"] as const;
const LARGEST_SIZE = 4096;
const LARGEST_B = 1024;
const MOST_THREADS = 256;
const MOST_DEFAULT_THREADS = 4;

/** What an axis takes, in words, and whether a value is one of these. */
const ABLATION_VALUES: Readonly<Record<Axis, { readonly expected: string; readonly fits: (text: string) => boolean }>> =
  {
    ratio: { expected: "numbers above 0 and at most 1", fits: isRatio },
    coreset: { expected: "greedy or random", fits: (text) => ["greedy", "random"].includes(text) },
    layers: { expected: "stages such as 2, 3 or 2+3", fits: (text) => /^[1-9](\+[1-9])*$/.test(text) },
    neighbourhood: { expected: "1, 3 or 5", fits: (text) => ["1", "3", "5"].includes(text) },
    b: { expected: `integers from 1 to ${LARGEST_B}`, fits: (text) => isInteger(text, 1, LARGEST_B) },
  };

/**
 * @returns the checked command line, or everything that is wrong with it, one line each
 * @throws TypeError of util.parseArgs for unknown options
 */
export function parseReproduceArguments(args: string[]): ReproduceArguments | { readonly problems: readonly string[] } {
  const { values } = parseCommandLine(REPRODUCE, args);
  const problems: string[] = [];
  const check = (option: keyof typeof values, expected: string, fits: (text: string) => boolean): string | null => {
    const text = values[option];
    if (typeof text !== "string") return null;
    if (fits(text)) return text;
    problems.push(`Expected ${expected} for --${option} but received ${JSON.stringify(text)}`);
    return null;
  };
  const list = (option: keyof typeof values, expected: string, fits: (text: string) => boolean): string[] | null =>
    check(option, expected, (text) => listOf(text).every(fits))
      ?.split(",")
      .map((one) => one.trim()) ?? null;
  const number = (text: string | null): number | null => (text === null ? null : Number(text));
  const help = values.help === true;
  if (!help && values.root === undefined) problems.push("Expected --root DIR");
  const named = (text: string): boolean => text !== "";
  const fractions = list("train-fraction", FRACTIONS.join(", "), (text) => fractionOf(text) !== undefined);
  const ablations = AXES.flatMap((axis) => {
    const { expected, fits } = ABLATION_VALUES[axis];
    return (list(`ablate-${axis}`, expected, fits) ?? []).map((value) => ({ axis, value }));
  });
  const result: ReproduceArguments = {
    help,
    root: values.root ?? "",
    out: values.out ?? "reproduction",
    classes: list("classes", "names, separated by commas", named),
    backbones: list("backbones", "names, separated by commas", named) ?? BACKBONES,
    fractions: (fractions ?? ["1"]).flatMap((text) => fractionOf(text) ?? []),
    subset: SUBSETS.find((one) => one === (check("subset", "first or random", isOneOf(SUBSETS)) ?? "first")) ?? "first",
    seed: number(check("seed", "an integer from 0 to 4294967295", (text) => isInteger(text, 0, 2 ** 32 - 1))) ?? 1,
    preset: PRESETS.find((one) => one === check("preset", PRESETS.join(", "), isOneOf(PRESETS))) ?? "reproduction",
    ratio: number(check("ratio", "a number above 0 and at most 1", isRatio)),
    size: number(check("size", `an integer from 1 to ${LARGEST_SIZE}`, (text) => isInteger(text, 1, LARGEST_SIZE))),
    models: values.models ?? [],
    threads:
      number(check("threads", `an integer from 1 to ${MOST_THREADS}`, (text) => isInteger(text, 1, MOST_THREADS))) ??
      Math.min(MOST_DEFAULT_THREADS, availableParallelism()),
    ablations,
  };
  return problems.length > 0 ? { problems } : result;
}

function listOf(text: string): string[] {
  return text.split(",").map((one) => one.trim());
}

function fractionOf(text: string): Fraction | undefined {
  return FRACTIONS.find((one) => String(one) === text);
}

function isOneOf(values: readonly string[]): (text: string) => boolean {
  return (text) => values.includes(text);
}

function isRatio(text: string): boolean {
  return /^\d*\.?\d+(e-?\d+)?$/i.test(text) && Number(text) > 0 && Number(text) <= 1;
}

function isInteger(text: string, least: number, most: number): boolean {
  return /^\d+$/.test(text) && Number(text) >= least && Number(text) <= most;
}
