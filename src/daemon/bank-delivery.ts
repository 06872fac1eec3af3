import { offerName, type BankOffer } from "../bank/offer.ts";
import type { SignedDocument } from "../bank/signed-document.ts";
import type { DeliveryConfig } from "../config/config.ts";
import type { InferenceClient } from "../inference/inference-client.ts";
import type { BankSummary, LoadBank } from "../inference/protocol.ts";
import type { Clock } from "../shared/clock.ts";
import { InputError, type NominalError } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import type { WriteStep } from "../shared/replace-file.ts";
import type { Outcome } from "../station/outcome.ts";
import type { BankReceiver } from "./bank-receiver.ts";
import { DeliveryDesk, type DeliveryWay } from "./delivery-desk.ts";
import { DeliveryDisk } from "./delivery-disk.ts";
import { deliveryFile } from "./delivery-file.ts";
import { asNominal, closing } from "./delivery-problem.ts";
import { DeliveryReport } from "./delivery-report.ts";
import type { BankStateDocument, DeliveryProgress, Reason } from "./delivery-state.ts";
import { DeliveryWork } from "./delivery-work.ts";
import type { DocumentGate } from "./document-gate.ts";
import { ProbationWatch } from "./probation-watch.ts";
import type { StationBanks } from "./station-banks.ts";
import { ShadowRun, type ShadowFlipDocument } from "./shadow-run.ts";
import { activateCandidate, takeBank } from "./take-bank.ts";

export interface BankDeliveryOptions {
  readonly station: string;
  /** `<site>/<line>/<station>`, as signed documents name it. */
  readonly target: string;
  readonly limits: DeliveryConfig;
  readonly gate: Pick<DocumentGate, "open" | "check" | "take" | "counters">;
  readonly banks: StationBanks;
  readonly makeReceiver: (onProgress: (done: number, total: number) => void) => BankReceiver;
  /** Tries a bank in a process of its own. */
  readonly tryBank: (path: string, signal: AbortSignal) => Promise<BankSummary>;
  /** The station loads what the slots say, between two parts. @returns null: no bank did */
  readonly reload: () => Promise<BankSummary | null>;
  /** What the inference process is told of a bank that scores beside the active one. */
  readonly shadowSettings: (path: string) => LoadBank;
  readonly deadlineMs: () => number;
  readonly publish: (document: BankStateDocument) => void;
  readonly publishFlip: (flip: ShadowFlipDocument) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onWriteStep?: (step: WriteStep) => void;
}

/**
 * The way of an offered bank into a station: candidate, gate, shadow where that is asked for, active, probation, committed or
 * rolled back. The bank before stays on the disk and at work until the new one is in its place, and whatever fails on the way
 * leaves it there.
 */
export class BankDelivery {
  readonly #options: BankDeliveryOptions;
  readonly #folder: string;
  readonly #report: DeliveryReport;
  readonly #disk: DeliveryDisk;
  readonly #desk: DeliveryDesk;
  readonly #probation: ProbationWatch;
  /** Counts what a candidate says beside the active bank. */
  readonly shadow: ShadowRun;
  readonly #work = new DeliveryWork();
  #closing = false;

  constructor(options: BankDeliveryOptions) {
    this.#options = options;
    this.#folder = options.banks.folder;
    this.#report = new DeliveryReport(options);
    this.#disk = new DeliveryDisk({ ...options, receiver: () => this.#receiver() });
    this.#probation = new ProbationWatch({
      limits: options.limits,
      clock: options.clock,
      onStep: (change) => this.#report.step(change),
      onCommit: () => this.#commit(),
      onRollBack: (reason) => this.#rollBackNow(reason),
      onProblem: (error) => this.#disk.complain("probation cannot be ended", error),
    });
    this.shadow = new ShadowRun({
      ...options,
      settings: () => options.shadowSettings(options.banks.pathOf(options.banks.slots.candidate)),
      onStep: (change) => this.#report.step(change),
      onFailed: (reason) => this.#shadowFailed(reason),
    });
    this.#desk = new DeliveryDesk({ ...options, report: this.#report, way: this.#way() });
  }

  /** Takes up what a former run left. Before the first bank is loaded. */
  start(): void {
    const { banks, logger, station } = this.#options;
    banks.open();
    const envelope = deliveryFile.read(this.#folder);
    if (envelope !== null) this.#resume(envelope);
    if (banks.hasFailedProbation) {
      const message = "Expected the daemon to go on with the new bank but it was started again and again";
      logger.error({ station }, message);
      this.#rollBackNow({ code: "probation-restarts", message });
    } else if (banks.slots.probationStarts !== null) this.#beginProbation();
    if (!this.#work.isUnderWay && !this.#probation.isOn) this.#disk.tidy(() => banks.removeUnused());
    this.publish();
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#probation.close();
    this.shadow.close();
    await this.#work.stop(closing());
  }

  /** Loads what the slots say; see `StationBanks.load`. */
  async load(client: InferenceClient, base: LoadBank): Promise<BankSummary> {
    const { banks } = this.#options;
    const before = banks.slots;
    const summary = await banks.load(client, base);
    // It came to another bank than the active one.
    if (banks.slots !== before) this.publish();
    if (this.shadow.isOn && banks.slots.candidate === null) {
      this.shadow.end();
      this.#shadowFailed({ code: "configuration-bank", message: "The configuration names another bank: it counts" });
    }
    this.shadow.attached(client);
    return summary;
  }

  /** `bank/offer`. Never throws: what is refused is told on `bank/state`. */
  receive(envelope: Uint8Array): void {
    if (!this.#closing) this.#desk.receive(envelope);
  }

  /** A part was decided. */
  outcome(outcome: Outcome): void {
    this.#probation.outcome(outcome);
    this.shadow.outcome(outcome);
  }

  inferenceLost(): void {
    this.#probation.inferenceLost();
    this.shadow.inferenceLost();
  }

  /** The active bank did not pass at a start and another is at work. */
  fellBack(error: NominalError): void {
    this.#probation.end();
    const stage = this.#report.progress?.stage;
    // One that is on its way, or in shadow, had no part in it.
    if (stage !== "activating" && stage !== "probation") this.publish();
    else this.#end("rolled-back", { code: error.code, message: error.message });
  }

  publish(): void {
    this.#report.publish();
  }

  #way(): DeliveryWay {
    const [work, shadow, probation] = [this.#work, this.shadow, this.#probation];
    return {
      get isWorking() {
        return work.isUnderWay;
      },
      get isInShadow() {
        return shadow.isOn;
      },
      get isOnProbation() {
        return probation.isOn;
      },
      check: async (offer) => {
        await this.#receiver().check(offer);
        if (this.#closing) throw closing();
      },
      stop: () => this.#work.stop(new InputError("withdrawn", "Another offer takes its place")),
      begin: (offer, document, envelope) => {
        deliveryFile.write(this.#folder, envelope, this.#options.onWriteStep);
        this.shadow.end();
        this.#begin(offer, document, envelope);
      },
      withdraw: (bankId) => void this.#withdraw(bankId),
      promote: () => this.#promote(),
      rollBack: (reason) => this.#rollBackNow(reason),
    };
  }

  #begin(offer: BankOffer, document: SignedDocument, envelope: Uint8Array): void {
    this.#report.begin(offer, document, envelope, "receiving");
    this.#start((signal) => this.#take(offer, signal));
  }

  #start(work: (signal: AbortSignal) => Promise<void>): void {
    this.#work.begin(work, (error) => {
      const { code, message, faultClass } = asNominal(error);
      this.#disk.discard();
      this.#end(faultClass === "input" ? "refused" : "failed", { code, message });
    });
    this.publish();
  }

  /** @throws what is told as the reason */
  async #take(offer: BankOffer, signal: AbortSignal): Promise<void> {
    const { banks, tryBank } = this.#options;
    const parts = { banks, report: this.#report, receiver: this.#receiver(), tryBank };
    const taken = await takeBank(offer, signal, parts);
    if (taken === "was-active") this.#end("committed", null);
    else if (taken === "activated") await this.#activate();
    else if (offer.shadow !== null) this.shadow.begin(offer.shadow);
  }

  /** The active slot has another bank: the station loads it. */
  async #activate(): Promise<void> {
    await this.#options.reload();
    // One that did not load has told so by `fellBack`; a process that was lost loads it when it is back.
    if (this.#report.progress?.stage === "activating") this.#beginProbation();
  }

  #resume(envelope: Uint8Array): void {
    const { logger, station, banks } = this.#options;
    try {
      const { document, directive } = this.#desk.open(envelope);
      if (directive.action !== "offer") throw new InputError("offer-form", "Expected an offer to go on with");
      if (banks.slots.probationStarts === null) this.#begin(directive, document, envelope);
      else this.#report.begin(directive, document, envelope, "probation");
    } catch (error) {
      const problem = asNominal(error);
      const { code, message } = problem;
      logger.warn({ station, code }, `the offer of a former run is given up: ${message}`);
      this.#disk.discard();
      this.#disk.removeOffer();
      this.#report.setRefused(offerName(envelope), problem);
    }
  }

  /** @throws the system's error, and the candidate stays where it is */
  #promote(): void {
    activateCandidate(this.#options.banks);
    this.shadow.end();
    this.#report.step({ stage: "activating", percent: 0 });
    this.#start(() => this.#activate());
  }

  #shadowFailed(reason: Reason): void {
    this.#disk.discard();
    this.#end("failed", reason);
  }

  #beginProbation(): void {
    this.#probation.begin();
    this.#report.step({ stage: "probation", percent: 0 });
  }

  #commit(): void {
    const { banks } = this.#options;
    banks.change({ ...banks.slots, probationStarts: null });
    this.#probation.end();
    this.#end("committed", null);
  }

  /** @throws InputError "no-previous-bank" */
  #rollBackNow(reason: Reason): void {
    const { banks, logger, station, reload } = this.#options;
    // First the offer: were it still there after a crash behind the roll back, it would be carried out once more.
    this.#disk.removeOffer();
    const before = banks.rollBack();
    this.#disk.tidy(() => banks.change(before));
    this.#probation.end();
    this.#probation.forgetParts();
    logger.warn({ station, code: reason.code }, `the bank is rolled back: ${reason.message}`);
    this.#end("rolled-back", reason);
    void reload();
  }

  async #withdraw(bankId: string | null): Promise<void> {
    const { progress } = this.#report;
    const isMeant = progress !== null && (bankId === null || progress.bankId === bankId);
    if (this.#work.isUnderWay && isMeant && progress.stage !== "activating") {
      await this.#work.stop(new InputError("withdrawn", "The offer was withdrawn"));
      this.#disk.discard();
      this.#end("withdrawn", null);
    } else if (this.shadow.isOn && isMeant) {
      this.shadow.end();
      this.#disk.discard();
      this.#end("withdrawn", null);
    } else this.publish();
  }

  #end(stage: DeliveryProgress["stage"], reason: Reason | null): void {
    this.#disk.clear();
    this.#report.end(stage, reason);
  }

  #receiver(): BankReceiver {
    return this.#options.makeReceiver((done, total) =>
      this.#report.step({ percent: Math.floor((100 * done) / total) }),
    );
  }
}
