import type { Preset } from "../bank/manifest.ts";
import type { ParameterChoices } from "../bank/parameters.ts";
import type { CalibrationMode } from "../fit/calibrate.ts";
import type { Region, Rotation } from "../shared/image.ts";
import { parseCommandLine } from "./command-line/parse.ts";
import { INDEX_KINDS } from "./commands/common.ts";
import { FIT } from "./commands/fit.ts";
import { numberOf, parseParameters } from "./parameter-arguments.ts";

/** The command line of `nominald fit`; null: not given. */
export interface FitArguments {
  readonly help: boolean;
  readonly images: string;
  readonly knownBad: string | null;
  readonly out: string | null;
  readonly config: string | null;
  readonly station: string | null;
  readonly name: string | null;
  readonly backbone: string;
  readonly preset: Preset;
  /** Of the preset's parameters, chosen otherwise; region and rotation stand apart. */
  readonly choices: ParameterChoices;
  readonly falseRejectRate: number;
  readonly index: "auto" | "exact" | "hnsw" | null;
  readonly region: Region | null;
  readonly partRegion: Region | null;
  readonly rotation: Rotation | null;
  readonly calibration: CalibrationMode | null;
  readonly cache: string | null;
  readonly report: boolean;
  readonly skipBroken: boolean;
  readonly models: readonly string[];
  readonly threads: number | null;
}

const DEFAULT_BACKBONE = "efficientnet-lite0";
const DEFAULT_FALSE_REJECT_RATE = 0.001;
const MOST_THREADS = 256;

/**
 * @returns the checked command line, or everything that is wrong with it, one line each
 * @throws TypeError of util.parseArgs for unknown options
 */
export function parseFitArguments(args: string[]): FitArguments | { readonly problems: readonly string[] } {
  const { values } = parseCommandLine(FIT, args);
  const problems: string[] = [];
  const read = <T>(
    option: string,
    text: string | undefined,
    expected: string,
    parse: (text: string) => T | null,
  ): T | null => {
    if (text === undefined) return null;
    const value = parse(text);
    if (value === null) problems.push(`Expected ${expected} for --${option} but received ${JSON.stringify(text)}`);
    return value;
  };
  const integer = (option: string, text: string | undefined, least: number, most: number): number | null =>
    read(option, text, `an integer from ${least} to ${most}`, (given) => {
      const value = numberOf(given);
      return Number.isInteger(value) && value >= least && value <= most ? value : null;
    });
  const help = values.help === true;
  if (values.images === undefined && !help) problems.push("Expected --images DIR");
  if (values.out === undefined && values.config === undefined && !help) problems.push("Expected --out BANK");
  if (values.station !== undefined && values.config === undefined)
    problems.push("Expected --config FILE beside --station");
  const parsed: FitArguments = {
    help,
    images: values.images ?? "",
    knownBad: values["known-bad"] ?? null,
    out: values.out ?? null,
    config: values.config ?? null,
    station: values.station ?? null,
    name: values.name ?? null,
    backbone: values.backbone ?? DEFAULT_BACKBONE,
    ...parseParameters(values, problems),
    falseRejectRate:
      read("false-reject-rate", values["false-reject-rate"], "a number between 0 and 1", (text) => {
        const value = numberOf(text);
        return value > 0 && value < 1 ? value : null;
      }) ?? DEFAULT_FALSE_REJECT_RATE,
    index: read(
      "index",
      values.index,
      "auto, exact or hnsw",
      (text) => INDEX_KINDS.find((kind) => kind === text) ?? null,
    ),
    region: read("region", values.region, "x,y,width,height in pixels", regionOf),
    partRegion: read("part-region", values["part-region"], "x,y,width,height in pixels", regionOf),
    rotation: read(
      "rotation",
      values.rotation,
      "0, 90, 180 or 270",
      (text) => ROTATIONS.find((one) => String(one) === text) ?? null,
    ),
    calibration: read(
      "calibration",
      values.calibration,
      MODES.join(" or "),
      (text) => MODES.find((one) => one === text) ?? null,
    ),
    cache: values.cache ?? null,
    report: values["no-report"] !== true,
    skipBroken: values["skip-broken"] === true,
    models: values.models ?? [],
    threads: integer("threads", values.threads, 1, MOST_THREADS),
  };
  return problems.length > 0 ? { problems } : parsed;
}

const MODES = ["masked", "per-fold"] as const;
const ROTATIONS = [0, 90, 180, 270] as const;

function regionOf(text: string): Region | null {
  const numbers = text.split(",").map((part) => numberOf(part.trim()));
  const [x, y, width, height, ...rest] = numbers;
  if (x === undefined || y === undefined || width === undefined || height === undefined || rest.length > 0) return null;
  return numbers.every(Number.isInteger) && width > 0 && height > 0 ? { x, y, width, height } : null;
}
