import { removeStaleSlots } from "../capture/slot-folder.ts";
import type { DeviceConfig } from "../config/config.ts";
import { StationSession } from "../mqtt/station-session.ts";
import { ClockSync } from "../ops/clock-sync.ts";
import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import { InferenceHost } from "./inference-host.ts";
import { StateFolder } from "./state-folder.ts";
import { StationRunner } from "./station-runner.ts";

export interface DaemonOptions {
  readonly config: DeviceConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  /** In [0, 1), for the jitter of reconnects. */
  readonly random: () => number;
  /** 8 hex digits, drawn for this run. */
  readonly boot: string;
  readonly versions: Readonly<Record<string, string>>;
}

/**
 * The composition root: makes every part of the daemon and is the only one that does.
 *
 * Start: state folder, left-over slots, MQTT sessions (which say "initialising"), the inference process, each
 * station's bank, each station's camera. Stop in the opposite order: cameras first, so that no new part comes; open
 * parts are decided; the inference process; last records and `status` 0.
 */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #stateFolder: StateFolder;
  readonly #clockSync: ClockSync;
  readonly #stations: readonly StationRunner[];
  readonly #inference: InferenceHost;
  #closing: Promise<void> | undefined;

  constructor(options: DaemonOptions) {
    const { config, clock, logger, random, boot, versions } = options;
    this.#options = options;
    this.#stateFolder = new StateFolder(config.stateFolder);
    this.#clockSync = new ClockSync({ logger });
    const clockSync = (): ClockSync["state"] => this.#clockSync.state;
    this.#stations = config.stations.map((station) => {
      const identity = { site: config.site, line: station.line, station: station.name };
      const { device, broker } = config;
      const session = new StationSession({ identity, device, boot, broker, logger, clock, random });
      return new StationRunner({ device: config, station, boot, versions, clock, clockSync, logger, session });
    });
    this.#inference = new InferenceHost({ settings: config.inference, clock, logger, listeners: this.#stations });
  }

  /** @throws DeviceError when the state folder or the shared memory cannot be used: nothing could work without */
  async start(): Promise<void> {
    const { config, logger, boot } = this.#options;
    const stale = await removeStaleSlots(config.sharedMemoryFolder);
    await this.#stateFolder.take();
    if (stale.removed > 0) logger.info({ ...stale }, "slots that a dead daemon had left were removed");
    this.#clockSync.start();
    for (const station of this.#stations) station.start();
    this.#inference.start();
    logger.info({ boot, stations: config.stations.length }, "daemon is up");
  }

  /** Idempotent. Bounded by the deadlines of the parts. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all(this.#stations.map((station) => station.close()));
    await this.#inference.close();
    await Promise.all(this.#stations.map((station) => station.closeSession()));
    this.#clockSync.close();
    const unreleased = this.#stateFolder.release();
    if (unreleased !== null) {
      this.#options.logger.warn({ cause: unreleased.message }, "the lock in the state folder could not be removed");
    }
    this.#options.logger.info({}, "daemon has stopped");
  }
}
