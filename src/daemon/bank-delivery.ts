import { join } from "node:path";
import { offerName, parseDirective, type BankDirective, type BankOffer } from "../bank/offer.ts";
import type { SignedDocument } from "../bank/signed-document.ts";
import type { DeliveryConfig } from "../config/config.ts";
import type { InferenceClient } from "../inference/inference-client.ts";
import type { BankSummary, LoadBank } from "../inference/protocol.ts";
import type { Clock } from "../shared/clock.ts";
import { DeviceError, InputError, NominalError, reasonOf } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import type { WriteStep } from "../shared/replace-file.ts";
import type { Outcome } from "../station/outcome.ts";
import type { BankReceiver } from "./bank-receiver.ts";
import { deliveryFile } from "./delivery-file.ts";
import { ENDED, slotsDocument, type BankStateDocument, type DeliveryProgress, type Reason } from "./delivery-state.ts";
import type { DocumentGate } from "./document-gate.ts";
import { PartStatistics } from "./part-statistics.ts";
import { Probation } from "./probation.ts";
import type { StationBanks } from "./station-banks.ts";

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
  readonly publish: (document: BankStateDocument) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onWriteStep?: (step: WriteStep) => void;
}

const MIB = 2 ** 20;
/** While a transfer goes on its percentage is told at most so often, ms. */
const PROGRESS_EVERY_MS = 1_000;
/** Probation is looked at so often when no part passes, ms. */
const PROBATION_EVERY_MS = 1_000;
/** An offer that brings nothing for so long gives way to another, ms. */
const STALLED_MS = 60_000;

/**
 * The way of an offered bank into a station: candidate, gate, active, probation, committed or rolled back. The bank before
 * stays on the disk and at work until the new one is in its place, and whatever fails on the way leaves it there.
 */
export class BankDelivery {
  readonly #options: BankDeliveryOptions;
  readonly #folder: string;
  #progress: DeliveryProgress | null = null;
  #refused: BankStateDocument["refused"] = null;
  #working: { readonly stop: AbortController; readonly done: Promise<void> } | null = null;
  #probation: Probation | null = null;
  #probationTimer: NodeJS.Timeout | undefined;
  #parts = new PartStatistics();
  #toldAtMs = -Infinity;
  #movedAtMs = 0;
  #closing = false;

  constructor(options: BankDeliveryOptions) {
    this.#options = options;
    this.#folder = options.banks.folder;
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
    if (this.#working === null && this.#probation === null) banks.removeUnused();
    this.publish();
  }

  async close(): Promise<void> {
    this.#closing = true;
    clearInterval(this.#probationTimer);
    this.#working?.stop.abort(new DeviceError("closing", "The daemon stops"));
    await this.#working?.done;
  }

  /** Loads what the slots say; see `StationBanks.load`. */
  load(client: InferenceClient, base: LoadBank): Promise<BankSummary> {
    return this.#options.banks.load(client, base);
  }

  /** `bank/offer`. Never throws: what is refused is told on `bank/state`. */
  receive(envelope: Uint8Array): void {
    if (this.#closing) return;
    const offer = offerName(envelope);
    // QoS 1 brings copies; they change nothing.
    if (offer === this.#progress?.offer) return;
    try {
      const { gate, target, limits } = this.#options;
      const document = gate.open(envelope, { type: "bank-offer", target });
      const directive = parseDirective(document.body, limits.maxMebibytes * MIB);
      gate.check(document);
      this.#carryOut(directive, document, envelope);
    } catch (error) {
      this.#refuse(offer, asNominal(error));
    }
  }

  /** A part was decided. */
  outcome(outcome: Outcome): void {
    if (this.#probation === null) this.#parts.add(outcome);
    else {
      this.#probation.add(outcome);
      this.#judge();
    }
  }

  inferenceLost(): void {
    this.#probation?.inferenceLost();
    this.#judge();
  }

  /** The active bank did not pass at a start and another is at work. */
  fellBack(error: NominalError): void {
    this.#endProbation();
    if (this.#progress !== null && !isEnded(this.#progress)) {
      this.#end("rolled-back", { code: error.code, message: error.message });
    } else this.publish();
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

  #carryOut(directive: BankDirective, document: SignedDocument, envelope: Uint8Array): void {
    const { gate, logger, station } = this.#options;
    switch (directive.action) {
      case "offer":
        this.#refuseIfBusy(directive);
        void this.#accept(directive, document, envelope);
        return;
      case "withdraw":
        gate.take(document);
        logger.info({ station, keyId: document.keyId }, "the offered bank was withdrawn");
        this.#refused = null;
        void this.#withdraw(directive.bankId);
        return;
      case "rollback":
        if (this.#working !== null) throw busy(this.#progress?.bankId);
        gate.take(document);
        logger.info({ station, keyId: document.keyId }, "roll back was asked for");
        this.#refused = null;
        this.#rollBackNow({ code: "asked-for", message: `A roll back was asked for by key ${document.keyId}` });
        return;
      default:
        directive satisfies never;
    }
  }

  /** The same bank under a new signature goes on where it was; so does one that takes the place of a stalled one. */
  #refuseIfBusy(offer: BankOffer): void {
    if (this.#probation !== null) throw busy(this.#progress?.bankId);
    if (this.#working === null) return;
    const progress = this.#progress;
    const isStalled = this.#options.clock.monotonicMs() - this.#movedAtMs > STALLED_MS;
    if (progress?.stage === "receiving" && (progress.bankId === offer.bankId || isStalled)) return;
    throw busy(progress?.bankId);
  }

  async #accept(offer: BankOffer, document: SignedDocument, envelope: Uint8Array): Promise<void> {
    const { gate, logger, station } = this.#options;
    try {
      await this.#stop();
      await this.#receiver().check(offer);
      gate.take(document);
      deliveryFile.write(this.#folder, envelope, this.#options.onWriteStep);
    } catch (error) {
      this.#refuse(offerName(envelope), asNominal(error));
      return;
    }
    this.#refused = null;
    logger.info({ station, bank: offer.bankId, keyId: document.keyId }, "a bank was offered");
    this.#begin(offer, document, envelope);
  }

  #begin(offer: BankOffer, { keyId, counter }: SignedDocument, envelope: Uint8Array): void {
    const { bankId } = offer;
    this.#progress = {
      ...{ offer: offerName(envelope), bankId, keyId, counter, stage: "receiving", percent: 0 },
      ...{ reason: null, gate: null, probation: null },
    };
    this.#movedAtMs = this.#options.clock.monotonicMs();
    const stop = new AbortController();
    const done = this.#work(offer, stop.signal).then(
      () => void (this.#working = null),
      (error: unknown) => {
        this.#working = null;
        if (stop.signal.aborted) return;
        const { code, message, faultClass } = asNominal(error);
        this.#discard();
        this.#end(faultClass === "input" ? "refused" : "failed", { code, message });
      },
    );
    this.#working = { stop, done };
    this.publish();
  }

  /** Receives, tries, activates. @throws what is told as the reason */
  async #work(offer: BankOffer, signal: AbortSignal): Promise<void> {
    const { banks, tryBank, reload } = this.#options;
    if (banks.slots.active?.sha256 === offer.files.at(-1)?.sha256) return this.#end("committed", null);
    if (banks.slots.candidate === null) {
      const candidate = await this.#receiver().receive(offer, signal);
      banks.change({ ...banks.slots, candidate });
    }
    const { candidate } = banks.slots;
    if (candidate === null) return;
    this.#step({ stage: "gate", percent: 0 });
    const { gate, bankId } = await tryBank(banks.pathOf(candidate), signal);
    signal.throwIfAborted();
    if (bankId !== offer.bankId) {
      throw new InputError("bank-id", `Expected bank ${offer.bankId} as it was offered but received ${bankId}`);
    }
    this.#step({ stage: "activating", percent: 0, gate });
    banks.change({
      ...banks.slots,
      ...{ active: candidate, previous: banks.slots.active, candidate: null, probationStarts: 1 },
    });
    await reload();
    // One that did not load has told so by `fellBack`; a process that was lost loads it when it is back.
    if (this.#progress?.stage === "activating") this.#beginProbation();
  }

  #resume(envelope: Uint8Array): void {
    const { gate, target, limits, logger, station, banks } = this.#options;
    try {
      const document = gate.open(envelope, { type: "bank-offer", target });
      const directive = parseDirective(document.body, limits.maxMebibytes * MIB);
      if (directive.action !== "offer") throw new InputError("offer-form", "Expected an offer to go on with");
      if (banks.slots.probationStarts === null) this.#begin(directive, document, envelope);
      else {
        const { keyId, counter } = document;
        this.#progress = {
          ...{ offer: offerName(envelope), bankId: directive.bankId, keyId, counter, stage: "probation", percent: 0 },
          ...{ reason: null, gate: null, probation: null },
        };
      }
    } catch (error) {
      const { code, message } = asNominal(error);
      logger.warn({ station, code }, `the offer of a former run is given up: ${message}`);
      this.#discard();
      this.#tidy(() => deliveryFile.remove(this.#folder));
      this.#refused = { offer: offerName(envelope), code, message };
    }
  }

  #beginProbation(): void {
    const { limits, clock } = this.#options;
    this.#probation = new Probation(this.#parts.figures(), limits, clock.monotonicMs());
    this.#step({ stage: "probation", percent: 0 });
    clearInterval(this.#probationTimer);
    this.#probationTimer = setInterval(() => this.#judge(), PROBATION_EVERY_MS);
  }

  /** A disk that takes nothing is no reason to end; it is tried again at the next part. */
  #judge(): void {
    const probation = this.#probation;
    if (probation === null || this.#closing) return;
    try {
      this.#decide(probation);
    } catch (error) {
      const { code, message } = asNominal(error);
      this.#options.logger.error({ station: this.#options.station, code }, `probation cannot be ended: ${message}`);
    }
  }

  #decide(probation: Probation): void {
    const nowMs = this.#options.clock.monotonicMs();
    const verdict = probation.verdict(nowMs);
    switch (verdict.decision) {
      case "go-on":
        this.#step({ percent: probation.percent(nowMs), probation: probation.figures });
        return;
      case "commit":
        this.#step({ probation: probation.figures });
        this.#commit();
        this.#parts = probation.parts;
        return;
      case "roll-back":
        this.#step({ probation: probation.figures });
        this.#rollBackNow({ code: verdict.code, message: verdict.message });
        return;
      default:
        verdict satisfies never;
    }
  }

  #commit(): void {
    const { banks } = this.#options;
    banks.change({ ...banks.slots, probationStarts: null });
    this.#endProbation();
    this.#end("committed", null);
  }

  /** @throws InputError "no-previous-bank" */
  #rollBackNow(reason: Reason): void {
    const { banks, logger, station, reload } = this.#options;
    // First the offer: were it still there after a crash behind the roll back, it would be carried out once more.
    this.#tidy(() => deliveryFile.remove(this.#folder));
    const before = banks.rollBack();
    this.#tidy(() => banks.change(before));
    this.#endProbation();
    this.#parts = new PartStatistics();
    logger.warn({ station, code: reason.code }, `the bank is rolled back: ${reason.message}`);
    this.#end("rolled-back", reason);
    void reload();
  }

  #endProbation(): void {
    clearInterval(this.#probationTimer);
    this.#probation = null;
  }

  async #withdraw(bankId: string | null): Promise<void> {
    const progress = this.#progress;
    const isMeant = progress !== null && (bankId === null || progress.bankId === bankId);
    if (this.#working !== null && isMeant && progress.stage !== "activating") {
      await this.#stop();
      this.#discard();
      this.#end("withdrawn", null);
    } else this.publish();
  }

  async #stop(): Promise<void> {
    const working = this.#working;
    if (working === null) return;
    working.stop.abort(new InputError("withdrawn", "Another offer takes its place"));
    await working.done;
  }

  /** What has come is removed, and its room on the disk given back. */
  #discard(): void {
    const { banks } = this.#options;
    this.#tidy(() => this.#receiver().discard());
    this.#tidy(() => {
      if (banks.slots.candidate !== null) banks.change({ ...banks.slots, candidate: null });
    });
  }

  #end(stage: DeliveryProgress["stage"], reason: Reason | null): void {
    const { banks, logger, station } = this.#options;
    this.#tidy(() => deliveryFile.remove(this.#folder));
    this.#tidy(() => this.#receiver().discard());
    this.#tidy(() => banks.removeUnused());
    logger.info({ station, bank: this.#progress?.bankId, stage, code: reason?.code }, `bank delivery: ${stage}`);
    if (this.#progress !== null) this.#progress = { ...this.#progress, stage, percent: 100, reason };
    this.publish();
  }

  /** What the disk refuses here is told; the station goes on, and the next start does it again. */
  #tidy(work: () => void): void {
    try {
      work();
    } catch (error) {
      const { code, message } = asNominal(error);
      this.#options.logger.error({ station: this.#options.station, code }, `the disk refuses: ${message}`);
    }
  }

  #step(change: Partial<Pick<DeliveryProgress, "stage" | "percent" | "gate" | "probation">>): void {
    if (this.#progress === null) return;
    const nowMs = this.#options.clock.monotonicMs();
    this.#movedAtMs = nowMs;
    const isNew = change.stage !== undefined && change.stage !== this.#progress.stage;
    this.#progress = { ...this.#progress, ...change };
    if (!isNew && nowMs - this.#toldAtMs < PROGRESS_EVERY_MS) return;
    this.#toldAtMs = nowMs;
    this.publish();
  }

  #refuse(offer: string, error: NominalError): void {
    const { logger, station } = this.#options;
    const { code, message } = error;
    logger.warn({ station, offer, code }, `an offer is refused: ${message}`);
    this.#refused = { offer, code, message };
    this.publish();
  }

  #receiver(): BankReceiver {
    return this.#options.makeReceiver((done, total) => this.#step({ percent: Math.floor((100 * done) / total) }));
  }
}

function isEnded({ stage }: DeliveryProgress): boolean {
  return ENDED.has(stage);
}

function busy(bankId: string | undefined): InputError {
  return new InputError(
    "bank-busy",
    `Expected no other delivery under way but ${bankId ?? "one"} is; withdraw it or wait`,
  );
}

function asNominal(error: unknown): NominalError {
  if (error instanceof NominalError) return error;
  return new DeviceError("delivery", `Expected the delivery to go on but: ${reasonOf(error)}`, { cause: error });
}

/** Where the banks of a station lie. */
export function banksFolder(stateFolder: string, line: string, station: string): string {
  return join(stateFolder, "banks", line, station);
}
