import type { CaptureClient } from "../capture/capture-client.ts";
import type { DeviceConfig, StationConfig } from "../config/config.ts";
import type { InferenceClient } from "../inference/inference-client.ts";
import type { BankSummary, LoadBank } from "../inference/protocol.ts";
import type { StationSession } from "../mqtt/station-session.ts";
import type { ClockSyncState } from "../ops/clock-sync.ts";
import type { LoopDelay } from "../ops/event-loop-delay.ts";
import type { Clock } from "../shared/clock.ts";
import { NominalError, reasonOf } from "../shared/errors.ts";
import type { FrameReference } from "../shared/image.ts";
import type { Logger } from "../shared/logger.ts";
import type { Effect, Recovered, StationEvent } from "../station/events.ts";
import type { Outcome } from "../station/outcome.ts";
import type { Instant } from "../station/instant.ts";
import { StationMachine } from "../station/machine.ts";
import { PLC_STATE_WORDS } from "../station/plc-state.ts";
import type { ReasonName } from "../station/reasons.ts";
import type { StationStore } from "../store/station-store.ts";
import type { StoreStatus } from "../store/store-client.ts";
import type { StationConcern } from "./concerns.ts";
import type { DeviceHealth } from "./device-health.ts";
import { FaultBoard } from "./fault-board.ts";
import type { GateStatus } from "./document-gate.ts";
import { CameraHost, type CameraListener } from "./camera-host.ts";
import { loadBankOf, machineSettingsOf, stationId } from "./station-settings.ts";
import type { InferenceListener } from "./inference-host.ts";
import { PartRecords } from "./part-records.ts";
import type { RestartDecision } from "./restart-policy.ts";
import { rememberChallenge } from "./recovery.ts";
import { StationDesk } from "./station-desk.ts";
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
  /** Loads the bank that is the station's now. */
  readonly loadBank: (client: InferenceClient, base: LoadBank) => Promise<BankSummary>;
  readonly onOutcome: (outcome: Outcome) => void;
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

/** A bank that did not load may be mended (a disk mounted late, a file put right): it is tried again. */
const BANK_RETRY_MS = 30_000;

/**
 * One station at work: turns what camera, inference and time bring into events of the station's machine, and carries
 * out the machine's effects. It decides nothing about parts itself.
 */
export class StationRunner implements CameraListener, InferenceListener {
  readonly #options: StationRunnerOptions;
  readonly #machine: StationMachine;
  /** What is wrong and stops nothing. */
  readonly #faults: FaultBoard;
  readonly #camera: CameraHost;
  readonly #report: StationReport;
  readonly #records: PartRecords;
  readonly #frames = new StationFrames();
  readonly #desk: StationDesk;
  #inference: InferenceClient | undefined;
  #bankRetry: NodeJS.Timeout | undefined;
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
    this.#desk = new StationDesk({
      ...options,
      machine: this.#machine,
      handle: (event) => this.#handle(event),
      borrowFrame: () => this.#frames.borrow(),
      inference: () => this.#inference,
      cameraState: () => this.#report.cameraState,
      restartCamera: () => this.#camera.restart(),
      changed: () => this.#report.publishState(),
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
    const client = this.#inference;
    if (client !== undefined && concerns.has("bank")) {
      clearTimeout(this.#bankRetry);
      void this.#loadBank(client);
    } else if (client !== undefined && concerns.has("scoring")) void this.#adjustBank(client);
    if (concerns.has("camera")) this.#camera.reconfigure(station);
    this.#report.publishState();
  }

  /** Something that `state` shows has changed outside the station. */
  refresh(): void {
    this.#report.publishState();
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
    clearTimeout(this.#bankRetry);
    await this.#camera.close();
    this.#handle({ type: "stop" });
    clearTimeout(this.#deadline);
    this.#report.publishState();
  }

  /** After the inference process has ended: what waited for it has settled, so the last records can leave. */
  async closeSession(): Promise<void> {
    await this.#records.settled();
    await this.#options.session.close();
  }

  inferenceUp(client: InferenceClient): void {
    this.#inference = client;
    this.#report.inferenceUp(client.versions);
    void this.#loadBank(client);
  }

  inferenceDown(error: Error, _decision: RestartDecision): void {
    this.#inference = undefined;
    clearTimeout(this.#bankRetry);
    this.#vitals = { ...this.#vitals, bankActive: false };
    this.#report.inferenceDown(error);
    this.#handle({ type: "inference-lost" });
    this.#startCamera();
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
    const frameId = this.#frames.take(frame, client);
    const { seq, capturedAtMs, repeated = false } = frame;
    this.#handle({ type: "frame", frameId, captureSeq: seq, capturedAtMs, repeated });
  }

  cameraDropped(captureSeq: number): void {
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

  /**
   * Loads the bank anew, between two parts; the present one scores until the other is ready.
   *
   * @returns null without one: it did not load, or the inference process is away and loads it when it is back
   */
  async reloadBank(): Promise<BankSummary | null> {
    const client = this.#inference;
    if (client === undefined || this.#closing) return null;
    clearTimeout(this.#bankRetry);
    return this.#loadBank(client);
  }

  /** What the inference process would be told of the station's bank now. */
  get bankSettings(): LoadBank {
    return loadBankOf(this.#device, this.#station);
  }

  async #loadBank(client: InferenceClient): Promise<BankSummary | null> {
    const { logger, loadBank } = this.#options;
    const id = stationId(this.#station);
    let loaded: BankSummary | null = null;
    try {
      const summary = await loadBank(client, this.bankSettings);
      if (this.#inference !== client || this.#closing) return null;
      loaded = summary;
      logger.info({ station: id, ...summary }, "memory bank is active");
      this.#bankReady(summary);
    } catch (error) {
      // Of a process that is gone, `inferenceDown` tells: its bank is not to blame.
      if (this.#inference !== client || this.#closing || client.gone) return null;
      if (!(error instanceof NominalError)) throw error;
      logger.error({ station: id, code: error.code }, `memory bank does not load: ${error.message}`);
      this.#vitals = { ...this.#vitals, bankActive: false };
      this.#report.bankFailed(error);
      this.#handle({ type: "bank-unready", reason: "no-bank" });
      this.#handle({ type: "inference-ready" });
      this.#bankRetry = setTimeout(() => void this.#loadBank(client), BANK_RETRY_MS);
    }
    this.#report.publishState();
    this.#startCamera();
    return loaded;
  }

  /** A process that is lost meanwhile loads the bank with the new settings when it is back. */
  async #adjustBank(client: InferenceClient): Promise<void> {
    try {
      const summary = await client.adjustBank(loadBankOf(this.#device, this.#station));
      if (this.#inference !== client || this.#closing) return;
      this.#report.bankReady(summary);
      this.#report.publishState();
    } catch (error) {
      if (!(error instanceof NominalError)) throw error;
      // Without a bank there is nothing to adjust: its next load takes the settings along.
      const { logger } = this.#options;
      logger.info({ station: stationId(this.#station), code: error.code }, "the bank takes its settings when it loads");
    }
  }

  #bankReady(summary: BankSummary): void {
    this.#vitals = { ...this.#vitals, bankActive: true, bankLoads: this.#vitals.bankLoads + 1 };
    this.#report.bankReady(summary);
    this.#handle({ type: "bank-ready", bankId: summary.bankId });
    this.#handle({ type: "inference-ready" });
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
        this.#requestScore(effect.frameId);
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

  #requestScore(frameId: number): void {
    const frame = this.#frames.get(frameId);
    const client = this.#inference;
    if (frame === undefined || client === undefined) {
      // The machine asks only for frames that it holds, from a process that it was told of.
      this.#later({ type: "score-failed", frameId, reason: "inference-lost" });
      return;
    }
    const station = this.#station;
    const scoring = client.score(stationId(station), frame, station.pictures.mask || station.pictures.overlay);
    this.#records.scoringBegun(frameId, scoring);
    scoring.scored.then(
      ({ score, threshold, bankId }) => this.#handle({ type: "scored", frameId, score, threshold, bankId }),
      (error: unknown) => this.#scoreFailed(frameId, client, error),
    );
  }

  #scoreFailed(frameId: number, client: InferenceClient, error: unknown): void {
    this.#options.logger.warn(
      { station: stationId(this.#station), frameId },
      `frame was not scored: ${reasonOf(error)}`,
    );
    // Of a process that is gone, `inferenceDown` tells; it decides all frames at once.
    if (this.#inference !== client || client.gone) return;
    this.#handle({ type: "score-failed", frameId, reason: reasonFor(error) });
  }

  /** An event out of an effect: it waits until the machine is through with the present one. */
  #later(event: StationEvent): void {
    queueMicrotask(() => this.#handle(event));
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

/** Which NO_VERDICT a failed scoring means. */
function reasonFor(error: unknown): ReasonName {
  if (!(error instanceof NominalError)) return "inference-fault";
  switch (error.code) {
    case "frame-unreadable":
    case "frame-dark":
    case "frame-saturated":
    case "frame-blurred":
    case "no-part":
      return error.code;
    case "region-outside":
      return "frame-unreadable";
    case "request-deadline":
    case "inference-lost":
    case "inference-closed":
      return "inference-lost";
    default:
      return "inference-fault";
  }
}
