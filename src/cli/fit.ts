import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, extname } from "node:path";
import { listImageFiles } from "../backbone/decode.ts";
import { builtInModelsFolder, findBackbone } from "../backbone/find.ts";
import { bankNameFrom } from "../bank/bank-id.ts";
import { presetParameters } from "../bank/parameters.ts";
import type { DeviceConfig, StationConfig } from "../config/config.ts";
import { loadConfig } from "../config/load-config.ts";
import { fitBank } from "../fit/fit-bank.ts";
import { defaultCache } from "../fit/fit-options.ts";
import type { FitOptions } from "../fit/fit-options.ts";
import { ProgressReporter } from "../fit/progress-reporter.ts";
import { fitReport } from "../fit/report.ts";
import { planLine, summaryLines } from "../fit/summary.ts";
import { ConfigError } from "../shared/errors.ts";
import { EXIT } from "../shared/exit-codes.ts";
import { systemClock } from "../shared/system-clock.ts";
import type { GoldenSet } from "../bank/manifest.ts";
import { addGoldenFrames } from "./golden-frames.ts";
import { parseFitArguments } from "./fit-arguments.ts";
import type { FitArguments } from "./fit-arguments.ts";
import { helpOf } from "./command-line/help.ts";
import { FIT } from "./commands/fit.ts";
import type { CommandIo } from "./io.ts";
import { writeOutput } from "./output.ts";

/** More threads than this gain little on networks and banks of these sizes. */
const MOST_DEFAULT_THREADS = 4;

/** Below this the calibration knows too little of what good parts look like. */
const FEW_IMAGES = 20;

const DEFAULT_COLUMNS = 80;

/** `nominald fit`: builds a memory bank from a folder of nominal images. */
export async function fitCommand(args: string[], io: CommandIo): Promise<number> {
  const parsed = parseFitArguments(args);
  if ("problems" in parsed) {
    io.err(`${parsed.problems.join("\n")}\n\n${helpOf(FIT)}`);
    return EXIT.usage;
  }
  if (parsed.help) {
    io.out(helpOf(FIT));
    return EXIT.ok;
  }
  const reporter = new ProgressReporter({
    write: (line) => io.err(line),
    isTerminal: io.isTerminal,
    columns: process.stderr.columns ?? DEFAULT_COLUMNS,
    clock: systemClock,
  });
  const options = await fitOptionsOf(parsed, io, reporter);
  try {
    const knownBad = parsed.knownBad === null ? [] : await listImageFiles(parsed.knownBad);
    const fitted = await fitBank(options);
    const { out: bank, files: nominal, backbone, threads, signal } = options;
    const result = { ...fitted, ...(await addGoldenFrames({ bank, nominal, knownBad, backbone, threads, signal })) };
    for (const line of summaryLines(result, bank)) io.out(line);
    io.out(goldenLine(result.manifest.golden));
    if (parsed.report) {
      const path = `${bank}.report.html`;
      await writeOutput(path, Buffer.from(await fitReport(result)));
      io.out(`report     ${path}`);
    }
    return EXIT.ok;
  } catch (error) {
    const kept = options.cache ?? defaultCache(options.out);
    const note = existsSync(kept) ? `. The embeddings so far are kept in ${kept}: the next fit goes on from them` : "";
    if (!io.signal.aborted) {
      if (note !== "") io.err(`no bank was written${note}`);
      throw error;
    }
    io.err(`stopped; no bank was written${note}`);
    return EXIT.interrupted;
  }
}

function goldenLine(golden: GoldenSet | null): string {
  if (golden === null) return "golden     none: no nominal image passes, so the bank cannot be pushed";
  const bad = golden.frames.filter(({ knownBad }) => knownBad).length;
  return `golden     ${golden.frames.length} frames that a device scores before it takes the bank, ${bad} of them known-bad`;
}

async function fitOptionsOf(parsed: FitArguments, io: CommandIo, reporter: ProgressReporter): Promise<FitOptions> {
  const configured = parsed.config === null ? null : await stationOf(parsed.config, parsed.station);
  const out = parsed.out ?? configured?.station.bank ?? "";
  const files = await listImageFiles(parsed.images);
  if (files.length < FEW_IMAGES) {
    reporter.note(`${files.length} nominal images are few: take ${FEW_IMAGES} or more that show how good parts vary`);
  }
  const models = [...parsed.models, ...(configured?.config.modelsFolders ?? []), builtInModelsFolder()];
  const backbone = await findBackbone(models, { name: parsed.backbone });
  return {
    files,
    out,
    name: parsed.name ?? configured?.station.name ?? bankNameFrom(basename(out, extname(out))),
    createdAt: new Date().toISOString(),
    createdBy: `nominald ${version()}`,
    parameters: presetParameters(parsed.preset, {
      ...parsed.choices,
      preferred: backbone.manifest.input.preferred,
      preferredDetail: backbone.manifest.detail,
      region: parsed.region ?? configured?.station.region ?? null,
      rotation: parsed.rotation ?? configured?.station.rotation ?? 0,
    }),
    backbone,
    falseRejectRate: parsed.falseRejectRate,
    ...(parsed.calibration === null ? {} : { calibration: parsed.calibration }),
    index: parsed.index ?? configured?.station.index ?? "auto",
    ...(parsed.partRegion === null ? {} : { partRegion: parsed.partRegion }),
    onBroken: parsed.skipBroken ? "skip" : "refuse",
    threads:
      parsed.threads ?? configured?.config.inference.threads ?? Math.min(MOST_DEFAULT_THREADS, availableParallelism()),
    signal: io.signal,
    onProgress: (progress) => reporter.report(progress),
    onPlan: (plan) => reporter.note(planLine(plan)),
    ...(parsed.cache === null ? {} : { cache: parsed.cache }),
  };
}

interface Configured {
  readonly config: DeviceConfig;
  readonly station: StationConfig;
}

/** @throws ConfigError "station" when the name is missing or unknown */
async function stationOf(file: string, name: string | null): Promise<Configured> {
  const { config } = await loadConfig(file, process.env);
  const names = config.stations.map((station) => station.name);
  const station =
    name === null && names.length === 1 ? config.stations[0] : config.stations.find((one) => one.name === name);
  if (station === undefined) {
    const actual = name === null ? "no --station" : `--station ${name}`;
    throw new ConfigError(
      "station",
      `Expected one of the stations ${names.join(", ")} of ${file} but received ${actual}`,
    );
  }
  return { config, station };
}

function version(): string {
  const content: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  if (typeof content === "object" && content !== null && "version" in content) return String(content.version);
  return "unknown";
}
