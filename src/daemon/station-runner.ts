import type { CaptureClient } from "../capture/capture-client.ts";
import type { DeviceConfig, StationConfig } from "../config/config.ts";
import type { InferenceClient } from "../inference/inference-client.ts";
import type { BankSummary, LoadBank } from "../inference/protocol.ts";
import type { StationObserver } from "../metrics/station-observer.ts";
import type { StateDocument } from "../mqtt/state-document.ts";
import type { StationSession } from "../mqtt/station-session.ts";
import type { ClockSyncState } from "../ops/clock-sync.ts";
import type { LoopDelay } from "../ops/event-loop-delay.ts";
import type { LogLevelSwitch } from "../ops/log-level.ts";
import type { Clock } from "../shared/clock.ts";
import type { NominalError } from "../shared/errors.ts";
import type { FrameReference } from "../shared/image.ts";
import type { Logger } from "../shared/logger.ts";
import type { Effect, Recovered, StationEvent } from "../station/events.ts";
import type { Outcome } from "../station/outcome.ts";
import type { Instant } from "../station/instant.ts";
import { StationMachine } from "../station/machine.ts";
import { PLC_STATE_WORDS } from "../station/plc-state.ts";
import type { StationStore } from "../store/station-store.ts";
import type { StoreStatus } from "../store/store-client.ts";
import type { StationConcern } from "./concerns.ts";
import type { DeviceHealth } from "./device-health.ts";
import { FaultBoard } from "./fault-board.ts";
import type { GateStatus } from "./document-gate.ts";
import type { Admission, Admitted } from "./admission.ts";
import { StationAdmission } from "./station-admission.ts";
import { CameraHost, type CameraListener } from "./camera-host.ts";
import { StationBank, type StationBankListener } from "./station-bank.ts";
import { machineSettingsOf, stationId } from "./station-settings.ts";
import type { InferenceListener } from "./inference-host.ts";
import { PartRecords } from "./part-records.ts";
import type { ShadowRun } from "./shadow-run.ts";
import type { RestartDecision } from "./restart-policy.ts";
import { rememberChallenge } from "./recovery.ts";
import { StationDesk } from "./station-desk.ts";
import { ScoringRequests } from "./scoring-requests.ts";
import { StationFrames } from "./station-frames.ts";
import { StationReport } from "./station-report.ts";

export interface StationRunnerOptions {
  readonly device: DeviceConfig;
  readonly station: StationConfig;
  /** 8 hex digits, drawn at this start of the daemon. */
  readonly boot: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly clockSync: () => ClockSyncState;
  readonly logger: Logger;
  readonly session: StationSession;
  readonly store: StationStore;
  readonly storage: () => StoreStatus;
  readonly eventLoop: () => LoopDelay;
  readonly pushes: () => GateStatus;
  readonly health: DeviceHealth;
  readonly admission: Admission;
  /** Loads the bank that is the station's now. */
  readonly loadBank: (client: InferenceClient, base: LoadBank) => Promise<BankSummary>;
  readonly onOutcome: (outcome: Outcome) => void;
  /** The bank that may score beside the station's own. */
  readonly shadow: Pick<ShadowRun, "request" | "asked">;
  readonly observer: StationObserver;
  readonly logLevel: LogLevelSwitch;
}

/** What a station has, as a trial of a configuration asks. */
export interface StationVitals {
  readonly cameraPlaying: boolean;
  /** Times that a capture process began to play. */
  readonly cameraStarts: number;
  /** Frames since the last of them. */
  readonly frames: number;
  readonly bankActive: boolean;
  readonly bankLoads: number;
}

/**
 * One station at work: turns what camera, inference and time bring into events of the station's machine, and carries
 * out the machine's effects. It decides nothing about parts itself.
 */
export class StationRunner implements CameraListener, InferenceListener, StationBankListener {
  readonly #options: StationRunnerOptions;
  readonly #machine: StationMachine;
  /** What is wrong and stops nothing. */
  readonly #faults: FaultBoard;
  readonly #camera: CameraHost;
  readonly #report: StationReport;
  readonly #records: PartRecords;
  readonly #frames = new StationFrames();
  readonly #scoring: ScoringRequests;
  readonly #desk: StationDesk;
  readonly #bank: StationBank;
  readonly #admission: StationAdmission;
  #deadline: NodeJS.Timeout | undefined;
  #cameraStarted = false;
  #closing = false;
  #device: DeviceConfig;
  #station: StationConfig;
  #vitals: StationVitals = { cameraPlaying: false, cameraStarts: 0, frames: 0, bankActive: false, bankLoads: 0 };

  constructor(options: StationRunnerOptions) {
    const { device, station, clock, logger, session } = options;
    this.#options = options;
    this.#device = device;
    this.#station = station;
    this.#machine = new StationMachine(machineSettingsOf(station), this.#now());
    this.#faults = new FaultBoard({
      ...{ subject: stationId(station), clock, logger, onChange: () => this.#report.publishState() },
    });
    this.#camera = new CameraHost({
      faults: this.#faults,
      station,
      sharedMemoryFolder: device.sharedMemoryFolder,
      clock,
      logger,
      listener: this,
    });
    this.#report = new StationReport({
      ...options,
      station: () => this.#station,
      shownFaults: () => [...options.health.faults, ...this.#faults.faults],
      machine: this.#machine,
      cameraRestarts: () => this.#camera.restarts,
    });
    this.#records = new PartRecords((part) => this.#report.part(part));
    this.#scoring = new ScoringRequests({
      station: () => this.#station,
      frames: this.#frames,
      records: this.#records,
      shadow: options.shadow,
      handle: (event) => this.#handle(event),
      onFrame: (tookMs) => this.#admission.frame(tookMs),
      logger,
    });
    this.#desk = new StationDesk({
      ...options,
      machine: this.#machine,
      handle: (event) => this.#handle(event),
      borrowFrame: () => this.#frames.borrow(),
      inference: () => this.#scoring.client,
      cameraState: () => this.#report.cameraState,
      restartCamera: () => this.#camera.restart(),
      changed: () => this.#report.publishState(),
    });
    this.#bank = new StationBank({
      logger,
      config: () => ({ device: this.#device, station: this.#station }),
      loadBank: options.loadBank,
      listener: this,
    });
    this.#admission = new StationAdmission({
      admission: options.admission,
      station: () => this.#station,
      judged: (admitted, bank) => this.#judged(admitted, bank),
    });
    session.listen(this.#desk);
    session.setPlcState(this.#machine.plcState);
  }

  /** @param recovered what a former run left: its open parts get their outcome first */
  start(recovered: Recovered): void {
    this.#handle({ type: "start", recovered });
    this.#options.session.start();
    this.#report.publishState();
  }

  /** @param problem null: results are kept on the disk (again) */
  storageHealth(problem: Error | null): void {
    this.#report.storageHealth(problem);
    this.#handle({ type: problem === null ? "storage-ready" : "storage-lost" });
  }

  get vitals(): StationVitals {
    return this.#vitals;
  }

  /** Takes over what has changed of its configuration: what concerns nothing is left alone. */
  reconfigure(device: DeviceConfig, station: StationConfig, concerns: ReadonlySet<StationConcern>): void {
    this.#device = device;
    this.#station = station;
    if (concerns.has("machine")) this.#handle({ type: "configure", settings: machineSettingsOf(station) });
    if (concerns.has("bank")) void this.#bank.reload();
    else if (concerns.has("scoring")) void this.#bank.adjust();
    if (concerns.has("camera")) this.#camera.reconfigure(station);
    this.#admission.ask();
    this.#report.publishState();
  }

  /** Something that `state` shows has changed outside the station. */
  refresh(): void {
    this.#report.publishState();
  }

  /** What the station is now, as its `state` says it. */
  state(): StateDocument {
    return this.#report.state();
  }

  /** Accepted parts without an outcome, frames in slots, and the capture process, if there is one. */
  get load(): { readonly openParts: number; readonly heldFrames: number; readonly capturePid: number | undefined } {
    return { openParts: this.#machine.openParts, heldFrames: this.#frames.size, capturePid: this.#camera.pid };
  }

  /** `plc/state` in words, with the faults that stand. */
  statusWords(): string {
    const faults = this.#machine.faults().map(({ reason }) => reason);
    const words = PLC_STATE_WORDS[this.#machine.plcState];
    return faults.length === 0 ? words : `${words}: ${faults.join(", ")}`;
  }

  /** Ends the camera, decides what is open, and says so. Idempotent. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#bank.close();
    this.#admission.leave();
    await this.#camera.close();
    this.#handle({ type: "stop" });
    clearTimeout(this.#deadline);
    this.#report.publishState();
  }

  /**
   * When what waits for the inference process has settled, so that the last records can leave.
   *
   * @param clear the station does not come back: the broker is to forget what it keeps of it
   */
  async closeSession({ clear = false }: { readonly clear?: boolean } = {}): Promise<void> {
    await this.#records.settled();
    const { session } = this.#options;
    if (clear) session.clearRetained();
    await session.close();
  }

  inferenceUp(client: InferenceClient): void {
    this.#scoring.client = client;
    this.#report.inferenceUp(client.versions);
    this.#bank.inferenceUp(client);
  }

  inferenceDown(error: Error): void {
    this.#scoring.client = undefined;
    this.#bank.inferenceDown();
    this.#admission.bankGone();
    this.#vitals = { ...this.#vitals, bankActive: false };
    this.#report.inferenceDown(error);
    this.#handle({ type: "inference-lost" });
    this.#startCamera();
  }

  inferenceUnsteady(found: string | null): void {
    this.#faults.set("inference-unsteady", found);
  }

  cameraPlaying(launch: string, versions: Readonly<Record<string, string>>): void {
    const cameraStarts = this.#vitals.cameraStarts + 1;
    this.#vitals = { ...this.#vitals, cameraPlaying: true, cameraStarts, frames: 0 };
    this.#report.cameraPlaying(launch, versions);
    this.#handle({ type: "camera-playing" });
    this.#report.publishState();
  }

  cameraFrame(frame: FrameReference, client: CaptureClient): void {
    this.#vitals = { ...this.#vitals, frames: this.#vitals.frames + 1 };
    this.#options.observer.frame();
    const frameId = this.#frames.take(frame, client);
    const { seq, capturedAtMs, repeated = false } = frame;
    this.#handle({ type: "frame", frameId, captureSeq: seq, capturedAtMs, repeated });
  }

  cameraDropped(captureSeq: number): void {
    this.#options.observer.slotMissing();
    this.#handle({ type: "frame-dropped", captureSeq });
  }

  cameraEnded(_frames: number): void {
    this.#report.cameraEnded();
    this.#handle({ type: "camera-ended" });
    this.#report.publishState();
  }

  cameraDown(error: Error, _decision: RestartDecision): void {
    this.#vitals = { ...this.#vitals, cameraPlaying: false };
    this.#report.cameraDown(error);
    this.#handle({ type: "camera-lost" });
    this.#report.publishState();
  }

  /** See StationBank. */
  reloadBank(): Promise<BankSummary | null> {
    return this.#bank.reload();
  }

  /** What the inference process would be told of the station's bank now. */
  get bankSettings(): LoadBank {
    return this.#bank.settings;
  }

  bankReady(summary: BankSummary): void {
    this.#vitals = { ...this.#vitals, bankActive: true, bankLoads: this.#vitals.bankLoads + 1 };
    this.#report.bankReady(summary);
    this.#handle({ type: "provider", fallback: summary.fallback !== null });
    this.#admission.bankReady(summary);
    this.#handle({ type: "inference-ready" });
    this.#report.publishState();
    this.#startCamera();
  }

  bankAdjusted(summary: BankSummary): void {
    this.#report.bankReady(summary);
    this.#report.publishState();
  }

  bankFailed(error: NominalError): void {
    this.#vitals = { ...this.#vitals, bankActive: false };
    this.#admission.bankGone();
    const reason = error.code === "gate-refused" ? "self-test-failed" : "no-bank";
    this.#report.bankFailed(error, reason);
    this.#handle({ type: "bank-unready", reason });
    this.#handle({ type: "inference-ready" });
    this.#report.publishState();
    this.#startCamera();
  }

  #judged(admitted: Admitted, bank: BankSummary): void {
    if (this.#closing) return;
    this.#report.admission(admitted);
    this.#handle({ type: "booked", over: admitted.verdict === "overbooked" });
    if (admitted.verdict === "refused") this.#handle({ type: "bank-unready", reason: "admission-refused" });
    else this.#handle({ type: "bank-ready", bankId: bank.bankId });
    this.#report.publishState();
  }

  /** The camera starts when it is known whether the bank loads, so that no part meets a station in warm-up. */
  #startCamera(): void {
    if (this.#cameraStarted || this.#closing) return;
    this.#cameraStarted = true;
    this.#camera.start();
  }

  #handle(event: StationEvent): void {
    for (const effect of this.#machine.handle(event, this.#now())) this.#carryOut(effect);
    this.#setDeadline();
  }

  #carryOut(effect: Effect): void {
    const { session, logger } = this.#options;
    switch (effect.type) {
      case "request-score":
        this.#scoring.request(effect.frameId, effect.deadlineAtMs);
        return;
      case "release":
        this.#frames.release(effect.frameId);
        return;
      case "outcome":
        this.#report.outcome(effect.outcome);
        this.#records.decided(effect.outcome);
        this.#options.onOutcome(effect.outcome);
        return;
      case "late-score":
        logger.warn(
          { station: stationId(this.#station), ordinal: effect.ordinal, score: effect.score },
          "score came after its deadline",
        );
        return;
      case "trigger-answer":
        this.#desk.answerTrigger(effect);
        return;
      case "outcome-again":
        session.resendOutcome(effect.session, effect.seq);
        return;
      case "challenge-done":
        rememberChallenge(this.#options.store, effect.at.wallMs, effect.met);
        return;
      case "plc-state":
        session.setPlcState(effect.state);
        this.#report.publishState();
        return;
      case "faults-changed":
        this.#report.faultsChanged(effect.faults);
        return;
      default:
        effect satisfies never;
    }
  }

  #setDeadline(): void {
    clearTimeout(this.#deadline);
    const dueMs = this.#machine.nextDeadlineMs();
    if (dueMs === null) return;
    const waitMs = Math.max(0, Math.ceil(dueMs - this.#options.clock.monotonicMs()));
    this.#deadline = setTimeout(() => this.#handle({ type: "tick" }), waitMs);
  }

  #now(): Instant {
    const { clock } = this.#options;
    return { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
  }
}
