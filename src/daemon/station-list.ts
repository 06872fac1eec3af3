import { readBankManifest } from "../bank/bundle-read.ts";
import type { DeviceConfig, StationConfig } from "../config/config.ts";
import { NominalError } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import type { BankDelivery } from "./bank-delivery.ts";
import type { ConfigChange } from "./concerns.ts";
import type { InferenceListener } from "./inference-host.ts";
import type { InferencePool } from "./inference-pool.ts";
import type { StationParts } from "./reconfiguration.ts";
import type { StationRecovery } from "./recovery.ts";
import { stationId } from "./station-settings.ts";
import type { Twin } from "./twin.ts";

/** One station with what is its own. */
export interface StationEntry extends StationParts {
  readonly twin: Twin;
  readonly delivery: BankDelivery;
}

export interface StationListOptions {
  /** @param boot 8 hex digits that no other run of a station has: its parts are counted from 1 under them */
  readonly make: (station: StationConfig, boot: string) => StationEntry;
  /** What a former run of the station left. */
  readonly recover: (id: string) => Promise<StationRecovery>;
  /** Told when a station has ended; it may come back under the same name. */
  readonly onRemoved: (id: string) => void;
  readonly inference: Pick<InferencePool, "attach" | "detach">;
  readonly boot: string;
  readonly nextBoot: () => string;
  readonly logger: Logger;
}

/** The stations of the device. They come and go, and what becomes of one touches no other. */
export class StationList {
  readonly #options: StationListOptions;
  readonly #entries: StationEntry[];
  #closing = false;
  /** Settled when the last change is through, whatever came of it. */
  #applying: Promise<void> = Promise.resolve();

  constructor(stations: readonly StationConfig[], options: StationListOptions) {
    this.#options = options;
    this.#entries = stations.map((station) => options.make(station, options.boot));
  }

  /** As they are now: the same list all the time. */
  get entries(): readonly StationEntry[] {
    return this.#entries;
  }

  async start({ stations }: DeviceConfig): Promise<void> {
    for (const entry of this.#entries) this.#begin(entry, await this.#options.recover(entry.id));
    for (const station of stations) await this.#attach(station, stations.length);
  }

  /** Carries out which stations are there: those that a change of the list concerns end, and begin as they are now. */
  apply(changes: readonly ConfigChange[], { stations }: DeviceConfig): Promise<void> {
    const concerned = new Set(changes.flatMap(({ concern, station }) => (concern === "station" ? [station] : [])));
    const left = new Set(stations.map(stationId));
    const work = (async (): Promise<void> => {
      const ending = this.#entries.filter(({ id }) => concerned.has(id));
      await Promise.all(ending.map((entry) => this.#remove(entry, !left.has(entry.id))));
      for (const station of stations) if (concerned.has(stationId(station))) await this.#add(station);
    })();
    this.#applying = work.catch(() => undefined);
    return work;
  }

  /** Everything but the sessions, which wait for the last records. */
  async closeStations(): Promise<void> {
    this.#closing = true;
    await this.#applying;
    for (const { twin } of this.#entries) twin.close();
    await Promise.all(this.#entries.map(({ delivery }) => delivery.close()));
    await Promise.all(this.#entries.map(({ runner }) => runner.close()));
  }

  async closeSessions(): Promise<void> {
    await Promise.all(this.#entries.map(({ runner }) => runner.closeSession()));
  }

  async #add(station: StationConfig): Promise<void> {
    if (this.#closing) return;
    const entry = this.#options.make(station, this.#options.nextBoot());
    const recovery = await this.#options.recover(entry.id);
    this.#entries.push(entry);
    this.#begin(entry, recovery);
    await this.#attach(station, this.#entries.length);
    this.#options.logger.info({ station: entry.id }, "station was added");
  }

  /** @param forGood it does not come back: what the broker keeps of it is cleared */
  async #remove(entry: StationEntry, forGood: boolean): Promise<void> {
    const { id, twin, delivery, runner } = entry;
    this.#entries.splice(this.#entries.indexOf(entry), 1);
    twin.close();
    await delivery.close();
    await runner.close();
    await runner.closeSession({ clear: forGood });
    this.#options.inference.detach(id);
    this.#options.onRemoved(id);
    this.#options.logger.info({ station: id }, "station was removed");
  }

  #begin({ id, outbox, runner, twin, delivery }: StationEntry, { left, recovered }: StationRecovery): void {
    twin.start();
    outbox.restore(left);
    if (recovered.open.length > 0) {
      const { logger } = this.#options;
      logger.warn({ station: id, parts: recovered.open.length }, "parts of a former run get NO_VERDICT, restart");
    }
    delivery.start();
    runner.start(recovered);
  }

  async #attach(station: StationConfig, planned: number): Promise<void> {
    const id = stationId(station);
    const backbone = await backboneOf(station.bank);
    const entry = this.#entries.find((one) => one.id === id);
    if (entry === undefined || this.#closing) return;
    this.#options.inference.attach({ id, backbone, listener: listenerOf(entry) }, planned);
  }
}

function listenerOf({ runner, delivery }: StationEntry): InferenceListener {
  const { inference } = runner;
  return {
    inferenceUp: (client) => inference.inferenceUp(client),
    inferenceDown: (error) => {
      inference.inferenceDown(error);
      delivery.inferenceLost();
    },
    inferenceUnsteady: (found) => inference.inferenceUnsteady(found),
  };
}

/** @returns SHA-256 of the bank's backbone; null where there is no bank that says so, which its load will tell */
async function backboneOf(bank: string): Promise<string | null> {
  try {
    return (await readBankManifest(bank)).manifest.backbone.sha256;
  } catch (error) {
    if (error instanceof NominalError) return null;
    throw error;
  }
}
