import { join } from "node:path";
import { removeStaleSlots } from "../capture/slot-folder.ts";
import type { DeviceConfig } from "../config/config.ts";
import type { ConfigSource } from "../config/load-config.ts";
import { DEVICE_TWIN } from "../config/twin-document.ts";
import type { DeviceFigures } from "../metrics/figures.ts";
import { Metrics } from "../metrics/metrics.ts";
import { DeviceSession } from "../mqtt/device-session.ts";
import { OutboxKeys } from "../mqtt/outbox-keys.ts";
import { ClockSync } from "../ops/clock-sync.ts";
import { EventLoopDelay } from "../ops/event-loop-delay.ts";
import { LogLevelSwitch } from "../ops/log-level.ts";
import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import type { WriteStep } from "../shared/replace-file.ts";
import { Store } from "../store/store-client.ts";
import { Admission } from "./admission.ts";
import { ConfigKeeper } from "./config-keeper.ts";
import { deviceFigures } from "./device-figures.ts";
import { DeviceHealth } from "./device-health.ts";
import type { DeviceView } from "./device-view.ts";
import { DocumentGate } from "./document-gate.ts";
import type { EffectiveConfig } from "./effective-config.ts";
import { HttpHost } from "./http-host.ts";
import { httpRoutes } from "./http-routes.ts";
import { InferencePool } from "./inference-pool.ts";
import { makeStation, type DeviceParts } from "./make-station.ts";
import { Recovery } from "./recovery.ts";
import { Reconfiguration } from "./reconfiguration.ts";
import { StateFolder } from "./state-folder.ts";
import { StationList } from "./station-list.ts";
import { stationId } from "./station-settings.ts";
import { Twin } from "./twin.ts";
import { TwinFile } from "./twin-file.ts";

export interface DaemonOptions {
  readonly source: ConfigSource;
  /** Of `source`. */
  readonly effective: EffectiveConfig;
  readonly setLogLevel: (level: DeviceConfig["log"]["level"]) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  /** In [0, 1), for the jitter of reconnects. */
  readonly random: () => number;
  /** 8 hex digits, drawn for this run. */
  readonly boot: string;
  readonly versions: Readonly<Record<string, string>>;
  /** systemd's $CREDENTIALS_DIRECTORY; null without one. */
  readonly credentialsFolder: string | null;
  /** Told after each step of writing counters, twins and what belongs to a bank that comes in; a test ends the process there. */
  readonly onWriteStep?: (step: WriteStep) => void;
}

/** A disk that answers nothing for so long hangs in the kernel; a new process may get through, ms. */
const STORE_STUCK_MS = 60_000;

/** The outbox, in the state folder. */
const DATABASE = "outbox.sqlite";

/**
 * The composition root: makes every part that the device has once, and has its stations made (`makeStation`).
 *
 * Start: state folder, left-over slots, the database with what a former run left, MQTT sessions (which say
 * "initialising"), the inference process, each station's bank, each station's camera. Stop in the opposite order: cameras
 * first, so that no new part comes; open parts are decided; the inference process; last records and `status` 0; the
 * database.
 */
export class Daemon {
  readonly #options: DaemonOptions;
  readonly #stateFolder: StateFolder;
  readonly #clockSync: ClockSync;
  /** What every signed document has to pass. */
  readonly #gate: DocumentGate;
  readonly #eventLoop = new EventLoopDelay();
  readonly #logLevel: LogLevelSwitch;
  readonly #health: DeviceHealth;
  readonly #store: Store;
  readonly #keeper: ConfigKeeper;
  readonly #reconfiguration: Reconfiguration;
  readonly #deviceTwin: Twin;
  readonly #deviceSession: DeviceSession;
  readonly #stations: StationList;
  readonly #inference: InferencePool;
  readonly #admission: Admission;
  readonly #http: HttpHost;
  readonly #metrics: Metrics;
  readonly #recovery: Recovery;
  readonly #view: DeviceView;
  #closing: Promise<void> | undefined;

  constructor(options: DaemonOptions) {
    const { source, effective, clock, logger } = options;
    const { config } = effective.loaded;
    this.#options = options;
    this.#keeper = new ConfigKeeper(source, effective, (changes, next) => {
      this.#reconfiguration.apply(changes, next);
    });
    this.#stateFolder = new StateFolder(config.stateFolder);
    this.#clockSync = new ClockSync({ logger });
    this.#logLevel = new LogLevelSwitch({
      configured: config.log.level,
      apply: options.setLogLevel,
      clock,
      logger,
    });
    this.#health = new DeviceHealth({
      stateFolder: config.stateFolder,
      limits: () => this.#keeper.config.host,
      clockSync: () => this.#clockSync.state,
      ...{ clock, logger, onChange: () => this.#refresh() },
    });
    this.#gate = new DocumentGate({
      stateFolder: config.stateFolder,
      allowUnsigned: () => this.#keeper.config.security.allowUnsigned,
      clock,
      logger,
      ...(options.onWriteStep === undefined ? {} : { onWriteStep: options.onWriteStep }),
    });
    this.#store = new Store({
      file: join(config.stateFolder, DATABASE),
      stations: config.stations.map(stationId),
      logger,
      onHealth: (problem) => {
        for (const { runner } of this.#stations.entries) runner.storageHealth(problem);
      },
    });
    this.#recovery = new Recovery(this.#store, clock);
    this.#view = {
      versions: options.versions,
      clockSync: () => this.#clockSync.state,
      storage: () => this.#store.status(),
      eventLoop: () => this.#eventLoop.read(),
      pushes: () => this.#gate.status(),
      health: this.#health,
    };
    this.#deviceTwin = this.#makeTwin(DEVICE_TWIN, `${config.site}/${DEVICE_TWIN}/${config.device}`);
    this.#deviceSession = this.#makeDeviceSession();
    this.#metrics = new Metrics({ figures: () => this.#figures(), clock });
    this.#inference = new InferencePool({ settings: config.inference, clock, logger });
    this.#admission = new Admission({
      order: () => this.#keeper.config.stations.map(stationId),
      policy: () => this.#keeper.config.admission,
      processOf: (id) => this.#inference.numberOf(id),
      logger,
    });
    const { random, credentialsFolder, onWriteStep } = options;
    const parts: DeviceParts = {
      ...{ config: () => this.#keeper.config, store: this.#store, outboxKeys: new OutboxKeys(), gate: this.#gate },
      ...{ view: this.#view, admission: this.#admission, metrics: this.#metrics, logLevel: this.#logLevel },
      makeTwin: (name, target) => this.#makeTwin(name, target),
      ...{ clock, logger, random, credentialsFolder, onWriteStep },
    };
    this.#stations = new StationList(config.stations, {
      ...{ inference: this.#inference, logger, boot: options.boot, nextBoot: () => this.#drawBoot() },
      make: (station, boot) => makeStation(station, boot, parts),
      recover: (id) => this.#recovery.of(id),
      onRemoved: (id) => this.#metrics.forget(id),
    });
    this.#http = new HttpHost({
      settings: config.http,
      logger,
      routes: httpRoutes({
        ...{ metrics: this.#metrics, boot: options.boot },
        ...{ stuck: () => this.stuck(), stations: () => this.#stations.entries },
      }),
    });
    this.#reconfiguration = new Reconfiguration({
      stations: this.#stations.entries,
      inference: this.#inference,
      admission: this.#admission,
      http: this.#http,
      deviceSession: this.#deviceSession,
      setLogLevel: (level) => this.#logLevel.configure(level),
      clock,
      logger,
    });
  }

  /** @throws DeviceError when the state folder or the shared memory cannot be used: nothing could work without */
  async start(): Promise<void> {
    const { logger, boot } = this.#options;
    const { config } = this.#keeper;
    const stale = await removeStaleSlots(config.sharedMemoryFolder);
    await this.#stateFolder.take();
    if (stale.removed > 0) logger.info({ ...stale }, "slots that a dead daemon had left were removed");
    this.#gate.start();
    this.#clockSync.start();
    this.#eventLoop.start();
    this.#http.start();
    this.#health.start();
    await this.#recovery.open();
    this.#deviceTwin.start();
    this.#deviceSession.start();
    await this.#stations.start(config);
    this.#recovery.taken();
    logger.info({ boot, stations: config.stations.length }, "daemon is up");
  }

  /**
   * The device's file was read again: what has changed is taken over, as a push would be, but by a person at the device and
   * so without a trial. Renewed credentials are used at once.
   *
   * @param text of the file
   * @returns paths of what has changed
   * @throws ConfigError when the file is wrong or needs a new start; the configuration stays as it was
   */
  async reload(text: string): Promise<readonly string[]> {
    const changed = await this.#keeper.exclusive(async () => {
      const candidate = this.#keeper.withText(text);
      this.#keeper.activate(candidate);
      await this.#stations.apply(candidate.changes, this.#keeper.config);
      return candidate.changes.map(({ station, path }) => (station === null ? path : `${station} ${path}`));
    });
    this.#reconfiguration.checkCredentials();
    this.#gate.remind();
    this.#refresh();
    for (const twin of this.#twins()) twin.changed();
    return changed;
  }

  /** What makes no progress although there is work for it, in words; null: all goes on. */
  stuck(): string | null {
    const unansweredMs = this.#store.unansweredMs();
    if (unansweredMs < STORE_STUCK_MS) return null;
    return `the database has not answered for ${Math.round(unansweredMs / 1_000)} s`;
  }

  /** Each station's state in a line, e.g. "line1/washers ready; line1/lids error: camera-lost". */
  statusLine(): string {
    const stations = this.#stations.entries.map(({ id, runner }) => `${id} ${runner.statusWords()}`);
    return [...stations, ...(this.#http.problem === null ? [] : [`no HTTP server: ${this.#http.problem}`])].join("; ");
  }

  #figures(): Promise<DeviceFigures> {
    return deviceFigures({
      ...{ config: this.#keeper.config, view: this.#view, inference: this.#inference },
      ...{ deviceSession: this.#deviceSession, stations: this.#stations.entries },
    });
  }

  #refresh(): void {
    for (const { runner } of this.#stations.entries) runner.refresh();
  }

  #twins(): readonly Twin[] {
    return [this.#deviceTwin, ...this.#stations.entries.map(({ twin }) => twin)];
  }

  #makeTwin(name: string, target: string): Twin {
    const { clock, logger, onWriteStep } = this.#options;
    const { stateFolder } = this.#keeper.config;
    const { stored, leftOut } = this.#keeper.storedTwin(name);
    return new Twin({
      name,
      target,
      file: new TwinFile(stateFolder, name, onWriteStep),
      ...{ stored, leftOut },
      gate: this.#gate,
      keeper: this.#keeper,
      trialOf: (changes) => this.#reconfiguration.trialOf(changes, this.#keeper.config.twin.confirmWithinS),
      clock,
      logger,
    });
  }

  #makeDeviceSession(): DeviceSession {
    const { logger, clock, random, credentialsFolder } = this.#options;
    const { site, device, broker } = this.#keeper.config;
    const listener = this.#deviceTwin;
    const session = new DeviceSession({ site, device, broker, logger, clock, random, credentialsFolder, listener });
    this.#deviceTwin.listen(session);
    return session;
  }

  #drawBoot(): string {
    return Math.floor(this.#options.random() * 2 ** 32)
      .toString(16)
      .padStart(8, "0");
  }

  /** Idempotent. Bounded by the deadlines of the parts. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await this.#http.close();
    this.#deviceTwin.close();
    await this.#stations.closeStations();
    await this.#inference.close();
    await Promise.all([this.#deviceSession.close(), this.#stations.closeSessions()]);
    await this.#store.close();
    this.#gate.close();
    this.#clockSync.close();
    this.#eventLoop.close();
    this.#logLevel.close();
    this.#health.close();
    const unreleased = this.#stateFolder.release();
    if (unreleased !== null) {
      this.#options.logger.warn({ cause: unreleased.message }, "the lock in the state folder could not be removed");
    }
    this.#options.logger.info({}, "daemon has stopped");
  }
}
