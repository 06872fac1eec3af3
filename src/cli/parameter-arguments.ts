import type { BankParameters, CoresetParameters, Preset } from "../bank/manifest.ts";
import type { ParameterChoices } from "../bank/parameters.ts";
import type { NeighbourhoodSize } from "../patchcore/neighbourhood.ts";
import type { Resize, ResizeKernel } from "../shared/image.ts";
import type { PARAMETER_OPTIONS } from "./commands/parameters.ts";

type Values = Readonly<Partial<Record<keyof typeof PARAMETER_OPTIONS, string>>>;

const LARGEST_SIZE = 4096;

/** Reads one option's text; null: it is not of the form that the help names. */
type Reader<T> = (parts: readonly string[]) => T | null;

/**
 * The preset and what is chosen beside it.
 *
 * @param values of `PARAMETER_OPTIONS`
 * @param problems takes one line for everything that is wrong
 */
export function parseParameters(
  values: Values,
  problems: string[],
): { readonly preset: Preset; readonly choices: ParameterChoices } {
  const read: Read = <K extends string, T>(key: K, option: keyof Values, expected: string, reader: Reader<T>) => {
    const text = values[option];
    if (text === undefined) return {};
    const value = reader(text.split(":"));
    if (value === null) problems.push(`Expected ${expected} for --${option} but received ${JSON.stringify(text)}`);
    return (value === null ? {} : { [key]: value }) as { readonly [P in K]?: T };
  };
  const { preset } = read("preset", "preset", PRESET_NAMES.join(", "), oneOf(PRESET_NAMES));
  const coreset = { ...readCoreset(read), ...readBudget(values, read, problems) };
  if (values.size !== undefined && values.resize !== undefined)
    problems.push("Expected either --size or --resize but received both");
  const kernel = read("kernel", "kernel", "linear or bicubic", oneOf(["linear", "bicubic"]));
  const { detail } = read(
    "detail",
    "detail",
    "none or SHARE:EXPONENT:SHRINKAGE, numbers above 0 and at most 1",
    detailOf,
  );
  const choices: ParameterChoices = {
    ...read("size", "size", `an integer from 1 to ${LARGEST_SIZE}`, ([size]) => integerOf(size, LARGEST_SIZE)),
    ...read("resize", "resize", "stretch:WxH or crop:S:WxH", (parts) => resizeOf(parts, kernel.kernel ?? "linear")),
    ...kernel,
    ...read("layers", "layers", "names of outputs, separated by commas", layersOf),
    ...read("neighbourhood", "neighbourhood", "average:P, average:P:unpadded or unfold:P", neighbourhoodOf),
    ...read("join", "join", "concat, concat:adaptive-pooling or adaptive:D1:D2", joinOf),
    ...(detail === undefined ? {} : { detail: detail.rule }),
    ...(Object.keys(coreset).length === 0 ? {} : { coreset }),
    ...read("patchScore", "patch-score", "euclidean or mean-squared:K", patchScoreOf),
    ...read("imageScore", "image-score", "maximum, reweighted:B or reweighted-reproduction:K", imageScoreOf),
    ...read("map", "smoothing", "gaussian:SIGMA:RADIUS or gaussian-8bit:SIGMA", mapOf),
  };
  return { preset: preset ?? "edge", choices };
}

type Read = <K extends string, T>(
  key: K,
  option: keyof Values,
  expected: string,
  reader: Reader<T>,
) => { readonly [P in K]?: T };

function readCoreset(read: Read): Partial<CoresetParameters> {
  const projections = "none, gaussian:DIMS, linear-untrained:DIMS or sparse:EPS";
  const starts = "farthest-from-mean, mean-distance-to-10-random or first-row";
  return {
    ...read("method", "coreset", "greedy or random", (parts) => {
      const method = oneOf(["greedy", "random"])(parts);
      return method === "greedy" ? "greedy-k-center" : method;
    }),
    ...read("projection", "projection", projections, projectionOf),
    ...read("start", "start", starts, oneOf(STARTS)),
    ...read("seed", "seed", `an integer from 0 to ${2 ** 32 - 1}`, ([seed]) => {
      const value = numberOf(seed);
      return Number.isInteger(value) && value >= 0 && value < 2 ** 32 ? value : null;
    }),
  };
}

const PRESET_NAMES = ["edge", "reference", "paper", "reproduction"] as const;
const STARTS = ["farthest-from-mean", "mean-distance-to-10-random", "first-row"] as const;

function readBudget(values: Values, read: Read, problems: string[]): Partial<CoresetParameters> {
  const { ratio } = read("ratio", "ratio", "a number above 0 and at most 1", ([text]) => {
    const value = numberOf(text);
    return value > 0 && value <= 1 ? value : null;
  });
  const { rows } = read("rows", "rows", "an integer above 0", ([text]) => integerOf(text, 2 ** 26));
  const { bytes } = read("bytes", "bytes", "an integer above 0", ([text]) => integerOf(text, Number.MAX_SAFE_INTEGER));
  const given = (["ratio", "rows", "bytes"] as const).filter((option) => values[option] !== undefined);
  if (given.length > 1) {
    problems.push(`Expected one of --ratio, --rows and --bytes but received ${given.join(" and ")}`);
  }
  if (ratio !== undefined) return { budget: { kind: "ratio", ratio } };
  if (rows !== undefined) return { budget: { kind: "rows", rows } };
  return bytes === undefined ? {} : { budget: { kind: "bytes", bytes } };
}

/** A reader of one word of a list. */
function oneOf<const T extends string>(words: readonly T[]): Reader<T> {
  return ([word, ...rest]) => (rest.length > 0 ? null : (words.find((one) => one === word) ?? null));
}

function resizeOf([mode, ...rest]: readonly string[], kernel: ResizeKernel): Resize | null {
  const size = /^(\d+)x(\d+)$/.exec(rest.at(-1) ?? "");
  const [width, height] = [integerOf(size?.[1], LARGEST_SIZE), integerOf(size?.[2], LARGEST_SIZE)];
  if (width === null || height === null) return null;
  if (mode === "stretch" && rest.length === 1) return { mode, width, height, kernel };
  const shorterSide = integerOf(rest[0], LARGEST_SIZE);
  return mode === "crop" && rest.length === 2 && shorterSide !== null
    ? { mode, shorterSide, width, height, kernel }
    : null;
}

function layersOf(parts: readonly string[]): readonly string[] | null {
  const names = parts
    .join(":")
    .split(",")
    .map((name) => name.trim());
  return names.every((name) => name !== "") ? names : null;
}

function neighbourhoodOf([kind, cells, padding, ...rest]: readonly string[]): BankParameters["neighbourhood"] | null {
  const size = ([1, 3, 5] as const).find((one): one is NeighbourhoodSize => String(one) === cells);
  if (size === undefined || rest.length > 0) return null;
  if (kind === "unfold" && padding === undefined) return { kind, size };
  if (kind !== "average" || (padding !== undefined && padding !== "unpadded")) return null;
  return { kind, size, padding: padding === undefined ? "zeros" : "none" };
}

function joinOf([kind, first, second, ...rest]: readonly string[]): BankParameters["join"] | null {
  if (rest.length > 0) return null;
  if (kind === "adaptive") {
    const [layerDims, dims] = [integerOf(first, MOST_DIMS), integerOf(second, MOST_DIMS)];
    return layerDims === null || dims === null ? null : { kind, layerDims, dims };
  }
  if (kind !== "concat" || second !== undefined) return null;
  if (first === undefined) return { kind, stretch: "bilinear" };
  return first === "adaptive-pooling" ? { kind, stretch: first } : null;
}

/** Wrapped, because no detail is a choice too. */
function detailOf(parts: readonly string[]): { readonly rule: BankParameters["detail"] } | null {
  if (parts.join(":") === "none") return { rule: null };
  const [share = Number.NaN, exponent = Number.NaN, shrinkage = Number.NaN, ...rest] = parts.map(numberOf);
  const areShares = [share, exponent, shrinkage].every((value) => value > 0 && value <= 1);
  return areShares && rest.length === 0 ? { rule: { share, exponent, shrinkage } } : null;
}

const MOST_DIMS = 2 ** 14;

function projectionOf([kind, size, ...rest]: readonly string[]): CoresetParameters["projection"] | null {
  if (rest.length > 0) return null;
  if (kind === "none") return size === undefined ? { kind } : null;
  if (kind === "sparse") {
    const eps = numberOf(size);
    return eps > 0 && eps < 1 ? { kind, eps } : null;
  }
  const dims = integerOf(size, MOST_DIMS);
  return dims !== null && (kind === "gaussian" || kind === "linear-untrained") ? { kind, dims } : null;
}

function patchScoreOf([kind, count, ...rest]: readonly string[]): BankParameters["patchScore"] | null {
  if (rest.length > 0) return null;
  if (kind === "euclidean") return count === undefined ? { kind } : null;
  const neighbours = integerOf(count, 64);
  return kind === "mean-squared" && neighbours !== null ? { kind, neighbours } : null;
}

function imageScoreOf([kind, count, ...rest]: readonly string[]): BankParameters["imageScore"] | null {
  if (rest.length > 0) return null;
  if (kind === "maximum") return count === undefined ? { kind } : null;
  const neighbours = integerOf(count, 1024);
  if (neighbours === null || neighbours < 2) return null;
  return kind === "reweighted" || kind === "reweighted-reproduction" ? { kind, neighbours } : null;
}

function mapOf([kind, width, extent, ...rest]: readonly string[]): BankParameters["map"] | null {
  const sigma = numberOf(width);
  if (!(sigma > 0 && sigma <= 1000) || rest.length > 0) return null;
  if (kind === "gaussian-8bit" && extent === undefined) return { upsample: "bilinear", smoothing: { kind, sigma } };
  const radius = integerOf(extent, 4000);
  return kind === "gaussian" && radius !== null ? { upsample: "bilinear", smoothing: { kind, sigma, radius } } : null;
}

/** `Number` takes "" for 0 and knows hexadecimal; a person who types these has slipped. */
export function numberOf(text: string | undefined): number {
  return text !== undefined && /^\d*\.?\d+(e-?\d+)?$/i.test(text) ? Number(text) : Number.NaN;
}

/** @returns an integer from 1 to `most`, or null */
function integerOf(text: string | undefined, most: number): number | null {
  const value = numberOf(text);
  return Number.isInteger(value) && value >= 1 && value <= most ? value : null;
}
