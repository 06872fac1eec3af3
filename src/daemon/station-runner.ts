import type { DeviceConfig, StationConfig } from "../config/config.ts";
import type { InferenceClient } from "../inference/inference-client.ts";
import type { BankSummary, LoadBank } from "../inference/protocol.ts";
import type { StationObserver } from "../metrics/station-observer.ts";
import type { StateDocument } from "../mqtt/state-document.ts";
import type { StationSession } from "../mqtt/station-session.ts";
import type { LogLevelSwitch } from "../ops/log-level.ts";
import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";
import type { Effect, Recovered, StationEvent } from "../station/events.ts";
import type { Outcome } from "../station/outcome.ts";
import { StationMachine } from "../station/machine.ts";
import { PLC_STATE_WORDS } from "../station/plc-state.ts";
import type { StationStore } from "../store/station-store.ts";
import type { Admission } from "./admission.ts";
import type { StationConcern } from "./concerns.ts";
import type { DeviceView } from "./device-view.ts";
import { FaultBoard } from "./fault-board.ts";
import type { InferenceListener } from "./inference-host.ts";
import { instantOf, MachineDriver } from "./machine-driver.ts";
import { PartRecords } from "./part-records.ts";
import { rememberChallenge } from "./recovery.ts";
import type { ShadowRun } from "./shadow-run.ts";
import type { BankVitals } from "./station-bank.ts";
import { StationCamera, type CameraVitals } from "./station-camera.ts";
import { StationDesk } from "./station-desk.ts";
import { StationFrames } from "./station-frames.ts";
import { StationInference } from "./station-inference.ts";
import { StationReport } from "./station-report.ts";
import { machineSettingsOf, stationId } from "./station-settings.ts";

export interface StationRunnerOptions {
  readonly device: DeviceConfig;
  readonly station: StationConfig;
  /** 8 hex digits, drawn at this start of the daemon. */
  readonly boot: string;
  readonly view: DeviceView;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly session: StationSession;
  readonly store: StationStore;
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
  readonly camera: CameraVitals;
  readonly bank: BankVitals;
}

/**
 * One station at work: what its camera, its inference, its desk and the time bring are events of the station's machine, and
 * here the machine's effects are carried out. It decides nothing about parts itself.
 */
export class StationRunner {
  readonly #options: StationRunnerOptions;
  readonly #machine: StationMachine;
  readonly #driver: MachineDriver;
  /** What is wrong and stops nothing. */
  readonly #faults: FaultBoard;
  readonly #report: StationReport;
  readonly #records: PartRecords;
  readonly #frames = new StationFrames();
  readonly #camera: StationCamera;
  readonly #inference: StationInference;
  readonly #desk: StationDesk;
  #device: DeviceConfig;
  #station: StationConfig;

  constructor(options: StationRunnerOptions) {
    const { device, clock, logger, session } = options;
    this.#options = options;
    this.#device = device;
    this.#station = options.station;
    const station = (): StationConfig => this.#station;
    const handle = (event: StationEvent): void => this.#driver.handle(event);
    const machine = new StationMachine(machineSettingsOf(station()), instantOf(clock));
    this.#machine = machine;
    this.#driver = new MachineDriver({ machine, clock, carryOut: (effect) => this.#carryOut(effect) });
    this.#faults = new FaultBoard({
      ...{ subject: stationId(station()), clock, logger, onChange: () => this.#report.publishState() },
    });
    this.#report = new StationReport({
      ...{ ...options, station, machine },
      camera: () => this.#camera.state,
      standing: () => this.#faults.faults,
    });
    this.#records = new PartRecords((part) => this.#report.part(part));
    this.#camera = new StationCamera({
      ...{ station, sharedMemoryFolder: device.sharedMemoryFolder, clock, logger, faults: this.#faults },
      ...{ frames: this.#frames, handle, report: this.#report, observer: options.observer },
    });
    this.#inference = new StationInference({
      ...options,
      config: () => ({ device: this.#device, station: this.#station }),
      ...{ frames: this.#frames, records: this.#records, faults: this.#faults, handle, report: this.#report },
      // The camera starts when that is known, so that no part meets a station in warm-up.
      onKnown: () => this.#camera.start(),
    });
    this.#desk = new StationDesk({
      ...{ ...options, storage: options.view.storage, machine, handle },
      borrowFrame: () => this.#frames.borrow(),
      inference: () => this.#inference.client,
      cameraState: () => this.#camera.state.state,
      restartCamera: () => this.#camera.restart(),
      changed: () => this.#report.publishState(),
    });
    session.listen(this.#desk);
    session.setPlcState(machine.plcState);
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
    return { camera: this.#camera.vitals, bank: this.#inference.bankVitals };
  }

  /** Takes over what has changed of its configuration: what concerns nothing is left alone. */
  reconfigure(device: DeviceConfig, station: StationConfig, concerns: ReadonlySet<StationConcern>): void {
    this.#device = device;
    this.#station = station;
    if (concerns.has("machine")) this.#handle({ type: "configure", settings: machineSettingsOf(station) });
    this.#inference.reconfigure(concerns);
    if (concerns.has("camera")) this.#camera.reconfigure();
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
    this.#inference.close();
    await this.#camera.close();
    this.#handle({ type: "stop" });
    this.#driver.close();
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

  /** Who is to be told what befalls the station's inference process. */
  get inference(): InferenceListener {
    return this.#inference;
  }

  /** See StationBank. */
  reloadBank(): Promise<BankSummary | null> {
    return this.#inference.reloadBank();
  }

  /** What the inference process would be told of the station's bank now. */
  get bankSettings(): LoadBank {
    return this.#inference.bankSettings;
  }

  #handle(event: StationEvent): void {
    this.#driver.handle(event);
  }

  #carryOut(effect: Effect): void {
    const { session, logger } = this.#options;
    switch (effect.type) {
      case "request-score":
        this.#inference.request(effect.frameId, effect.deadlineAtMs);
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
}
