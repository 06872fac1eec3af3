import { join } from "node:path";
import { stringify } from "yaml";
import type { DeviceConfig, StationConfig } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import { stationId } from "../../src/daemon/station-settings.ts";
import { Outbox } from "../../src/mqtt/outbox.ts";
import { StationSession } from "../../src/mqtt/station-session.ts";
import { systemClock } from "../../src/shared/system-clock.ts";
import { StationStore } from "../../src/store/station-store.ts";
import { Store } from "../../src/store/store-client.ts";
import { KeptLog } from "../support/kept-log.ts";
import type { TestLine } from "../support/test-line.ts";

export const BOOT = "0badcafe";

export interface StationParts {
  readonly device: DeviceConfig;
  readonly station: StationConfig;
  readonly session: StationSession;
  readonly log: KeptLog;
  readonly database: Store;
  readonly store: StationStore;
}

/**
 * The configuration of the line's one station, read as the daemon reads it, and a session of it that is not started, with
 * its outbox in a database that is not opened.
 */
export function stationParts(line: TestLine, options: Parameters<TestLine["config"]>[0]): StationParts {
  const { config: device } = parseConfig(stringify(line.config(options)), `${line.folder}/config.yaml`, {});
  const [station] = device.stations;
  if (station === undefined) throw new Error("Expected one station");
  const log = new KeptLog();
  const id = stationId(station);
  const database = new Store({
    file: join(line.folder, `${device.device}.sqlite`),
    stations: [id],
    logger: log,
    onHealth: () => undefined,
  });
  const store = new StationStore(database, id);
  const { maxRecords, maxRateHz } = device.history;
  const session = new StationSession({
    identity: { site: device.site, line: station.line, station: station.name },
    device: device.device,
    boot: BOOT,
    broker: device.broker,
    logger: log,
    clock: systemClock,
    random: Math.random,
    outbox: new Outbox(store, { largest: maxRecords, perSecond: maxRateHz }),
    credentialsFolder: null,
  });
  return { device, station, session, log, database, store };
}
