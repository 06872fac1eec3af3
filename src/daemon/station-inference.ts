import type { DeviceConfig, StationConfig } from "../config/config.ts";
import type { InferenceClient } from "../inference/inference-client.ts";
import type { BankSummary, LoadBank } from "../inference/protocol.ts";
import type { NominalError } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import type { StationEvent } from "../station/events.ts";
import type { Admission, Admitted } from "./admission.ts";
import type { StationConcern } from "./concerns.ts";
import type { FaultBoard } from "./fault-board.ts";
import type { InferenceListener } from "./inference-host.ts";
import type { PartRecords } from "./part-records.ts";
import { ScoringRequests } from "./scoring-requests.ts";
import type { ShadowRun } from "./shadow-run.ts";
import { StationAdmission } from "./station-admission.ts";
import { StationBank, type BankVitals, type StationBankListener } from "./station-bank.ts";
import type { StationFrames } from "./station-frames.ts";
import type { StationReport } from "./station-report.ts";

export interface StationInferenceOptions {
  /** As they are now. */
  readonly config: () => { readonly device: DeviceConfig; readonly station: StationConfig };
  readonly admission: Pick<Admission, "judge" | "measured" | "leave">;
  /** Loads the bank that is the station's now. */
  readonly loadBank: (client: InferenceClient, base: LoadBank) => Promise<BankSummary>;
  /** The bank that may score beside the station's own. */
  readonly shadow: Pick<ShadowRun, "request" | "asked">;
  readonly frames: StationFrames;
  readonly records: PartRecords;
  readonly faults: Pick<FaultBoard, "set">;
  readonly handle: (event: StationEvent) => void;
  readonly report: Pick<
    StationReport,
    "inferenceUp" | "inferenceDown" | "bankReady" | "bankFailed" | "admission" | "publishState"
  >;
  /** It is known whether the bank loads, or that there is no process that could. Called again and again. */
  readonly onKnown: () => void;
  readonly logger: Logger;
}

/**
 * The inference of one station: its process, its memory bank and their admission, and how they are, as events of the station's
 * machine. Through it frames are scored.
 */
export class StationInference implements InferenceListener, StationBankListener {
  readonly #options: StationInferenceOptions;
  readonly #scoring: ScoringRequests;
  readonly #bank: StationBank;
  readonly #admission: StationAdmission;
  #closed = false;

  constructor(options: StationInferenceOptions) {
    const { config, admission, loadBank, logger } = options;
    const station = (): StationConfig => config().station;
    this.#options = options;
    this.#scoring = new ScoringRequests({
      ...{ ...options, station },
      onFrame: (tookMs) => this.#admission.frame(tookMs),
    });
    this.#bank = new StationBank({ logger, config, loadBank, listener: this });
    this.#admission = new StationAdmission({
      ...{ admission, station },
      judged: (admitted, bank) => this.#judged(admitted, bank),
    });
  }

  /** The station's process; undefined: there is none now. */
  get client(): InferenceClient | undefined {
    return this.#scoring.client;
  }

  /** What the process would be told of the station's bank now. */
  get bankSettings(): LoadBank {
    return this.#bank.settings;
  }

  get bankVitals(): BankVitals {
    return this.#bank.vitals;
  }

  /** See ScoringRequests. */
  request(frameId: number, deadlineAtMs: number): void {
    this.#scoring.request(frameId, deadlineAtMs);
  }

  /** See StationBank. */
  reloadBank(): Promise<BankSummary | null> {
    return this.#bank.reload();
  }

  /** Takes over what has changed of the station's configuration. */
  reconfigure(concerns: ReadonlySet<StationConcern>): void {
    if (concerns.has("bank")) void this.#bank.reload();
    else if (concerns.has("scoring")) void this.#bank.adjust();
    this.#admission.ask();
  }

  /** The machine is told of no bank any more; frames that are with the process are answered. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#bank.close();
    this.#admission.leave();
  }

  inferenceUp(client: InferenceClient): void {
    this.#scoring.client = client;
    this.#options.report.inferenceUp(client.versions);
    this.#bank.inferenceUp(client);
  }

  inferenceDown(error: Error): void {
    const { report, handle, onKnown } = this.#options;
    this.#scoring.client = undefined;
    this.#bank.inferenceDown();
    this.#admission.bankGone();
    report.inferenceDown(error);
    handle({ type: "inference-lost" });
    onKnown();
  }

  inferenceUnsteady(found: string | null): void {
    this.#options.faults.set("inference-unsteady", found);
  }

  bankReady(summary: BankSummary): void {
    const { report, handle, onKnown } = this.#options;
    report.bankReady(summary);
    handle({ type: "provider", fallback: summary.fallback !== null });
    this.#admission.bankReady(summary);
    handle({ type: "inference-ready" });
    report.publishState();
    onKnown();
  }

  bankAdjusted(summary: BankSummary): void {
    this.#options.report.bankReady(summary);
    this.#options.report.publishState();
  }

  bankFailed(error: NominalError): void {
    const { report, handle, onKnown } = this.#options;
    this.#admission.bankGone();
    const reason = error.code === "gate-refused" ? "self-test-failed" : "no-bank";
    report.bankFailed(error, reason);
    handle({ type: "bank-unready", reason });
    handle({ type: "inference-ready" });
    report.publishState();
    onKnown();
  }

  #judged(admitted: Admitted, bank: BankSummary): void {
    if (this.#closed) return;
    const { report, handle } = this.#options;
    report.admission(admitted);
    handle({ type: "booked", over: admitted.verdict === "overbooked" });
    if (admitted.verdict === "refused") handle({ type: "bank-unready", reason: "admission-refused" });
    else handle({ type: "bank-ready", bankId: bank.bankId });
    report.publishState();
  }
}
