import type { StationConfig } from "../config/config.ts";
import { CaptureClient } from "../capture/capture-client.ts";
import { minimumRespawnDelayMs } from "../capture/respawn-delay.ts";
import type { Clock } from "../shared/clock.ts";
import type { FrameReference } from "../shared/image.ts";
import type { Logger } from "../shared/logger.ts";
import { captureSettingsOf } from "./station-settings.ts";
import { CHILD_RESTART_LIMITS, RestartPolicy, type RestartDecision } from "./restart-policy.ts";
import { Supervisor } from "./supervisor.ts";

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
}

/** Keeps the capture process of one station alive. A source that has ended stays ended. */
export class CameraHost {
  readonly #supervisor: Supervisor<CaptureClient>;
  #settings: ReturnType<typeof captureSettingsOf>;

  constructor(options: CameraHostOptions) {
    const { station, clock, logger, listener } = options;
    const settings = captureSettingsOf(station);
    this.#settings = settings;
    this.#supervisor = new Supervisor<CaptureClient>({
      name: `capture of ${settings.station}`,
      policy: new RestartPolicy(CHILD_RESTART_LIMITS, minimumRespawnDelayMs(settings.source)),
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
          onFrame: (frame) => listener.cameraFrame(frame, client),
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

  start(): void {
    this.#supervisor.start();
  }

  async close(): Promise<void> {
    await this.#supervisor.close();
  }
}
