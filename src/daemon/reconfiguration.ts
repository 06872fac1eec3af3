import type { DeviceConfig } from "../config/config.ts";
import type { DeviceSession } from "../mqtt/device-session.ts";
import type { Outbox } from "../mqtt/outbox.ts";
import type { StationSession } from "../mqtt/station-session.ts";
import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import type { Admission } from "./admission.ts";
import type { ConfigChange, StationConcern } from "./concerns.ts";
import type { HttpHost } from "./http-host.ts";
import type { InferencePool } from "./inference-pool.ts";
import type { StationRunner, StationVitals } from "./station-runner.ts";
import { stationId } from "./station-settings.ts";
import { Trial, type Criterion } from "./trial.ts";

/** A station's parts, as far as a configuration reaches them. */
export interface StationParts {
  readonly id: string;
  readonly outbox: Outbox;
  readonly session: StationSession;
  readonly runner: StationRunner;
}

export interface ReconfigurationOptions {
  readonly stations: readonly StationParts[];
  readonly inference: InferencePool;
  readonly admission: Admission;
  readonly http: HttpHost;
  readonly deviceSession: DeviceSession;
  readonly setLogLevel: (level: DeviceConfig["log"]["level"]) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Something with a connection to the broker. */
interface Connected {
  readonly name: string;
  readonly isUp: () => boolean;
  readonly connects: () => number;
}

const STATION_CONCERNS: readonly StationConcern[] = ["machine", "admission", "scoring", "bank", "camera"];

/** Carries changes of the configuration out, each where it belongs and nowhere else, and knows what they put at risk. */
export class Reconfiguration {
  readonly #options: ReconfigurationOptions;

  constructor(options: ReconfigurationOptions) {
    this.#options = options;
  }

  apply(changes: readonly ConfigChange[], config: DeviceConfig): void {
    if (changes.length === 0) return;
    const { stations, inference, admission, http, deviceSession, setLogLevel, logger } = this.#options;
    const shown = changes.map(({ station, path }) => (station === null ? path : `${station} ${path}`));
    logger.info({ changes: shown }, "the configuration changes");
    const device = new Set(changes.flatMap(({ station, concern }) => (station === null ? [concern] : [])));
    if (device.has("log")) setLogLevel(config.log.level);
    for (const { id, outbox, session, runner } of stations) {
      const { maxRecords, maxRateHz } = config.history;
      if (device.has("history")) outbox.configure({ largest: maxRecords, perSecond: maxRateHz });
      if (device.has("broker")) session.reconfigure(config.broker);
      // A station that ends, or begins anew, is none of ours: see StationList.
      if (changes.some((change) => change.station === id && change.concern === "station")) continue;
      const station = config.stations.find((one) => stationId(one) === id);
      const concerns = this.#concernsOf(changes, id);
      if (device.has("banks")) concerns.add("bank");
      if (station !== undefined && concerns.size > 0) runner.reconfigure(config, station, concerns);
    }
    if (device.has("broker")) deviceSession.reconfigure(config.broker);
    if (device.has("inference")) inference.reconfigure(config.inference);
    if (device.has("http")) http.reconfigure(config.http);
    if (device.has("admission")) admission.judgeAll();
  }

  /**
   * To be called before the changes are applied: what works now must work after.
   *
   * @returns null when the changes put nothing at risk
   */
  trialOf(changes: readonly ConfigChange[], withinS: number): Trial | null {
    const { stations, http, clock } = this.#options;
    const device = new Set(changes.flatMap(({ station, concern }) => (station === null ? [concern] : [])));
    const criteria = stations.flatMap(({ id, runner }) => {
      const concerns = this.#concernsOf(changes, id);
      const reloads = concerns.has("bank") || device.has("banks") || device.has("inference");
      return [
        ...(concerns.has("camera") ? cameraCriteria(id, runner) : []),
        ...(reloads ? bankCriteria(id, runner) : []),
      ];
    });
    if (device.has("http")) criteria.push(...serverCriteria(http));
    const brokerAtRisk = device.has("broker");
    if (brokerAtRisk) criteria.push(...this.#connections().flatMap(connectionCriteria));
    const isSafe = !changes.some(({ apply }) => apply === "restart");
    return isSafe ? null : new Trial({ criteria, needsConfirmation: brokerAtRisk, withinS, clock });
  }

  checkCredentials(): void {
    for (const { session } of this.#options.stations) session.checkCredentials();
    this.#options.deviceSession.checkCredentials();
  }

  #concernsOf(changes: readonly ConfigChange[], id: string): Set<StationConcern> {
    const own = new Set(changes.flatMap(({ station, concern }) => (station === id ? [concern] : [])));
    return new Set(STATION_CONCERNS.filter((concern) => own.has(concern)));
  }

  #connections(): readonly Connected[] {
    const { stations, deviceSession } = this.#options;
    return [
      ...stations.map(({ id, session }) => ({
        name: `${id}'s`,
        isUp: () => session.status().state === "connected",
        connects: () => session.counters().connects,
      })),
      {
        name: "the device's",
        isUp: () => deviceSession.status().state === "connected",
        connects: () => deviceSession.connects,
      },
    ];
  }
}

function connectionCriteria({ name, isUp, connects }: Connected): readonly Criterion[] {
  if (!isUp()) return [];
  const before = connects();
  const proved = (): boolean => isUp() && connects() > before;
  return [{ expected: `${name} connection to the broker to stand`, proved, stands: proved }];
}

/** Whoever closes the server on purpose misses nothing. */
function serverCriteria(http: HttpHost): readonly Criterion[] {
  if (http.port === null) return [];
  const before = http.changes;
  const proved = (): boolean => http.changes > before && http.problem === null;
  return [{ expected: "the HTTP server to listen", proved, stands: proved }];
}

/** A camera that is triggered by parts may give no frame for long: that it plays has to be enough then. */
function cameraCriteria(id: string, runner: { readonly vitals: StationVitals }): readonly Criterion[] {
  const before = runner.vitals.camera;
  if (!before.playing) return [];
  const stands = (): boolean => runner.vitals.camera.playing && runner.vitals.camera.starts > before.starts;
  const proved = (): boolean => stands() && runner.vitals.camera.frames > 0;
  return [{ expected: `${id}'s camera to play`, proved, stands }];
}

function bankCriteria(id: string, runner: { readonly vitals: StationVitals }): readonly Criterion[] {
  const before = runner.vitals.bank;
  if (!before.active) return [];
  const proved = (): boolean => runner.vitals.bank.active && runner.vitals.bank.loads > before.loads;
  return [{ expected: `${id}'s memory bank to be active`, proved, stands: proved }];
}
