import type { DeviceConfig, StationConfig } from "../config/config.ts";
import type { InferenceClient } from "../inference/inference-client.ts";
import type { BankSummary, LoadBank } from "../inference/protocol.ts";
import { NominalError } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import { loadBankOf, stationId } from "./station-settings.ts";

/** Who is told what becomes of the bank. */
export interface StationBankListener {
  /** It scores from now on. */
  bankReady(summary: BankSummary): void;
  /** As it was, with other thresholds, limits or pictures. */
  bankAdjusted(summary: BankSummary): void;
  bankFailed(error: NominalError): void;
}

/** What a trial of a configuration asks of a bank. */
export interface BankVitals {
  readonly active: boolean;
  /** Times that one became active. */
  readonly loads: number;
}

export interface StationBankOptions {
  readonly logger: Logger;
  /** As they are now. */
  readonly config: () => { readonly device: DeviceConfig; readonly station: StationConfig };
  /** Loads the bank that is the station's now. */
  readonly loadBank: (client: InferenceClient, base: LoadBank) => Promise<BankSummary>;
  readonly listener: StationBankListener;
}

/** A bank that did not load may be mended (a disk mounted late, a file put right): it is tried again. */
const RETRY_MS = 30_000;

/** The memory bank of one station in the inference process that there is now: loads it, tries again, adjusts it. */
export class StationBank {
  readonly #options: StationBankOptions;
  #client: InferenceClient | undefined;
  #retry: NodeJS.Timeout | undefined;
  #vitals: BankVitals = { active: false, loads: 0 };
  #closed = false;

  constructor(options: StationBankOptions) {
    this.#options = options;
  }

  /** What the inference process would be told now. */
  get settings(): LoadBank {
    const { device, station } = this.#options.config();
    return loadBankOf(device, station);
  }

  get vitals(): BankVitals {
    return this.#vitals;
  }

  inferenceUp(client: InferenceClient): void {
    this.#client = client;
    void this.#load(client);
  }

  inferenceDown(): void {
    this.#client = undefined;
    this.#vitals = { ...this.#vitals, active: false };
    clearTimeout(this.#retry);
  }

  /**
   * Loads the bank anew, between two parts; the present one scores until the other is ready.
   *
   * @returns null without one: it did not load, or the inference process is away and loads it when it is back
   */
  async reload(): Promise<BankSummary | null> {
    const client = this.#client;
    if (client === undefined || this.#closed) return null;
    clearTimeout(this.#retry);
    return this.#load(client);
  }

  /** A process that is lost meanwhile loads the bank with the new settings when it is back. */
  async adjust(): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    const { logger, listener } = this.#options;
    try {
      const summary = await client.adjustBank(this.settings);
      if (this.#isCurrent(client)) listener.bankAdjusted(summary);
    } catch (error) {
      if (!(error instanceof NominalError)) throw error;
      // Without a bank there is nothing to adjust: its next load takes the settings along.
      logger.info({ station: this.#id, code: error.code }, "the bank takes its settings when it loads");
    }
  }

  /** Nothing is told any more. Idempotent. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
  }

  async #load(client: InferenceClient): Promise<BankSummary | null> {
    const { logger, loadBank, listener } = this.#options;
    const station = this.#id;
    try {
      const summary = await loadBank(client, this.settings);
      if (!this.#isCurrent(client)) return null;
      clearTimeout(this.#retry);
      logger.info({ station, ...summary }, "memory bank is active");
      this.#vitals = { active: true, loads: this.#vitals.loads + 1 };
      listener.bankReady(summary);
      return summary;
    } catch (error) {
      // Of a process that is gone, `inferenceDown` tells: its bank is not to blame.
      if (!this.#isCurrent(client) || client.gone) return null;
      if (!(error instanceof NominalError)) throw error;
      logger.error({ station, code: error.code }, `memory bank does not load: ${error.message}`);
      this.#vitals = { ...this.#vitals, active: false };
      listener.bankFailed(error);
      // Another load may have failed before: one was asked for while it went on.
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => void this.#load(client), RETRY_MS);
      return null;
    }
  }

  #isCurrent(client: InferenceClient): boolean {
    return this.#client === client && !this.#closed;
  }

  get #id(): string {
    return stationId(this.#options.config().station);
  }
}
