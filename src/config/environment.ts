import { isAbsolute, resolve } from "node:path";
import { deviceSchema } from "./device-schema.ts";
import { keysOf } from "./key.ts";
import type { AnyKey } from "./key.ts";
import { closest, describe } from "./problem.ts";
import type { Problem } from "./problem.ts";
import { isCredential } from "./rule.ts";
import { stationSchema } from "./station-schema.ts";

const PREFIX = "NOMINALD_";
const STATION = /^NOMINALD_STATIONS_(\d{1,4})_(.+)$/;

/** Values from the environment, checked: dotted path → value. */
export interface EnvironmentOverrides {
  readonly device: ReadonlyMap<string, unknown>;
  /** By index in the file's list of stations. */
  readonly stations: readonly ReadonlyMap<string, unknown>[];
  readonly problems: readonly Problem[];
}

/** Name of a key's variable; `station` is the index in the list of stations. */
export function variableOf(key: AnyKey, station?: number): string | null {
  return key.env === null || station === undefined ? key.env : `${PREFIX}STATIONS_${station}_${key.env}`;
}

/**
 * Reads every variable that begins with `NOMINALD_`. A device key's variable stands in its schema
 * (`NOMINALD_BROKER_URL`); a station's is `NOMINALD_STATIONS_<index>_<KEY>`, the index counted from 0 in the file. Texts
 * stand for themselves, `null` for none; lists of paths are separated by colons, a region is JSON. A variable that no
 * key has is a problem, as an unknown key in the file is. Relative paths are relative to the working directory.
 */
export function readEnvironment(env: NodeJS.ProcessEnv, stationCount: number): EnvironmentOverrides {
  const device = new Map<string, unknown>();
  const stations = Array.from({ length: stationCount }, () => new Map<string, unknown>());
  const problems: Problem[] = [];
  const known = knownVariables(stations, device);
  for (const [name, text] of Object.entries(env).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!name.startsWith(PREFIX) || text === undefined) continue;
    const target = known.get(name);
    if (target === undefined) {
      problems.push({ path: name, place: "environment", ...unknownVariable(name, [...known.keys()], stationCount) });
      continue;
    }
    const value = target.key.rule.parse(text);
    if (target.key.rule.accepts(value)) target.into.set(target.path, target.key.isPath ? absolute(value) : value);
    else
      problems.push({
        path: target.shownPath,
        expected: target.key.rule.expected,
        actual: describe(text),
        place: name,
      });
  }
  return { device, stations, problems };
}

interface Target {
  readonly path: string;
  readonly shownPath: string;
  readonly key: AnyKey;
  readonly into: Map<string, unknown>;
}

function knownVariables(stations: readonly Map<string, unknown>[], device: Map<string, unknown>): Map<string, Target> {
  const known = new Map<string, Target>();
  for (const { path, key } of keysOf(deviceSchema)) {
    const name = variableOf(key);
    if (name !== null) known.set(name, { path, shownPath: path, key, into: device });
  }
  for (const [index, into] of stations.entries()) {
    for (const { path, key } of keysOf(stationSchema)) {
      const name = variableOf(key, index);
      if (name !== null) known.set(name, { path, shownPath: `stations[${index}].${path}`, key, into });
    }
  }
  return known;
}

function unknownVariable(
  name: string,
  known: readonly string[],
  stationCount: number,
): Pick<Problem, "expected" | "actual"> {
  const index = STATION.exec(name)?.[1];
  if (index !== undefined && Number(index) >= stationCount) {
    return { expected: `a station's index below ${stationCount}, the number of stations in the file`, actual: index };
  }
  const near = closest(name, known);
  return {
    expected: `a variable of a known key${near === undefined ? "" : ` (${near}?)`}`,
    actual: "a variable that no key has",
  };
}

function absolute(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(absolute);
  return typeof value !== "string" || isAbsolute(value) || isCredential(value) ? value : resolve(value);
}
