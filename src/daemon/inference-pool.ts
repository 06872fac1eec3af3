import { isDeepStrictEqual } from "node:util";
import type { DeviceConfig } from "../config/config.ts";
import type { Clock } from "../shared/clock.ts";
import { DeviceError, NominalError } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import { InferenceHost, type InferenceListener } from "./inference-host.ts";
import { placeStation, type Placed } from "./place-station.ts";

/** A station as the inference processes see it. */
export interface InferenceUser extends Placed {
  /** `line/name` */
  readonly id: string;
  readonly listener: InferenceListener;
}

interface Process {
  readonly host: InferenceHost;
  readonly users: InferenceUser[];
}

export interface InferencePoolOptions {
  readonly settings: DeviceConfig["inference"];
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The inference processes of the device, as many as `inference.processes` says but no more than there are stations. Each has
 * a supervisor of its own: when one dies, it is lost for its own stations alone.
 */
export class InferencePool {
  readonly #options: InferencePoolOptions;
  #settings: DeviceConfig["inference"];
  /** By number; null: no station works in it. */
  #processes: (Process | null)[] = [];
  /** Processes that end on purpose. */
  readonly #ending = new Set<Promise<void>>();
  #closed = false;

  constructor(options: InferencePoolOptions) {
    this.#options = options;
    this.#settings = options.settings;
    this.#processes = new Array<null>(options.settings.processes).fill(null);
  }

  /**
   * The station is told of its process as soon as there is one.
   *
   * @param planned stations that there will be when all of them are attached
   */
  attach(user: InferenceUser, planned: number): void {
    if (this.#closed) return;
    const users = this.#processes.map((process) => process?.users ?? []);
    const number = placeStation(users, user, planned);
    const process = this.#processes[number] ?? this.#open(number);
    process.users.push(user);
    process.host.attach(user.listener);
  }

  /** @returns the number of the process that the station works in; null: of none */
  numberOf(id: string): number | null {
    const number = this.#processes.findIndex((process) => process?.users.some((user) => user.id === id));
    return number < 0 ? null : number;
  }

  /** The station is told nothing any more, and its bank is given up. A process without a station ends. */
  detach(id: string): void {
    for (const [number, process] of this.#processes.entries()) {
      const at = process?.users.findIndex((user) => user.id === id) ?? -1;
      const user = process?.users[at];
      if (process === null || user === undefined) continue;
      process.host.detach(user.listener);
      process.users.splice(at, 1);
      if (process.users.length === 0) {
        this.#processes[number] = null;
        this.#end(process.host.close());
      } else this.#unload(process.host, id);
    }
  }

  /** Other processes follow, with these settings. */
  reconfigure(settings: DeviceConfig["inference"]): void {
    const before = this.#settings;
    this.#settings = settings;
    if (before.processes === settings.processes) {
      if (isDeepStrictEqual(before, settings)) return;
      for (const process of this.#processes) process?.host.reconfigure(settings);
      return;
    }
    const users = this.#processes.flatMap((process) => process?.users ?? []);
    const why = new DeviceError("inference-reconfigured", "The number of inference processes has changed");
    for (const process of this.#processes) if (process !== null) this.#end(process.host.retire(why));
    this.#processes = new Array<null>(settings.processes).fill(null);
    for (const user of users) this.attach(user, users.length);
  }

  /** Ends all processes. Nobody is told. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#processes.map((process) => process?.host.close()), ...this.#ending]);
  }

  #open(number: number): Process {
    const { clock, logger } = this.#options;
    const name = this.#settings.processes === 1 ? "inference" : `inference ${number + 1}`;
    const host = new InferenceHost({ name, settings: this.#settings, clock, logger });
    const process = { host, users: [] };
    this.#processes[number] = process;
    host.start();
    return process;
  }

  /** Memory that nobody needs; a process that is lost meanwhile has given it up, too. */
  #unload(host: InferenceHost, id: string): void {
    host.client?.unloadBank(id).catch((error: unknown) => {
      if (!(error instanceof NominalError)) throw error;
      this.#options.logger.info({ station: id, code: error.code }, `its bank was not given up: ${error.message}`);
    });
  }

  #end(closing: Promise<void>): void {
    this.#ending.add(closing);
    void closing.finally(() => this.#ending.delete(closing));
  }
}
