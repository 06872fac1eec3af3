import { resolveConfig, type ConfigSource, type LoadedConfig } from "../config/load-config.ts";
import { problemsError } from "../config/problem.ts";
import { DEVICE_TWIN, type TwinBodies } from "../config/twin-document.ts";
import { NominalError, reasonOf } from "../shared/errors.ts";
import { stationId } from "./station-settings.ts";
import { NOTHING_STORED, TwinFile, type StoredTwin } from "./twin-file.ts";

/** The device's own configuration with what was pushed over it, as a start takes it over. */
export interface EffectiveConfig {
  readonly loaded: LoadedConfig;
  readonly twins: ReadonlyMap<string, StoredTwin>;
  /** Twins that are left out, by name, and why. The line works without them. */
  readonly leftOut: ReadonlyMap<string, string>;
}

/**
 * Precedence, the later over the earlier: defaults, the device's file, what was pushed, the environment. A configuration
 * that was on trial when the daemon ended has not proved itself and is not part of it.
 *
 * @throws ConfigError when the device's own file and environment are wrong by themselves
 */
export function effectiveConfig(source: ConfigSource): EffectiveConfig {
  const own = resolveConfig(source);
  if (own.problems.length > 0) throw problemsError(source.file, own.problems);
  const { stateFolder, stations } = own.loaded.config;
  const { twins, leftOut } = readTwins(stateFolder, [DEVICE_TWIN, ...stations.map(stationId)]);
  const laid = layOver(source, new Map(), twins);
  return { loaded: laid.loaded ?? own.loaded, twins, leftOut: new Map([...leftOut, ...laid.leftOut]) };
}

/** @returns what was pushed to each of these; one that cannot be read is left out, as if nothing had been pushed */
export function readTwins(
  stateFolder: string,
  names: readonly string[],
): { readonly twins: ReadonlyMap<string, StoredTwin>; readonly leftOut: ReadonlyMap<string, string> } {
  const twins = new Map<string, StoredTwin>();
  const leftOut = new Map<string, string>();
  for (const name of names) {
    try {
      twins.set(name, new TwinFile(stateFolder, name).read());
    } catch (error) {
      if (!(error instanceof NominalError)) throw error;
      twins.set(name, NOTHING_STORED);
      leftOut.set(name, reasonOf(error));
    }
  }
  return { twins, leftOut };
}

/**
 * Lays pushed configurations over the device's own and over `bodies`, one after the other. One that no longer fits what the
 * file says now must not keep the others, or the daemon, from working.
 *
 * @returns `loaded` with all that fit, null when there was none
 */
export function layOver(
  source: ConfigSource,
  bodies: TwinBodies,
  twins: ReadonlyMap<string, StoredTwin>,
): {
  readonly bodies: TwinBodies;
  readonly loaded: LoadedConfig | null;
  readonly leftOut: ReadonlyMap<string, string>;
} {
  const laid = new Map(bodies);
  const leftOut = new Map<string, string>();
  let loaded: LoadedConfig | null = null;
  for (const [name, { current }] of twins) {
    if (current === null) continue;
    const tried = resolveConfig(source, new Map([...laid, [name, current.body]]));
    if (tried.problems.length > 0) {
      leftOut.set(name, problemsError(`what was pushed to ${name}`, tried.problems).message);
      continue;
    }
    laid.set(name, current.body);
    loaded = tried.loaded;
  }
  return { bodies: laid, loaded, leftOut };
}
