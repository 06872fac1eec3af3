import type { AppSink, Caps } from "gstreamer-superficial";
import type { Clock } from "../shared/clock.ts";
import { DeviceError } from "../shared/errors.ts";
import { isLive } from "./launch-string.ts";
import { packRows } from "./pixel-rows.ts";
import type { CaptureSettings, FromCapture } from "./protocol.ts";
import { RepeatGuard } from "./repeat-guard.ts";
import type { Slots } from "./slots.ts";

export interface FramePumpOptions {
  readonly settings: CaptureSettings;
  readonly sink: AppSink;
  readonly slots: Slots;
  readonly clock: Clock;
  readonly send: (message: FromCapture) => void;
  /** The sink gave no frame and will give none any more; the bus knows why. */
  readonly onNothing: () => void;
  readonly onFault: (error: unknown) => void;
}

/** A camera that repeats its frame more often than this in a row is started again; one repeat is a part's affair. */
const REPEATS_ENDURED = 4;
/** The bus may still have to say why a start took longer than the first frame was given. */
const LEAST_FIRST_WAIT_MS = 500;

/**
 * Moves frames from the appsink into slots. There is never more than one pull outstanding, since each blocks a
 * thread. `freshest`, and a source that waits for us, are pulled only when a slot is free, so nothing is copied in
 * vain and nothing is lost; of a live source in `every` each frame is pulled, and one that finds no slot is told.
 */
export class FramePump {
  readonly #options: FramePumpOptions;
  readonly #waitsForSlot: boolean;
  readonly #periodMs: number;
  readonly #repeats: RepeatGuard | null;
  #pulling = false;
  #stopped = false;
  #seq = 0;
  #repeatsInARow = 0;
  #dueAtMs = 0;
  #dueTimer: NodeJS.Timeout | undefined;
  #watchdog: NodeJS.Timeout | undefined;

  constructor(options: FramePumpOptions) {
    const { settings } = options;
    this.#options = options;
    this.#waitsForSlot = settings.delivery === "freshest" || !isLive(settings);
    this.#periodMs =
      settings.delivery === "freshest" && settings.maxRateHz !== undefined ? 1_000 / settings.maxRateHz : 0;
    // Test pictures and folders repeat by right.
    this.#repeats = settings.source.kind === "v4l2" || settings.source.kind === "aravis" ? new RepeatGuard() : null;
  }

  /** Frames that came, dropped ones included. */
  get frames(): number {
    return this.#seq;
  }

  /** @param spentMs how much of the time to the first frame the start of the pipeline has taken already */
  start(spentMs: number): void {
    const { firstFrameTimeoutMs } = this.#options.settings;
    this.#watch(
      Math.max(firstFrameTimeoutMs - spentMs, LEAST_FIRST_WAIT_MS),
      "first-frame-timeout",
      firstFrameTimeoutMs,
    );
    this.#pull();
  }

  /** A slot has been read. */
  credit(slot: number): void {
    this.#options.slots.release(slot);
    this.#pull();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#dueTimer);
    clearTimeout(this.#watchdog);
  }

  #pull(): void {
    if (this.#stopped || this.#pulling) return;
    if (this.#waitsForSlot && this.#options.slots.free === 0) return;
    clearTimeout(this.#dueTimer);
    const nowMs = this.#options.clock.monotonicMs();
    if (nowMs < this.#dueAtMs) {
      this.#dueTimer = setTimeout(() => this.#pull(), Math.ceil(this.#dueAtMs - nowMs));
      return;
    }
    // In step with the rate where it is kept, so that late frames do not lower it; else from now on.
    this.#dueAtMs = (nowMs - this.#dueAtMs < this.#periodMs ? this.#dueAtMs : nowMs) + this.#periodMs;
    const { frameTimeoutMs } = this.#options.settings;
    if (this.#seq > 0 && frameTimeoutMs > 0) this.#watch(frameTimeoutMs, "frame-timeout", frameTimeoutMs);
    this.#pulling = true;
    this.#options.sink.pull((buffer, caps) => this.#onSample(buffer, caps));
  }

  #watch(waitMs: number, code: string, limitMs: number): void {
    clearTimeout(this.#watchdog);
    const what = code === "frame-timeout" ? "a frame after the last" : "the first frame";
    this.#watchdog = setTimeout(
      () => this.#options.onFault(new DeviceError(code, `Expected ${what} within ${limitMs} ms but none came`)),
      waitMs,
    );
  }

  #onSample(buffer: Buffer | null | undefined, caps: Caps): void {
    const deliveredAtMs = this.#options.clock.monotonicMs();
    this.#pulling = false;
    clearTimeout(this.#watchdog);
    if (this.#stopped) return;
    if (buffer === null) {
      this.#options.onNothing();
      return;
    }
    try {
      this.#deliver(buffer, caps, deliveredAtMs);
    } catch (error) {
      this.#options.onFault(error);
      return;
    }
    this.#pull();
  }

  #deliver(buffer: Buffer | undefined, caps: Caps, deliveredAtMs: number): void {
    const { width, height, format } = caps;
    if (buffer === undefined || width === undefined || height === undefined || format !== "RGB") {
      throw new DeviceError(
        "frame-unreadable",
        `Expected an RGB frame but received ${buffer?.length ?? "no"} bytes of ${JSON.stringify(caps)}`,
      );
    }
    const pixels = packRows(buffer, width, height, format);
    this.#seq += 1;
    const seq = this.#seq;
    const repeated = this.#isRepeated(buffer, seq);
    const place = this.#options.slots.write(pixels);
    if (place === null) {
      this.#options.send({ type: "dropped", seq, deliveredAtMs });
      return;
    }
    const capturedAtMs = deliveredAtMs - this.#options.settings.captureLatencyMs;
    const times = { capturedAtMs, deliveredAtMs };
    this.#options.send({ type: "frame", frame: { ...place, seq, repeated, width, height, format, ...times } });
  }

  /** @throws DeviceError "frame-repeated" for a camera that does nothing else any more */
  #isRepeated(buffer: Buffer, seq: number): boolean {
    const repeated = this.#repeats?.isRepeated(buffer) === true;
    this.#repeatsInARow = repeated ? this.#repeatsInARow + 1 : 0;
    if (this.#repeatsInARow <= REPEATS_ENDURED) return repeated;
    throw new DeviceError(
      "frame-repeated",
      `Expected a new frame from the camera but frame ${seq} is frame ${seq - 1} again, byte for byte, and so were the ${REPEATS_ENDURED} before it`,
    );
  }
}
