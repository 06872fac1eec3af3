import type { DeviceConfig } from "../config/config.ts";
import { deviceSchema } from "../config/device-schema.ts";
import { variableOf } from "../config/environment.ts";
import { keysOf } from "../config/key.ts";
import { parseConfig, resolveConfig, type ConfigSource, type LoadedConfig } from "../config/load-config.ts";
import type { Problem } from "../config/problem.ts";
import { stationSchema } from "../config/station-schema.ts";
import { DEVICE_TWIN, readTwin, type TwinBodies } from "../config/twin-document.ts";
import { BugError, ConfigError } from "../shared/errors.ts";
import { changesBetween, valueAt, type ConfigChange } from "./concerns.ts";
import { layOver, readTwins, type EffectiveConfig } from "./effective-config.ts";
import { stationId } from "./station-settings.ts";
import { NOTHING_STORED, type StoredTwin, type TwinError } from "./twin-file.ts";

/** A configuration that could take the place of the present one: it is checked as a whole. */
export interface Candidate {
  readonly loaded: LoadedConfig;
  readonly source: ConfigSource;
  readonly bodies: TwinBodies;
  readonly changes: readonly ConfigChange[];
  /** What was pushed before to stations that come with it. */
  readonly came: StoredTwins;
}

/** What was pushed, by twin, and why some of it does not hold. */
type StoredTwins = Pick<EffectiveConfig, "twins" | "leftOut">;

const NOBODY: StoredTwins = { twins: new Map(), leftOut: new Map() };

/** @returns whether it is what is wrong with the document, and no candidate */
export function isRefused(candidate: Candidate | readonly TwinError[]): candidate is readonly TwinError[] {
  return Array.isArray(candidate);
}

/**
 * The configuration that holds now, out of its layers. Whoever wants to change a layer asks for a candidate first, which
 * changes nothing; `activate` makes it hold and tells what has changed. One change at a time: see `exclusive`.
 */
export class ConfigKeeper {
  readonly #apply: (changes: readonly ConfigChange[], config: DeviceConfig) => void;
  #source: ConfigSource;
  #bodies: TwinBodies;
  #loaded: LoadedConfig;
  #stored: StoredTwins;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param apply carries the changes out; called by `activate` */
  constructor(
    source: ConfigSource,
    effective: EffectiveConfig,
    apply: (changes: readonly ConfigChange[], config: DeviceConfig) => void,
  ) {
    this.#apply = apply;
    this.#source = source;
    this.#loaded = effective.loaded;
    this.#stored = effective;
    this.#bodies = new Map(
      [...effective.twins].flatMap(([name, { current }]) =>
        current === null || effective.leftOut.has(name) ? [] : [[name, current.body]],
      ),
    );
  }

  get config(): DeviceConfig {
    return this.#loaded.config;
  }

  /** @returns what was pushed when the device, or the station, began; `leftOut`: why it does not hold, null when it does */
  storedTwin(name: string): { readonly stored: StoredTwin; readonly leftOut: string | null } {
    const { twins, leftOut } = this.#stored;
    return { stored: twins.get(name) ?? NOTHING_STORED, leftOut: leftOut.get(name) ?? null };
  }

  /** Runs `work` when every change before it is through. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /**
   * @param body what was pushed to the twin; null: nothing, so that the device's own file holds
   * @returns a candidate, or what is wrong with the body, by path below the twin
   */
  withTwin(name: string, body: unknown): Candidate | readonly TwinError[] {
    const bodies = new Map(this.#bodies);
    if (body === null) bodies.delete(name);
    else bodies.set(name, body);
    const { loaded, problems } = resolveConfig(this.#source, bodies);
    if (problems.length > 0) return problems.map((problem) => this.#twinError(name, problem));
    const pinned = body === null ? [] : this.#pinned(name, body, loaded);
    if (pinned.length > 0) return pinned;
    return this.#candidate(this.#source, bodies, loaded);
  }

  /** @throws ConfigError when the text is wrong, by itself or under what was pushed, or needs a new start */
  withText(text: string): Candidate {
    const source = { ...this.#source, text };
    const { stateFolder, stations } = parseConfig(text, source.file, source.env).config;
    const came = this.#cameWith(source, stateFolder, stations.map(stationId));
    const { loaded, problems } = resolveConfig(source, came.bodies);
    const [problem] = problems;
    if (problem !== undefined) {
      const { path, expected, actual } = problem;
      const text = `Expected ${source.file} to fit what was pushed but ${path}: expected ${expected}, but received ${actual}`;
      throw new ConfigError("config-invalid", text);
    }
    const candidate = this.#candidate(source, came.bodies, loaded, came);
    const fixed = candidate.changes.filter(({ concern }) => concern === "process").map(({ path }) => path);
    if (fixed.length > 0) {
      throw new ConfigError(
        "config-needs-start",
        `Expected changes in ${source.file} that a running daemon takes over but received ${fixed.join(", ")}; restart nominald`,
      );
    }
    return candidate;
  }

  activate({ loaded, source, bodies, changes, came }: Candidate): void {
    const { twins, leftOut } = this.#stored;
    this.#stored = { twins: new Map([...twins, ...came.twins]), leftOut: new Map([...leftOut, ...came.leftOut]) };
    this.#loaded = loaded;
    this.#source = source;
    this.#bodies = bodies;
    this.#apply(changes, loaded.config);
  }

  /** @returns what a twin may set, with the values that hold now, in the form of a document that could be pushed */
  effective(name: string): object {
    const [tree, values] =
      name === DEVICE_TWIN ? [deviceSchema, this.config] : [stationSchema, this.config.stations[this.#indexOf(name)]];
    const document: Record<string, unknown> = {};
    for (const { path, key } of keysOf(tree)) {
      if (key.apply === "local") continue;
      const names = path.split(".");
      const last = names.pop() ?? "";
      let group = document;
      for (const step of names) group = (group[step] ??= {}) as Record<string, unknown>;
      group[last] = valueAt(values, path);
    }
    return document;
  }

  #candidate(source: ConfigSource, bodies: TwinBodies, loaded: LoadedConfig, came = NOBODY): Candidate {
    return { source, bodies, loaded, changes: changesBetween(this.config, loaded.config), came };
  }

  /**
   * Of stations that were not here before, what was pushed to them then holds again; of those that are gone, nothing does. One
   * that stays may begin anew, and then with what its file says.
   */
  #cameWith(
    source: ConfigSource,
    stateFolder: string,
    ids: readonly string[],
  ): StoredTwins & { readonly bodies: TwinBodies } {
    const here = new Set(this.config.stations.map(stationId));
    const { twins, leftOut } = readTwins(stateFolder, ids);
    const added = new Map([...twins].filter(([id]) => !here.has(id)));
    const stay = new Map([...this.#bodies].filter(([name]) => name === DEVICE_TWIN || ids.includes(name)));
    const laid = layOver(source, stay, added);
    return { twins, leftOut: new Map([...leftOut, ...laid.leftOut]), bodies: laid.bodies };
  }

  /** What a variable of the environment sets, no push can: it would be said to be applied, and would not hold. */
  #pinned(name: string, body: unknown, { origins }: LoadedConfig): readonly TwinError[] {
    const isDevice = name === DEVICE_TWIN;
    const tree = isDevice ? deviceSchema : stationSchema;
    const index = isDevice ? undefined : this.#indexOf(name);
    return [...readTwin(tree, body).values.keys()].flatMap((path) => {
      if (origins.get(index === undefined ? path : `stations[${index}].${path}`) !== "env") return [];
      const key = keysOf(tree).find((one) => one.path === path)?.key;
      const variable = key === undefined ? null : variableOf(key, index);
      return [{ path, message: `expected a key that the device leaves open, but it is set by ${variable} there` }];
    });
  }

  #twinError(name: string, { path, expected, actual }: Problem): TwinError {
    const prefix = name === DEVICE_TWIN ? "" : `stations[${this.#indexOf(name)}]`;
    const below = path.startsWith(prefix) ? path.slice(prefix.length).replace(/^\./, "") : path;
    return { path: below, message: `expected ${expected}, but received ${actual}` };
  }

  #indexOf(name: string): number {
    const index = this.config.stations.findIndex((station) => stationId(station) === name);
    if (index < 0) throw new BugError("twin-unknown", `Expected the twin of a station of this device but got ${name}`);
    return index;
  }
}
