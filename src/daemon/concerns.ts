import { isDeepStrictEqual } from "node:util";
import type { DeviceConfig, StationConfig } from "../config/config.ts";
import { deviceSchema } from "../config/device-schema.ts";
import { keysOf, type AnyTree, type Apply } from "../config/key.ts";
import { stationSchema } from "../config/station-schema.ts";
import { stationId } from "./station-settings.ts";

/** What of a station has to do with a key: nothing else is touched when the key changes. */
export type StationConcern = "machine" | "admission" | "scoring" | "bank" | "camera";
/** What of the device has. `policy`: it is read at each use, so nothing has to be done. */
export type DeviceConcern = "broker" | "inference" | "admission" | "history" | "http" | "log" | "banks" | "policy";
/** `station`: it ends and begins anew, alone. `process`: only a new start of nominald takes it over. */
type Concern = StationConcern | DeviceConcern | "station" | "process";

const DEVICE: Readonly<Record<keyof DeviceConfig, DeviceConcern | "station" | "process">> = {
  site: "process",
  device: "process",
  stateFolder: "process",
  sharedMemoryFolder: "process",
  modelsFolders: "banks",
  broker: "broker",
  inference: "inference",
  admission: "admission",
  history: "history",
  http: "http",
  log: "log",
  host: "policy",
  security: "policy",
  twin: "policy",
  delivery: "process",
  stations: "station",
};

const STATION: Readonly<Record<keyof StationConfig, StationConcern | "station">> = {
  line: "station",
  name: "station",
  mode: "station",
  bank: "bank",
  index: "bank",
  threshold: "scoring",
  maskThreshold: "scoring",
  region: "bank",
  rotation: "bank",
  deadlineMs: "machine",
  taktMs: "admission",
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

/** @returns every key that differs, and each station that has come or gone; their order says nothing */
export function changesBetween(from: DeviceConfig, to: DeviceConfig): readonly ConfigChange[] {
  const [before, after] = [stationsById(from), stationsById(to)];
  const device = differing(deviceSchema, from, to)
    .filter(({ path }) => path !== "stations")
    .map((change) => ({ ...change, station: null, concern: concernOf(DEVICE, change.path) }));
  const ids = new Set([...before.keys(), ...after.keys()]);
  const stations = [...ids].flatMap((id): readonly ConfigChange[] => {
    const [old, current] = [before.get(id), after.get(id)];
    if (old !== undefined && current !== undefined) {
      return differing(stationSchema, old, current).map((change) => ({
        ...change,
        station: id,
        concern: concernOf(STATION, change.path),
      }));
    }
    const [was, is] = [old === undefined ? null : id, current === undefined ? null : id];
    return [
      { path: "stations", from: was, to: is, apply: "local", station: id, concern: concernOf(DEVICE, "stations") },
    ];
  });
  return [...device, ...stations];
}

function stationsById({ stations }: DeviceConfig): ReadonlyMap<string, StationConfig> {
  return new Map(stations.map((station) => [stationId(station), station]));
}

/** @returns what a key concerns, by the first name of its path */
function concernOf<T>(concerns: Readonly<Record<string, T>>, path: string): T {
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
