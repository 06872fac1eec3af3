import { resolveConfig, type ConfigSource, type LoadedConfig } from "../config/load-config.ts";
import { problemsError } from "../config/problem.ts";
import { DEVICE_TWIN } from "../config/twin-document.ts";
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
  const twins = new Map<string, StoredTwin>();
  const leftOut = new Map<string, string>();
  const { stateFolder, stations } = own.loaded.config;
  for (const name of [DEVICE_TWIN, ...stations.map(stationId)]) {
    try {
      twins.set(name, new TwinFile(stateFolder, name).read());
    } catch (error) {
      if (!(error instanceof NominalError)) throw error;
      twins.set(name, NOTHING_STORED);
      leftOut.set(name, reasonOf(error));
    }
  }
  // One that no longer fits what the file says now must not keep the others, or the daemon, from working.
  const bodies = new Map<string, unknown>();
  let loaded = own.loaded;
  for (const [name, { current }] of twins) {
    if (current === null) continue;
    const tried = resolveConfig(source, new Map([...bodies, [name, current.body]]));
    if (tried.problems.length > 0) {
      leftOut.set(name, problemsError(`what was pushed to ${name}`, tried.problems).message);
      continue;
    }
    bodies.set(name, current.body);
    loaded = tried.loaded;
  }
  return { loaded, twins, leftOut };
}
