import type { CaptureClient } from "../capture/capture-client.ts";
import type { StationConfig } from "../config/config.ts";
import type { StationObserver } from "../metrics/station-observer.ts";
import type { StateDocument } from "../mqtt/state-document.ts";
import type { Clock } from "../shared/clock.ts";
import type { FrameReference } from "../shared/image.ts";
import type { Logger } from "../shared/logger.ts";
import type { StationEvent } from "../station/events.ts";
import { CameraHost, type CameraListener } from "./camera-host.ts";
import type { FaultBoard } from "./fault-board.ts";
import type { RestartDecision } from "./restart-policy.ts";
import type { StationFrames } from "./station-frames.ts";
import type { StationReport } from "./station-report.ts";

/** What a trial of a configuration asks of a camera. */
export interface CameraVitals {
  /** A capture process began to play and was not lost; its source may have ended. */
  readonly playing: boolean;
  /** Times that one began to play. */
  readonly starts: number;
  /** Frames since the last of them. */
  readonly frames: number;
}

export interface StationCameraOptions {
  /** As it is now. */
  readonly station: () => StationConfig;
  readonly sharedMemoryFolder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly faults: FaultBoard;
  /** Where the frames lie until nobody reads them any more. */
  readonly frames: StationFrames;
  readonly handle: (event: StationEvent) => void;
  readonly report: Pick<StationReport, "cameraPlaying" | "cameraDown" | "publishState">;
  readonly observer: Pick<StationObserver, "frame" | "slotMissing">;
}

/** The camera of one station: how it is, and what it brings, as events of the station's machine. */
export class StationCamera implements CameraListener {
  readonly #options: StationCameraOptions;
  readonly #host: CameraHost;
  #shown: Pick<StateDocument["camera"], "state" | "launch"> = { state: "starting", launch: null };
  #starts = 0;
  #frames = 0;

  constructor(options: StationCameraOptions) {
    this.#options = options;
    this.#host = new CameraHost({ ...options, station: options.station(), listener: this });
  }

  /** Idempotent. */
  start(): void {
    this.#host.start();
  }

  /** Ends the capture process as if it were lost; another follows by itself. */
  restart(): void {
    this.#host.restart();
  }

  /** Another capture process follows, with the station's settings as they are now. */
  reconfigure(): void {
    this.#host.reconfigure(this.#options.station());
  }

  async close(): Promise<void> {
    await this.#host.close();
  }

  /** As the station's `state` shows it. */
  get state(): StateDocument["camera"] {
    const { source } = this.#options.station().camera;
    return { source, ...this.#shown, restarts: this.#host.restarts };
  }

  get vitals(): CameraVitals {
    const { state } = this.#shown;
    return { playing: state === "playing" || state === "ended", starts: this.#starts, frames: this.#frames };
  }

  /** Of the capture process; undefined while there is none. */
  get pid(): number | undefined {
    return this.#host.pid;
  }

  cameraPlaying(launch: string, versions: Readonly<Record<string, string>>): void {
    const { report, handle } = this.#options;
    this.#shown = { state: "playing", launch };
    this.#starts += 1;
    this.#frames = 0;
    report.cameraPlaying(versions);
    handle({ type: "camera-playing" });
    report.publishState();
  }

  cameraFrame(frame: FrameReference, client: CaptureClient): void {
    const { frames, observer, handle } = this.#options;
    this.#frames += 1;
    observer.frame();
    const frameId = frames.take(frame, client);
    const { seq, capturedAtMs, repeated = false } = frame;
    handle({ type: "frame", frameId, captureSeq: seq, capturedAtMs, repeated });
  }

  cameraDropped(captureSeq: number): void {
    this.#options.observer.slotMissing();
    this.#options.handle({ type: "frame-dropped", captureSeq });
  }

  cameraEnded(_frames: number): void {
    const { report, handle } = this.#options;
    this.#shown = { ...this.#shown, state: "ended" };
    handle({ type: "camera-ended" });
    report.publishState();
  }

  cameraDown(error: Error, _decision: RestartDecision): void {
    const { report, handle } = this.#options;
    this.#shown = { state: "lost", launch: null };
    report.cameraDown(error);
    handle({ type: "camera-lost" });
    report.publishState();
  }
}
