import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { emptySlots, filesOf, readSlots, writeSlots, type PushedBank, type Slots } from "../bank/slots.ts";
import type { DeliveryConfig } from "../config/config.ts";
import type { InferenceClient } from "../inference/inference-client.ts";
import type { BankSummary, GateLimits, LoadBank } from "../inference/protocol.ts";
import { InputError, NominalError, reasonOf } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import { makeFolder } from "../shared/make-folder.ts";
import type { WriteStep } from "../shared/replace-file.ts";
import { gateLimitsOf } from "./station-settings.ts";

export interface StationBanksOptions {
  /** The station's own, in the state folder. */
  readonly folder: string;
  readonly station: string;
  /** `bank` of the configuration. */
  readonly configured: string;
  /** As it is now: a push may change it. */
  readonly deadlineMs: () => number;
  readonly limits: Pick<DeliveryConfig, "maxDrift" | "maxMemoryMebibytes">;
  readonly logger: Logger;
  /** Told after each step of writing the slots; a test ends the process there. */
  readonly onWriteStep?: (step: WriteStep) => void;
  /** The active bank did not load and another took its place. */
  readonly onFallback: (from: string, error: NominalError) => void;
}

/** A bank whose probation ends the daemon again and again is taken back at this start. */
const MOST_PROBATION_STARTS = 3;
/** Temporary files of `replaceFile`. */
const LEFT_OVER = /^\.(slots\.json|offer\.dsse)\./;

/**
 * The banks of one station on the disk: the configuration's file is the first; those that came over the broker lie in the
 * slots' folder. Two of them are kept, beside the one that comes in.
 */
export class StationBanks {
  readonly folder: string;
  readonly #options: StationBanksOptions;
  #configured: string;
  #slots: Slots;

  constructor(options: StationBanksOptions) {
    this.#options = options;
    this.folder = options.folder;
    this.#configured = options.configured;
    this.#slots = emptySlots(options.configured);
  }

  get slots(): Slots {
    return this.#slots;
  }

  /**
   * After the state folder was taken. Damaged slots are set aside: the configuration's bank is always there, even if the disk
   * takes nothing.
   */
  open(): void {
    const { configured, station, logger } = this.#options;
    this.#tryDisk(() => makeFolder(this.folder, 0o750));
    try {
      const found = readSlots(this.folder) ?? emptySlots(configured);
      if (found.configured === configured) this.#slots = found;
      else {
        logger.warn(
          { station, was: found.configured, bank: configured },
          "the configuration names another bank: it counts",
        );
        this.#note(emptySlots(configured));
      }
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      logger.error({ station, code: error.code }, `the slots of the banks are damaged: ${error.message}`);
      this.#note(emptySlots(configured));
    }
    const { probationStarts } = this.#slots;
    if (probationStarts !== null) this.#note({ ...this.#slots, probationStarts: probationStarts + 1 });
  }

  /** The daemon has ended so often while this bank was on probation that the bank may be why. */
  get hasFailedProbation(): boolean {
    return (this.#slots.probationStarts ?? 0) > MOST_PROBATION_STARTS;
  }

  /** @throws the system's error; the slots are then as they were */
  change(slots: Slots): void {
    writeSlots(this.folder, slots, this.#options.onWriteStep);
    this.#slots = slots;
  }

  /**
   * Back to the bank before, in memory even if the disk takes nothing any more.
   *
   * @returns the slots, to be written
   * @throws InputError "no-previous-bank"
   */
  rollBack(): Slots {
    const { active, previous } = this.#slots;
    if (active === null) {
      throw new InputError(
        "no-previous-bank",
        "Expected a bank that came over the broker but the configuration's is active",
      );
    }
    this.#slots = { ...this.#slots, active: previous, previous: null, probationStarts: null };
    return this.#slots;
  }

  /** Removes what no slot names, and what a replacement that was cut off has left. */
  removeUnused(): void {
    const needed = filesOf(this.#slots);
    for (const name of readdirSync(this.folder)) {
      const isUnused = (name.endsWith(".bank") && !needed.has(name)) || LEFT_OVER.test(name);
      if (isUnused) rmSync(join(this.folder, name), { force: true });
    }
  }

  pathOf(bank: PushedBank | null): string {
    return bank === null ? this.#configured : join(this.folder, bank.file);
  }

  /** Limits of the gate for a bank that is to be taken. */
  get gateLimits(): GateLimits {
    const { limits, deadlineMs } = this.#options;
    return gateLimitsOf(limits, deadlineMs());
  }

  /** For a bank that is loaded beside the active one: together they have as much memory. It was fast enough before. */
  get shadowLimits(): GateLimits {
    return { ...this.gateLimits, medianMs: this.#options.deadlineMs() };
  }

  /**
   * Loads the active bank through its gate; when it does not pass, the one before, and at last the configuration's.
   *
   * @throws NominalError of the last one; whatever befell the process
   */
  async load(client: InferenceClient, base: LoadBank): Promise<BankSummary> {
    if (base.bankPath !== this.#configured) this.#reconfigured(base.bankPath);
    const { active, previous } = this.#slots;
    const order = [...new Set([active, previous, null].map((bank) => this.pathOf(bank)))];
    for (const path of order) {
      const isLast = path === order.at(-1);
      try {
        // A machine that starts is busy, and a bank that was taken once was fast enough: only the deadline counts.
        const medianMs = path === this.#configured ? Infinity : this.#options.deadlineMs();
        const summary = await client.loadBank({ ...base, bankPath: path, gate: { ...this.gateLimits, medianMs } });
        this.#loaded(path);
        return summary;
      } catch (error) {
        if (isLast || client.gone || !(error instanceof NominalError)) throw error;
        this.#options.logger.error(
          { station: this.#options.station, code: error.code, path },
          `bank: ${reasonOf(error)}`,
        );
        this.#options.onFallback(path, error);
      }
    }
    throw new InputError("bank-missing", "Expected at least the configuration's bank");
  }

  /** Who changes the file at the device means it. */
  #reconfigured(bank: string): void {
    const { logger, station } = this.#options;
    logger.warn({ station, was: this.#configured, bank }, "the configuration names another bank: it counts");
    this.#configured = bank;
    this.#note(emptySlots(bank));
  }

  /** Remembers which one it came to. */
  #loaded(path: string): void {
    const { active, previous } = this.#slots;
    if (this.pathOf(active) === path) return;
    const now = this.pathOf(previous) === path ? previous : null;
    this.#note({ ...this.#slots, active: now, previous: null, probationStarts: null });
  }

  /** What is so already, whether the disk takes it or not: the next start finds it out again. */
  #note(slots: Slots): void {
    this.#slots = slots;
    this.#tryDisk(() => this.change(slots));
  }

  #tryDisk(work: () => void): void {
    const { logger, station } = this.#options;
    try {
      work();
    } catch (error) {
      logger.error({ station, folder: this.folder }, `the disk does not keep the banks' slots: ${reasonOf(error)}`);
    }
  }
}

/** Where the banks of a station lie. */
export function banksFolder(stateFolder: string, line: string, station: string): string {
  return join(stateFolder, "banks", line, station);
}
