import { offerName, parseDirective, type BankDirective, type BankOffer } from "../bank/offer.ts";
import type { SignedDocument } from "../bank/signed-document.ts";
import type { DeliveryConfig } from "../config/config.ts";
import { InputError } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import { asNominal, busy } from "./delivery-problem.ts";
import type { DeliveryReport } from "./delivery-report.ts";
import type { Reason } from "./delivery-state.ts";
import type { DocumentGate } from "./document-gate.ts";

/** How the delivery behind the desk stands, and what can be done with it. Whether it may be done is the desk's affair. */
export interface DeliveryWay {
  /** A bank is received, tried or loaded. */
  readonly isWorking: boolean;
  readonly isInShadow: boolean;
  readonly isOnProbation: boolean;
  /** @throws when there is no room for what is offered, or it may not come from where it is */
  check(offer: BankOffer): Promise<unknown>;
  /** Gives up the work that is under way, and waits until nothing of it is left. */
  stop(): Promise<void>;
  /** @throws the system's error when the disk does not take the offer */
  begin(offer: BankOffer, document: SignedDocument, envelope: Uint8Array): void;
  /** @param bankId null: whichever it is; another one than is under way is left alone */
  withdraw(bankId: string | null): void;
  /** The bank in shadow goes to work. @throws the system's error, and it stays in shadow */
  promote(): void;
  /** @throws InputError "no-previous-bank" */
  rollBack(reason: Reason): void;
}

export interface DeliveryDeskOptions {
  readonly station: string;
  /** `<site>/<line>/<station>`, as signed documents name it. */
  readonly target: string;
  readonly limits: Pick<DeliveryConfig, "maxMebibytes">;
  readonly gate: Pick<DocumentGate, "open" | "check" | "take">;
  readonly report: Pick<DeliveryReport, "progress" | "isStalled" | "refuse" | "clearRefused">;
  readonly way: DeliveryWay;
  readonly logger: Logger;
}

export interface OpenedDirective {
  readonly document: SignedDocument;
  readonly directive: BankDirective;
}

const MIB = 2 ** 20;

/**
 * Where signed documents about banks are taken in: each is carried out, or refused with its reason. The counter of one is taken
 * when nothing else can go wrong with it any more, and before anything of it takes effect.
 */
export class DeliveryDesk {
  readonly #options: DeliveryDeskOptions;
  /** The offer that is looked at, which takes a moment: the report does not know it yet. */
  #accepting: { readonly name: string; readonly bankId: string } | null = null;

  constructor(options: DeliveryDeskOptions) {
    this.#options = options;
  }

  /** `bank/offer`. Never throws: what is refused is told on `bank/state`. */
  receive(envelope: Uint8Array): void {
    const { gate, report } = this.#options;
    const offer = offerName(envelope);
    // QoS 1 brings copies; they change nothing.
    if (offer === report.progress?.offer || offer === this.#accepting?.name) return;
    try {
      const { document, directive } = this.open(envelope);
      gate.check(document);
      this.#carryOut(directive, document, envelope);
    } catch (error) {
      report.refuse(offer, asNominal(error));
    }
  }

  /** @throws InputError for a document that is not for this station, not signed by whom it has to be, or no directive */
  open(envelope: Uint8Array): OpenedDirective {
    const { gate, target, limits } = this.#options;
    const document = gate.open(envelope, { type: "bank-offer", target });
    return { document, directive: parseDirective(document.body, limits.maxMebibytes * MIB) };
  }

  #carryOut(directive: BankDirective, document: SignedDocument, envelope: Uint8Array): void {
    if (this.#accepting !== null && directive.action !== "withdraw") throw busy(this.#accepting.bankId);
    switch (directive.action) {
      case "offer":
        this.#refuseIfBusy(directive);
        void this.#accept(directive, document, envelope);
        return;
      case "withdraw":
        this.#take(
          document,
          directive.bankId ?? this.#options.report.progress?.bankId,
          "the offered bank was withdrawn",
        );
        if (directive.bankId === null || directive.bankId === this.#accepting?.bankId) this.#accepting = null;
        this.#options.way.withdraw(directive.bankId);
        return;
      case "promote":
        this.#promote(directive.bankId, document);
        return;
      case "rollback":
        this.#rollBack(document);
        return;
      default:
        directive satisfies never;
    }
  }

  /** The same bank under a new signature goes on where it was; so does one that takes the place of a stalled one. */
  #refuseIfBusy(offer: BankOffer): void {
    const { way, report } = this.#options;
    const { progress, isStalled } = report;
    if (way.isOnProbation) throw busy(progress?.bankId);
    if (way.isInShadow && progress?.bankId !== offer.bankId) throw busy(progress?.bankId);
    if (!way.isWorking) return;
    if (progress?.stage === "receiving" && (progress.bankId === offer.bankId || isStalled)) return;
    throw busy(progress?.bankId);
  }

  async #accept(offer: BankOffer, document: SignedDocument, envelope: Uint8Array): Promise<void> {
    const { way, report } = this.#options;
    const name = offerName(envelope);
    this.#accepting = { name, bankId: offer.bankId };
    try {
      await way.check(offer);
      if (this.#accepting?.name !== name) throw new InputError("withdrawn", "The offer was withdrawn");
      // What is under way went on meanwhile, and may have come too far to give way.
      this.#refuseIfBusy(offer);
      this.#take(document, offer.bankId, "a bank was offered");
      await way.stop();
      way.begin(offer, document, envelope);
    } catch (error) {
      report.refuse(name, asNominal(error));
    } finally {
      if (this.#accepting?.name === name) this.#accepting = null;
    }
  }

  #promote(bankId: string | null, document: SignedDocument): void {
    const { way, report } = this.#options;
    if (!way.isInShadow || (bankId !== null && bankId !== report.progress?.bankId)) {
      throw new InputError("no-shadow", `Expected ${bankId ?? "a bank"} in shadow but there is no such bank`);
    }
    this.#take(document, report.progress?.bankId, "the bank in shadow was promoted");
    way.promote();
  }

  #rollBack(document: SignedDocument): void {
    const { way, report } = this.#options;
    if (way.isWorking || way.isInShadow) throw busy(report.progress?.bankId);
    this.#take(document, undefined, "roll back was asked for");
    way.rollBack({ code: "asked-for", message: `A roll back was asked for by key ${document.keyId}` });
  }

  /** @param bank that it is about */
  #take(document: SignedDocument, bank: string | undefined, what: string): void {
    const { gate, report, logger, station } = this.#options;
    gate.take(document);
    logger.info({ station, bank, keyId: document.keyId }, what);
    report.clearRefused();
  }
}
