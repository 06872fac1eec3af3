import type { StationConfig } from "../config/config.ts";
import type { InferenceClient } from "../inference/inference-client.ts";
import type { CommandName } from "../mqtt/commands.ts";
import type { PartName } from "../mqtt/plc-payloads.ts";
import { triggerOf } from "../mqtt/plc-payloads.ts";
import type { InboxListener } from "../mqtt/station-inbox.ts";
import type { StationSession } from "../mqtt/station-session.ts";
import type { LogLevelSwitch } from "../ops/log-level.ts";
import { DeviceError, InputError } from "../shared/errors.ts";
import type { Effect, StationEvent, TriggerFields } from "../station/events.ts";
import type { StationMachine } from "../station/machine.ts";
import { codeOf, type ReasonName } from "../station/reasons.ts";
import type { StationStore } from "../store/station-store.ts";
import type { StoreStatus } from "../store/store-client.ts";
import { carryOutLogLevel } from "./log-level-command.ts";
import type { BorrowedFrame } from "./station-frames.ts";
import { stationId } from "./station-settings.ts";

/** What the desk needs of the station behind it. */
export interface DeskOptions {
  readonly station: StationConfig;
  readonly session: StationSession;
  readonly machine: StationMachine;
  readonly store: StationStore;
  readonly storage: () => StoreStatus;
  readonly handle: (event: StationEvent) => void;
  /** Borrows the next frame; it must be given back. */
  readonly borrowFrame: () => Promise<BorrowedFrame>;
  readonly inference: () => InferenceClient | undefined;
  readonly cameraState: () => string;
  readonly restartCamera: () => void;
  readonly logLevel: LogLevelSwitch;
  /** The `state` document is out of date. */
  readonly changed: () => void;
}

/** One line of a self-test. */
interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** The overlay of a snapshot travels in an answer, which PLC-side brokers limit to some 100 kB. */
const LARGEST_SNAPSHOT_BYTES = 65_536;

/** Where triggers and commands are taken in and answered. An answer leaves when what it says is on the disk. */
export class StationDesk implements Omit<InboxListener, "acknowledged"> {
  readonly #options: DeskOptions;
  /** Commands that wait for the answer to their trigger. */
  readonly #asked = new Map<string, (refusal: ReasonName | null) => void>();

  constructor(options: DeskOptions) {
    this.#options = options;
  }

  trigger(trigger: TriggerFields): void {
    this.#options.handle({ type: "trigger", ...trigger });
  }

  malformedTrigger(name: PartName): void {
    this.#options.session.answerTrigger(name, "trigger-malformed");
  }

  /** An accepted trigger is on the disk before its answer leaves; one that comes again waits for the same. */
  answerTrigger({ trigger, refusal }: Extract<Effect, { type: "trigger-answer" }>): void {
    const answer = (): void => {
      this.#options.session.answerTrigger(trigger, refusal);
      const key = keyOf(trigger);
      this.#asked.get(key)?.(refusal);
      this.#asked.delete(key);
    };
    if (refusal === null) this.#options.store.accept(trigger, answer);
    else answer();
  }

  async command(name: CommandName, args: Readonly<Record<string, unknown>>): Promise<object> {
    switch (name) {
      case "trigger":
        return this.#triggerCommand(args);
      case "pause":
      case "resume":
      case "challenge":
        this.#options.handle({ type: name });
        this.#options.changed();
        return { plcState: this.#options.machine.plcState, paused: this.#options.machine.paused };
      case "snapshot":
        return this.#snapshot();
      case "self-test":
        return this.#selfTest();
      case "reboot-camera":
        this.#options.restartCamera();
        return {};
      case "log-level":
        return carryOutLogLevel(this.#options.logLevel, args);
      default:
        return name satisfies never;
    }
  }

  async #triggerCommand(args: Readonly<Record<string, unknown>>): Promise<object> {
    const trigger = triggerOf(args);
    const refusal = await new Promise<ReasonName | null>((resolve) => {
      this.#asked.set(keyOf(trigger), resolve);
      this.#options.handle({ type: "trigger", ...trigger });
    });
    if (refusal !== null) {
      throw new InputError("trigger-refused", `Expected a trigger that fits but it was refused: ${codeOf(refusal)}`);
    }
    return { session: trigger.session, seq: trigger.seq, code: codeOf(null) };
  }

  async #snapshot(): Promise<object> {
    const { station, inference } = this.#options;
    const client = inference();
    if (client === undefined)
      throw new DeviceError("inference-lost", "Expected an inference process but there is none");
    const { frame, giveBack } = await this.#options.borrowFrame();
    try {
      const { scored, pictures } = client.score(stationId(station), frame, null, true);
      const { score, threshold, bankId } = await scored;
      const overlay = (await pictures)?.overlay;
      const { width, height } = frame;
      const fits = overlay !== undefined && overlay.data.length <= LARGEST_SNAPSHOT_BYTES;
      const image = fits
        ? {
            contentType: overlay.contentType,
            sha256: overlay.sha256,
            base64: Buffer.from(overlay.data).toString("base64"),
          }
        : null;
      return { width, height, score, threshold, bank: bankId, image };
    } finally {
      giveBack();
    }
  }

  #selfTest(): object {
    const { machine, session, storage, inference, cameraState } = this.#options;
    const faults = machine.faults().map(({ reason }) => reason);
    const broker = session.status();
    const disk = storage();
    const checks: Check[] = [
      { name: "camera", ok: cameraState() === "playing", detail: cameraState() },
      { name: "inference", ok: inference() !== undefined, detail: inference() === undefined ? "no process" : "up" },
      { name: "storage", ok: disk.state === "ready", detail: disk.problem ?? disk.state },
      { name: "broker", ok: broker.state === "connected", detail: broker.problem?.message ?? broker.state },
      { name: "faults", ok: faults.length === 0, detail: faults.join(", ") },
    ];
    return { passed: checks.every(({ ok }) => ok), checks };
  }
}

function keyOf({ session, seq }: PartName): string {
  return `${session};${seq}`;
}
