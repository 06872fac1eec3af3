import type { DeviceConfig, StationConfig } from "../config/config.ts";
import type { BankSummary, Picture } from "../inference/protocol.ts";
import type { StationObserver } from "../metrics/station-observer.ts";
import type { PictureSet } from "../mqtt/picture-lane.ts";
import { inspectionRecord, type InspectionRecord, type RecordedPicture } from "../mqtt/record.ts";
import { reportedFaults, type StateDocument } from "../mqtt/state-document.ts";
import type { StationSession } from "../mqtt/station-session.ts";
import type { Clock } from "../shared/clock.ts";
import { NominalError } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import type { Fault } from "../station/events.ts";
import type { FaultName } from "../station/faults.ts";
import type { StationMachine } from "../station/machine.ts";
import type { Outcome } from "../station/outcome.ts";
import { REASONS } from "../station/reasons.ts";
import type { Admitted } from "./admission.ts";
import type { DeviceView } from "./device-view.ts";
import type { StandingFault } from "./fault-board.ts";
import type { FinishedPart } from "./part-records.ts";
import { stationId } from "./station-settings.ts";

export interface StationReportOptions {
  readonly device: DeviceConfig;
  /** As it is now. */
  readonly station: () => StationConfig;
  readonly boot: string;
  readonly view: DeviceView;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly session: StationSession;
  readonly machine: StationMachine;
  readonly camera: () => StateDocument["camera"];
  readonly observer: StationObserver;
  /** The station's faults that stop nothing, and so are none of the machine's. */
  readonly standing: () => readonly StandingFault[];
}

/** Counters in `state` are at most this old while parts pass; changes of state and faults go out at once. */
const STATE_EVERY_MS = 5_000;
/** A record waits so long for its result to leave; a broker that stalls must not hold the history up. */
const PUBLISH_WAIT_MS = 500;

/** Says on MQTT, and in the log, what a station does: results, records, pictures, tags and the `state` document. */
export class StationReport {
  readonly #options: StationReportOptions;
  /** Results whose record is still to come, by ordinal → Unix ms at which they were published. */
  readonly #publishedAtMs = new Map<number, Promise<number | null>>();
  readonly #details = new Map<FaultName, string>();
  #bank: BankSummary | null = null;
  /** Of what the children loaded; one that is gone comes back with the same. */
  #childVersions: Readonly<Record<string, string>> = {};
  #faults: readonly Fault[] = [];
  #admission: Admitted | null = null;
  #stateAtMs = 0;

  constructor(options: StationReportOptions) {
    this.#options = options;
  }

  /** `plc/result` and the tags, at once. */
  outcome(outcome: Outcome): void {
    const { session, machine } = this.#options;
    const { total, fail } = machine.counters();
    const published = new Promise<number | null>((resolve) => {
      session.publishOutcome(outcome, { total, ng: fail }, resolve);
    });
    this.#publishedAtMs.set(outcome.ordinal, published);
    if (this.#options.clock.monotonicMs() - this.#stateAtMs >= STATE_EVERY_MS) this.publishState();
  }

  /** `inspection` and then the pictures. */
  async part({ outcome, scored, pictures, late }: FinishedPart): Promise<void> {
    const { session, device, boot, view, observer } = this.#options;
    const station = this.#options.station();
    const published = this.#publishedAtMs.get(outcome.ordinal) ?? Promise.resolve(null);
    this.#publishedAtMs.delete(outcome.ordinal);
    const publishedAtWallMs = await within(published, PUBLISH_WAIT_MS);
    const stages = scored === undefined ? {} : stagesOf(scored.stages, pictures);
    observer.part({ outcome, stages, publishedAtWallMs });
    this.#publishRecord(
      inspectionRecord({
        identity: { site: device.site, line: station.line, station: station.name },
        boot,
        outcome,
        ...(scored === undefined ? {} : { scored: { ...scored, stages } }),
        images: {
          ...(pictures?.mask === undefined ? {} : { mask: recorded(pictures.mask) }),
          ...(pictures?.overlay === undefined ? {} : { overlay: recorded(pictures.overlay) }),
        },
        ...(late && scored !== undefined ? { lateScore: { score: scored.score, threshold: scored.threshold } } : {}),
        publishedAtWallMs,
        clockSync: view.clockSync(),
      }),
    );
    if (pictures !== undefined) session.publishPictures(pictureSet(outcome, pictures));
    else if (scored !== undefined && (station.pictures.mask || station.pictures.overlay)) session.picturesLost();
  }

  /** A record that is too large is lost, and that is told; its part has its result, and the station goes on. */
  #publishRecord(record: InspectionRecord): void {
    const { session, logger } = this.#options;
    try {
      session.publishRecord(record);
    } catch (error) {
      if (!(error instanceof NominalError) || error.code !== "record-size") throw error;
      logger.error(
        { station: stationId(this.#options.station()), seq: record.seq, code: error.code },
        `record is lost: ${error.message}`,
      );
    }
  }

  inferenceUp(versions: Readonly<Record<string, string>>): void {
    this.#childVersions = { ...this.#childVersions, ...versions };
  }

  bankReady(summary: BankSummary): void {
    this.#bank = summary;
    this.#details.delete("no-bank");
    this.#details.delete("inference-lost");
    if (summary.fallback !== null) this.#details.set("provider-fallback", summary.fallback.why);
    this.#options.session.setBank(summary.bankId);
  }

  admission(admitted: Admitted): void {
    this.#admission = admitted;
    const text = admitted.problems.join("; ");
    if (admitted.verdict === "refused") this.#details.set("admission-refused", text);
    else if (admitted.verdict === "overbooked") this.#details.set("overbooked", text);
  }

  bankFailed(error: Error, reason: "no-bank" | "self-test-failed"): void {
    this.#bank = null;
    this.#details.set(reason, error.message);
    this.#options.session.setBank(null);
  }

  inferenceDown(error: Error): void {
    this.#details.set("inference-lost", error.message);
  }

  storageHealth(problem: Error | null): void {
    if (problem === null) this.#details.delete("storage-failed");
    else this.#details.set("storage-failed", problem.message);
  }

  /** @param versions of what the capture process loaded */
  cameraPlaying(versions: Readonly<Record<string, string>>): void {
    this.#childVersions = { ...this.#childVersions, ...versions };
    this.#details.delete("camera-lost");
  }

  cameraDown(error: Error): void {
    this.#details.set("camera-lost", error.message);
  }

  faultsChanged(faults: readonly Fault[]): void {
    const { logger } = this.#options;
    const station = this.#options.station();
    for (const { reason } of faults.filter((fault) => !has(this.#faults, fault.reason))) {
      const { code, text, remedy } = REASONS[reason];
      logger.error(
        { station: stationId(station), fault: reason, code, detail: this.#details.get(reason) },
        `${text}. ${remedy}`,
      );
    }
    for (const { reason } of this.#faults.filter((fault) => !has(faults, fault.reason))) {
      logger.info({ station: stationId(station), fault: reason, code: REASONS[reason].code }, "fault is over");
    }
    this.#faults = faults;
    this.publishState();
  }

  publishState(): void {
    const { clock, session } = this.#options;
    this.#stateAtMs = clock.monotonicMs();
    session.setState(this.state());
  }

  /** What the station is now, as `state` says it. */
  state(): StateDocument {
    const { device, boot, view, clock, session, machine, camera, standing } = this.#options;
    const station = this.#options.station();
    return {
      version: 1,
      at: new Date(clock.wallMs()).toISOString(),
      site: device.site,
      line: station.line,
      station: station.name,
      device: device.device,
      boot,
      mode: station.mode,
      commissioning: station.commissioning,
      paused: machine.paused,
      plcState: machine.plcState,
      versions: { ...view.versions, ...this.#childVersions },
      bank: this.#bank === null ? null : bankState(this.#bank),
      admission: this.#admission === null ? null : admissionState(this.#admission),
      executionProvider: this.#bank?.provider ?? null,
      wantedProvider: this.#bank?.fallback?.wanted ?? this.#bank?.provider ?? null,
      camera: camera(),
      storage: view.storage(),
      pushes: view.pushes(),
      eventLoop: view.eventLoop(),
      host: view.health.host,
      runs: view.health.runs,
      counters: machine.counters(),
      mqtt: session.counters(),
      faults: reportedFaults([...this.#faults, ...view.health.faults, ...standing()], this.#details),
    };
  }
}

/** @returns the value, or null when it does not come in time */
async function within<T>(value: Promise<T>, deadlineMs: number): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => (timer = setTimeout(() => resolve(null), deadlineMs)));
  try {
    return await Promise.race([value, late]);
  } finally {
    clearTimeout(timer);
  }
}

function has(faults: readonly Fault[], reason: FaultName): boolean {
  return faults.some((fault) => fault.reason === reason);
}

function admissionState(admitted: Admitted): StateDocument["admission"] {
  const { verdict, utilisation, responseMs, problems } = admitted;
  return {
    verdict,
    utilisation: Math.round(1_000 * utilisation) / 1_000,
    responseMs: Number.isFinite(responseMs) ? Math.round(10 * responseMs) / 10 : null,
    problems,
  };
}

function bankState(bank: BankSummary): NonNullable<StateDocument["bank"]> {
  const { bankId, rows, dims, backbone, threshold, maskThreshold, index } = bank;
  return { id: bankId, rows, dims, backbone, threshold, maskThreshold, index };
}

function stagesOf(stages: object, pictures: FinishedPart["pictures"]): Readonly<Record<string, number>> {
  return pictures === undefined ? { ...stages } : { ...stages, map: pictures.mapMs, encode: pictures.encodeMs };
}

function recorded({ sha256, contentType, data }: Picture): RecordedPicture {
  return { sha256, contentType, bytes: data.length };
}

function pictureSet(outcome: Outcome, pictures: NonNullable<FinishedPart["pictures"]>): PictureSet {
  return {
    ordinal: outcome.ordinal,
    seq: outcome.seq,
    verdict: outcome.verdict,
    ...(pictures.mask === undefined ? {} : { mask: pictures.mask }),
    ...(pictures.overlay === undefined ? {} : { overlay: pictures.overlay }),
  };
}
