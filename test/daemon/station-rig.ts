import { stringify } from "yaml";
import type { DeviceConfig, StationConfig } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import { StationSession } from "../../src/mqtt/station-session.ts";
import type { Logger } from "../../src/shared/logger.ts";
import { systemClock } from "../../src/shared/system-clock.ts";
import type { LogLine } from "../support/daemon-process.ts";
import type { TestLine } from "../support/test-line.ts";

export const BOOT = "0badcafe";

/** Keeps what is logged, as fields and message. */
export class KeptLog implements Logger {
  readonly lines: LogLine[] = [];

  debug = (fields: object, msg: string): void => this.#keep("debug", fields, msg);
  info = (fields: object, msg: string): void => this.#keep("info", fields, msg);
  warn = (fields: object, msg: string): void => this.#keep("warn", fields, msg);
  error = (fields: object, msg: string): void => this.#keep("error", fields, msg);

  #keep(level: string, fields: object, msg: string): void {
    this.lines.push({ ...fields, level, msg });
  }
}

export interface StationParts {
  readonly device: DeviceConfig;
  readonly station: StationConfig;
  readonly session: StationSession;
  readonly log: KeptLog;
}

/** The configuration of the line's one station, read as the daemon reads it, and a session of it that is not started. */
export function stationParts(line: TestLine, options: Parameters<TestLine["config"]>[0]): StationParts {
  const { config: device } = parseConfig(stringify(line.config(options)), `${line.folder}/config.yaml`, {});
  const [station] = device.stations;
  if (station === undefined) throw new Error("Expected one station");
  const log = new KeptLog();
  const session = new StationSession({
    identity: { site: device.site, line: station.line, station: station.name },
    device: device.device,
    boot: BOOT,
    broker: device.broker,
    logger: log,
    clock: systemClock,
    random: Math.random,
  });
  return { device, station, session, log };
}
