import { dirname, resolve } from "node:path";
import type { DeviceConfig, StationConfig } from "./config.ts";
import { checkDevice, checkStation, checkStationNames } from "./cross-checks.ts";
import type { CrossProblem } from "./cross-checks.ts";
import { deviceSchema } from "./device-schema.ts";
import { parseDocumentText, readConfigText } from "./document.ts";
import type { ConfigDocument, DocumentPath } from "./document.ts";
import { readEnvironment } from "./environment.ts";
import type { AnyTree } from "./key.ts";
import { joinPath, problemsError } from "./problem.ts";
import type { Problem } from "./problem.ts";
import { resolveTree } from "./resolve.ts";
import type { Origin, ReportProblem } from "./resolve.ts";
import { DEVICE_TWIN, readTwin, stationTwinName, type TwinBodies } from "./twin-document.ts";
import { stationSchema } from "./station-schema.ts";

export interface LoadedConfig {
  /** Checked, complete, all paths absolute. */
  readonly config: DeviceConfig;
  /** `broker.url`, `stations[0].camera.path` … → where its value came from. */
  readonly origins: ReadonlyMap<string, Origin>;
}

/** What the device itself says: the text of its file, and its environment. */
export interface ConfigSource {
  readonly text: string;
  /** .yaml, .yml or .json; relative paths in it are relative to its folder. */
  readonly file: string;
  /** Variables that begin with NOMINALD_ (see environment.ts). */
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Reads a device's configuration: defaults, the file over them, the environment over both. What was pushed is not in it:
 * see `resolveConfig`.
 *
 * @throws ConfigError "config-unreadable" and "config-type"; "config-invalid" with all problems in one message
 */
export async function loadConfig(file: string, env: NodeJS.ProcessEnv): Promise<LoadedConfig> {
  return parseConfig(await readConfigText(file), file, env);
}

/** As `loadConfig`, on the text of `file`, which itself is not read. */
export function parseConfig(text: string, file: string, env: NodeJS.ProcessEnv): LoadedConfig {
  const { loaded, problems } = resolveConfig({ text, file, env });
  if (problems.length > 0) throw problemsError(file, problems);
  return loaded;
}

/**
 * Merges defaults, file, twins and environment, the later over the earlier, and checks the whole.
 *
 * @param twins what was pushed, by twin; anything
 * @returns `loaded` is true to its type only when there are no problems
 * @throws ConfigError when the text is no YAML or JSON at all
 */
export function resolveConfig(
  { text, file, env }: ConfigSource,
  twins: TwinBodies = new Map(),
): { readonly loaded: LoadedConfig; readonly problems: readonly Problem[] } {
  const document = parseDocumentText(text, file);
  const problems = new ProblemList(document);
  const folder = dirname(resolve(file));
  const stationDocuments = listOfStations(document.value);
  const overrides = readEnvironment(env, stationDocuments.length);
  const twinOf = (tree: AnyTree, name: string, prefix: string): ReadonlyMap<string, unknown> => {
    if (!twins.has(name)) return new Map();
    const twin = readTwin(tree, twins.get(name));
    for (const problem of twin.problems) problems.add({ ...problem, path: joinPath(prefix, problem.path) });
    return twin.values;
  };

  const deviceTwin = twinOf(deviceSchema, DEVICE_TWIN, "");
  const reporter = problems.reporter("");
  const device = resolveTree(deviceSchema, document.value, overrides.device, deviceTwin, folder, reporter);
  const origins = new Map(device.origins);
  origins.delete("stations");
  const stations = stationDocuments.map((stationDocument, index) => {
    const path = `stations[${index}]`;
    const variables = overrides.stations[index] ?? new Map<string, unknown>();
    const twin = twinOf(stationSchema, stationTwinName(stationDocument, variables), path);
    const station = resolveTree(stationSchema, stationDocument, variables, twin, folder, problems.reporter(path));
    for (const [key, origin] of station.origins) origins.set(joinPath(path, key), origin);
    return station.values;
  });
  for (const problem of overrides.problems) problems.add(problem);
  addCrossProblems(problems, device.values, stations, origins);
  return { loaded: { config: { ...device.values, stations }, origins }, problems: problems.all };
}

function addCrossProblems(
  problems: ProblemList,
  device: DeviceConfig,
  stations: readonly StationConfig[],
  origins: ReadonlyMap<string, Origin>,
): void {
  const own = new Set(problems.all.map(({ path }) => path));
  const isSound = (path: string): boolean =>
    ![...own].some((bad) => bad === "" || path === bad || path.startsWith(`${bad}.`) || path.startsWith(`${bad}[`));
  const add = ({ path, expected, actual, involves }: CrossProblem, prefix: string): void => {
    if (!involves.every((involved) => isSound(joinPath(prefix, involved)))) return;
    const full = joinPath(prefix, path);
    const origin = origins.get(full);
    if (origin === "env") problems.add({ path: full, expected, actual, place: "environment" });
    else if (origin === "twin") problems.add({ path: full, expected, actual, place: "twin" });
    else problems.reporter(prefix)(path, expected, actual, "file");
  };
  for (const problem of checkDevice(device)) add(problem, "");
  for (const [index, station] of stations.entries()) {
    for (const problem of checkStation(station)) add(problem, `stations[${index}]`);
  }
  for (const problem of checkStationNames(stations)) add(problem, "");
}

/** Problems in the order they were found, each with its line of the file where it has one. */
class ProblemList {
  readonly #document: ConfigDocument;
  readonly #all: Problem[] = [];

  constructor(document: ConfigDocument) {
    this.#document = document;
  }

  get all(): readonly Problem[] {
    return this.#all;
  }

  add(problem: Problem): void {
    this.#all.push(problem);
  }

  reporter(prefix: string): ReportProblem {
    return (path, expected, actual) => {
      const full = joinPath(prefix, path);
      this.add({ path: full, expected, actual, place: `line ${this.#document.lineOf(stepsOf(full))}` });
    };
  }
}

/** `stations[0].camera.path` → ["stations", 0, "camera", "path"] */
function stepsOf(path: string): DocumentPath {
  return path
    .split(/[.[\]]/)
    .filter((step) => step !== "")
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}

/** The list of stations as far as it is one; what it is instead has its own problem. */
function listOfStations(document: unknown): readonly unknown[] {
  if (typeof document !== "object" || document === null) return [];
  const stations = (document as { readonly stations?: unknown }).stations;
  return Array.isArray(stations) ? (stations as readonly unknown[]) : [];
}
