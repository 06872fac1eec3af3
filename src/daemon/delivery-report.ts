import { offerName, type BankOffer } from "../bank/offer.ts";
import type { DocumentHead } from "../bank/signed-document.ts";
import type { Clock } from "../shared/clock.ts";
import type { NominalError } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import { slotsDocument, type BankStateDocument, type DeliveryProgress, type Reason } from "./delivery-state.ts";
import type { DocumentGate } from "./document-gate.ts";
import type { StationBanks } from "./station-banks.ts";

export interface DeliveryReportOptions {
  readonly station: string;
  /** `<site>/<line>/<station>` */
  readonly target: string;
  readonly banks: Pick<StationBanks, "slots">;
  readonly gate: Pick<DocumentGate, "counters">;
  readonly publish: (document: BankStateDocument) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** While a transfer goes on its percentage is told at most so often, ms. */
const PROGRESS_EVERY_MS = 1_000;
/** An offer that brings nothing for so long gives way to another, ms. */
const STALLED_MS = 60_000;

/** What a station says of its deliveries on `bank/state`: where the last accepted offer stands, and what was refused last. */
export class DeliveryReport {
  readonly #options: DeliveryReportOptions;
  #progress: DeliveryProgress | null = null;
  #refused: BankStateDocument["refused"] = null;
  #toldAtMs = -Infinity;
  #movedAtMs = 0;

  constructor(options: DeliveryReportOptions) {
    this.#options = options;
  }

  /** Of the last accepted offer; null when there was none since the start. */
  get progress(): DeliveryProgress | null {
    return this.#progress;
  }

  /** Nothing has come for so long that another offer may take its place. */
  get isStalled(): boolean {
    return this.#options.clock.monotonicMs() - this.#movedAtMs > STALLED_MS;
  }

  /** An offer was accepted, or a former run's is gone on with. Not published yet. */
  begin(offer: BankOffer, head: DocumentHead, envelope: Uint8Array, stage: "receiving" | "probation"): void {
    const { keyId, counter } = head;
    this.#progress = {
      ...{ offer: offerName(envelope), bankId: offer.bankId, keyId, counter, stage, percent: 0 },
      ...{ reason: null, gate: null, probation: null, shadow: null },
    };
    this.#movedAtMs = this.#options.clock.monotonicMs();
  }

  step(change: Partial<Pick<DeliveryProgress, "stage" | "percent" | "gate" | "probation" | "shadow">>): void {
    if (this.#progress === null) return;
    const nowMs = this.#options.clock.monotonicMs();
    this.#movedAtMs = nowMs;
    // Figures of a shadow come no oftener than they may be told.
    const isNew = change.shadow !== undefined || (change.stage ?? this.#progress.stage) !== this.#progress.stage;
    this.#progress = { ...this.#progress, ...change };
    if (!isNew && nowMs - this.#toldAtMs < PROGRESS_EVERY_MS) return;
    this.#toldAtMs = nowMs;
    this.publish();
  }

  end(stage: DeliveryProgress["stage"], reason: Reason | null): void {
    const { logger, station } = this.#options;
    logger.info({ station, bank: this.#progress?.bankId, stage, code: reason?.code }, `bank delivery: ${stage}`);
    if (this.#progress !== null) this.#progress = { ...this.#progress, stage, percent: 100, reason };
    this.publish();
  }

  refuse(offer: string, error: NominalError): void {
    const { logger, station } = this.#options;
    logger.warn({ station, offer, code: error.code }, `an offer is refused: ${error.message}`);
    this.setRefused(offer, error);
    this.publish();
  }

  /** Not published yet. */
  setRefused(offer: string, { code, message }: NominalError): void {
    this.#refused = { offer, code, message };
  }

  /** A document was accepted: what was refused before is no news any more. */
  clearRefused(): void {
    this.#refused = null;
  }

  publish(): void {
    const { banks, gate, target, clock, publish } = this.#options;
    publish({
      version: 1,
      at: new Date(clock.wallMs()).toISOString(),
      ...slotsDocument(banks.slots),
      delivery: this.#progress,
      refused: this.#refused,
      counters: gate.counters("bank-offer", target),
    });
  }
}
