import { CaptureClient } from "../capture/capture-client.ts";
import type { CaptureSettings } from "../capture/protocol.ts";
import { FrameReader } from "../inference/frame-reader.ts";
import type { NominalError } from "../shared/errors.ts";
import type { FrameReference, RawImage } from "../shared/image.ts";
import type { Logger } from "../shared/logger.ts";
import { systemClock } from "../shared/system-clock.ts";

export interface LiveCameraOptions {
  readonly settings: Omit<CaptureSettings, "slotFolder">;
  readonly sharedMemoryFolder: string;
  readonly logger: Logger;
  /** Added to the capture process's environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface LiveFrame {
  /** Valid until the next call of `next`. */
  readonly image: RawImage;
  readonly reference: FrameReference;
}

/** A camera whose frames are asked for one after the other, by a person's command instead of a station. */
export class LiveCamera {
  readonly #client: CaptureClient;
  readonly #reader = new FrameReader();
  readonly #waiting: FrameReference[] = [];
  #current: FrameReference | null = null;
  #dropped = 0;
  #over = false;
  #loss: NominalError | null = null;
  #wake: () => void = () => undefined;

  constructor(options: LiveCameraOptions) {
    this.#client = new CaptureClient({
      ...options,
      clock: systemClock,
      onPlaying: () => undefined,
      onFrame: (frame) => {
        this.#waiting.push(frame);
        this.#wake();
      },
      onDropped: () => (this.#dropped += 1),
      onEnded: () => {
        this.#over = true;
        this.#wake();
      },
      onLost: (error) => {
        this.#loss = error;
        this.#wake();
      },
    });
  }

  /** Frames that came while all slots were taken. */
  get dropped(): number {
    return this.#dropped;
  }

  /** @throws DeviceError "shared-memory-unusable" */
  async start(): Promise<void> {
    await this.#client.start();
  }

  /**
   * @param signal ends the wait, not the camera
   * @returns the next frame; null when the source has ended or the wait was ended
   * @throws the loss of the camera, as the daemon would report it
   */
  async next(signal: AbortSignal): Promise<LiveFrame | null> {
    if (this.#current !== null) this.#client.release(this.#current);
    this.#current = null;
    while (this.#waiting.length === 0) {
      if (this.#loss !== null) throw this.#loss;
      if (this.#over || signal.aborted) return null;
      await this.#woken(signal);
    }
    const reference = this.#waiting.shift() ?? null;
    if (reference === null) return null;
    this.#current = reference;
    return { image: this.#reader.read(reference), reference };
  }

  /** Ends the capture process. Idempotent. */
  async close(): Promise<void> {
    for (const frame of [...(this.#current === null ? [] : [this.#current]), ...this.#waiting]) {
      this.#client.release(frame);
    }
    await this.#client.close();
  }

  async #woken(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        signal.removeEventListener("abort", done);
        resolve();
      };
      this.#wake = done;
      signal.addEventListener("abort", done, { once: true });
    });
  }
}
