import { setTimeout } from "node:timers/promises";
import type { StationConfig } from "../config/config.ts";
import { CaptureClient } from "../capture/capture-client.ts";
import { resetCamera } from "../capture/camera-reset.ts";
import { minimumRespawnDelayMs } from "../capture/respawn-delay.ts";
import type { Clock } from "../shared/clock.ts";
import type { FrameReference } from "../shared/image.ts";
import type { Logger } from "../shared/logger.ts";
import { captureSettingsOf } from "./station-settings.ts";
import { CAMERA_RESTART_LIMITS, RestartPolicy, type RestartDecision, type RestartLimits } from "./restart-policy.ts";
import { Supervisor } from "./supervisor.ts";
import type { FaultBoard } from "./fault-board.ts";

/** Who is told what the camera does. A frame stays in its slot until `client.release(frame)`. */
export interface CameraListener {
  /**
   * @param launch the pipeline's launch string
   * @param versions of what the capture process loaded
   */
  cameraPlaying(launch: string, versions: Readonly<Record<string, string>>): void;
  cameraFrame(frame: FrameReference, client: CaptureClient): void;
  cameraDropped(captureSeq: number): void;
  cameraEnded(frames: number): void;
  cameraDown(error: Error, decision: RestartDecision): void;
}

export interface CameraHostOptions {
  readonly station: StationConfig;
  readonly sharedMemoryFolder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly listener: CameraListener;
  readonly faults: FaultBoard;
  readonly limits?: RestartLimits;
}

/** Keeps the capture process of one station alive. A source that has ended stays ended. */
export class CameraHost {
  readonly #supervisor: Supervisor<CaptureClient>;
  readonly #policy: RestartPolicy;
  readonly #options: CameraHostOptions;
  #settings: ReturnType<typeof captureSettingsOf>;
  /** Its restart budget is spent; in words. */
  #unsteady: string | null = null;
  /** What came of telling the camera to start itself anew: once, until it is steady again. */
  #reset: string | null = null;

  constructor(options: CameraHostOptions) {
    const { station, clock, logger, listener, limits = CAMERA_RESTART_LIMITS } = options;
    this.#options = options;
    const settings = captureSettingsOf(station);
    this.#settings = settings;
    this.#policy = new RestartPolicy(limits, minimumRespawnDelayMs(settings.source));
    this.#supervisor = new Supervisor<CaptureClient>({
      name: `capture of ${settings.station}`,
      policy: this.#policy,
      clock,
      logger,
      open: async (lost) => {
        const client: CaptureClient = new CaptureClient({
          settings: this.#settings,
          sharedMemoryFolder: options.sharedMemoryFolder,
          logger,
          clock,
          onPlaying: (launch, versions) => {
            logger.info({ station: settings.station, launch, childPid: client.pid }, "camera is playing");
            listener.cameraPlaying(launch, versions);
          },
          onFrame: (frame) => {
            this.#policy.worked();
            listener.cameraFrame(frame, client);
          },
          onDropped: (seq) => listener.cameraDropped(seq),
          onEnded: (frames) => {
            logger.info({ station: settings.station, frames }, "camera's source has ended");
            listener.cameraEnded(frames);
          },
          onLost: lost,
        });
        await client.start();
        return client;
      },
      onUp: () => undefined,
      onDown: (error, decision) => listener.cameraDown(error, decision),
      onUnsteady: (found) => this.#escalate(found),
      mend: (signal) => this.#mend(signal),
    });
  }

  get restarts(): number {
    return this.#supervisor.restarts;
  }

  /** Of the capture process; undefined while there is none. */
  get pid(): number | undefined {
    return this.#supervisor.current?.pid;
  }

  /** Ends the capture process as if it were lost; another follows by itself. */
  restart(): void {
    this.#supervisor.renew("camera-restart", "a command asked for it");
  }

  /** Another capture process follows, with the station's settings as they are now. */
  reconfigure(station: StationConfig): void {
    this.#settings = captureSettingsOf(station);
    this.#supervisor.renew("camera-reconfigured", "its configuration has changed");
  }

  /** Restarts have not helped, or are no longer needed. */
  #escalate(found: string | null): void {
    this.#unsteady = found;
    if (found === null) this.#reset = null;
    this.#options.faults.set("camera-unsteady", found === null ? null : this.#words(found));
  }

  async #mend(signal: AbortSignal): Promise<void> {
    if (this.#reset !== null) return;
    const { source, station } = this.#settings;
    // The process that was lost held the camera until its heartbeat is over.
    await setTimeout(minimumRespawnDelayMs(source), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    this.#reset = await resetCamera(source, process.env["PATH"] ?? "", signal);
    this.#options.logger.warn({ station, reset: this.#reset }, `camera is told to start anew: ${this.#reset}`);
    if (this.#unsteady !== null) this.#options.faults.amend("camera-unsteady", this.#words(this.#unsteady));
  }

  #words(found: string): string {
    return this.#reset === null ? found : `${found}; reset: ${this.#reset}`;
  }

  start(): void {
    this.#supervisor.start();
  }

  async close(): Promise<void> {
    await this.#supervisor.close();
  }
}
