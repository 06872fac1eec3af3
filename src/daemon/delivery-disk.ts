import type { Logger } from "../shared/logger.ts";
import type { BankReceiver } from "./bank-receiver.ts";
import { deliveryFile } from "./delivery-file.ts";
import { asNominal } from "./delivery-problem.ts";
import type { StationBanks } from "./station-banks.ts";

export interface DeliveryDiskOptions {
  readonly station: string;
  readonly banks: StationBanks;
  readonly receiver: () => Pick<BankReceiver, "discard">;
  readonly logger: Logger;
}

/** Removes what deliveries leave on the disk. What the disk refuses is told; the next start does it again. */
export class DeliveryDisk {
  readonly #options: DeliveryDiskOptions;

  constructor(options: DeliveryDiskOptions) {
    this.#options = options;
  }

  /** After a delivery has ended. */
  clear(): void {
    const { banks, receiver } = this.#options;
    this.removeOffer();
    this.tidy(() => receiver().discard());
    this.tidy(() => banks.removeUnused());
  }

  /** What has come is removed, and its room on the disk given back. */
  discard(): void {
    const { banks, receiver } = this.#options;
    this.tidy(() => receiver().discard());
    this.tidy(() => {
      if (banks.slots.candidate !== null) banks.change({ ...banks.slots, candidate: null });
    });
  }

  removeOffer(): void {
    this.tidy(() => deliveryFile.remove(this.#options.banks.folder));
  }

  /** The station goes on, whatever the disk says to it. */
  tidy(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.complain("the disk refuses", error);
    }
  }

  complain(what: string, error: unknown): void {
    const { code, message } = asNominal(error);
    this.#options.logger.error({ station: this.#options.station, code }, `${what}: ${message}`);
  }
}
