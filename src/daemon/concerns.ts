import { isDeepStrictEqual } from "node:util";
import type { DeviceConfig, StationConfig } from "../config/config.ts";
import { deviceSchema } from "../config/device-schema.ts";
import { keysOf, type AnyTree, type Apply } from "../config/key.ts";
import { stationSchema } from "../config/station-schema.ts";
import { stationId } from "./station-settings.ts";

/** What of a station has to do with a key: nothing else is touched when the key changes. */
export type StationConcern = "machine" | "scoring" | "bank" | "camera";
/** What of the device has. `policy`: it is read at each use, so nothing has to be done. */
export type DeviceConcern = "broker" | "inference" | "history" | "log" | "banks" | "policy";
/** `process`: only a new start of nominald takes it over. */
type Concern = StationConcern | DeviceConcern | "process";

const DEVICE: Readonly<Record<keyof DeviceConfig, DeviceConcern | "process">> = {
  site: "process",
  device: "process",
  stateFolder: "process",
  sharedMemoryFolder: "process",
  modelsFolders: "banks",
  broker: "broker",
  inference: "inference",
  history: "history",
  log: "log",
  host: "policy",
  security: "policy",
  twin: "policy",
  delivery: "process",
  stations: "process",
};

const STATION: Readonly<Record<keyof StationConfig, StationConcern | "process">> = {
  line: "process",
  name: "process",
  mode: "process",
  bank: "bank",
  index: "bank",
  threshold: "scoring",
  maskThreshold: "scoring",
  region: "bank",
  rotation: "bank",
  deadlineMs: "machine",
  maxPending: "machine",
  maxRateHz: "camera",
  commissioning: "machine",
  validity: "scoring",
  challenge: "machine",
  lineStop: "machine",
  camera: "camera",
  pictures: "scoring",
};

export interface ConfigChange {
  /** Dotted, below the station or the device. */
  readonly path: string;
  readonly from: unknown;
  readonly to: unknown;
  readonly apply: Apply;
  /** `line/name`; null: device-wide. */
  readonly station: string | null;
  readonly concern: Concern;
}

/** @returns every key that differs; a list of other stations is one change, which only a new start takes over */
export function changesBetween(from: DeviceConfig, to: DeviceConfig): readonly ConfigChange[] {
  const names = ({ stations }: DeviceConfig): readonly string[] => stations.map(stationId);
  const device = differing(deviceSchema, from, to)
    .filter(({ path }) => path !== "stations")
    .map((change) => ({ ...change, station: null, concern: concernOf(DEVICE, change.path) }));
  if (!isDeepStrictEqual(names(from), names(to))) {
    const path = "stations";
    return [...device, { path, from: names(from), to: names(to), apply: "local", station: null, concern: "process" }];
  }
  const stations = to.stations.flatMap((station, index) =>
    differing(stationSchema, from.stations[index], station).map((change) => ({
      ...change,
      station: stationId(station),
      concern: concernOf(STATION, change.path),
    })),
  );
  return [...device, ...stations];
}

/** @returns what a key concerns, by the first name of its path */
export function concernOf<T>(concerns: Readonly<Record<string, T>>, path: string): T {
  const concern = concerns[path.split(".")[0] ?? ""];
  if (concern === undefined) throw new Error(`unreachable: the compiler holds that ${path} has its concern`);
  return concern;
}

/** @returns what the key at `path` of a station, or of the device, concerns */
export function concernOfKey(owner: "device" | "station", path: string): Concern {
  return concernOf<Concern>(owner === "device" ? DEVICE : STATION, path);
}

function differing(tree: AnyTree, from: unknown, to: unknown): Pick<ConfigChange, "path" | "from" | "to" | "apply">[] {
  return keysOf(tree).flatMap(({ path, key: { apply } }) => {
    const [before, after] = [valueAt(from, path), valueAt(to, path)];
    return isDeepStrictEqual(before, after) ? [] : [{ path, from: before, to: after, apply }];
  });
}

/** @returns the value at a dotted path; undefined when there is none */
export function valueAt(config: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>(
      (value, name) => (typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined),
      config,
    );
}
