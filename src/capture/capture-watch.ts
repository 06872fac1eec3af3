import type { Clock } from "../shared/clock.ts";
import { isLive } from "./launch-string.ts";
import type { CaptureSettings } from "./protocol.ts";

export interface WatchLimits {
  /** From one message to the next at most this, once the pipeline plays; the process tells every second. */
  readonly silenceMs: number;
  /** Beyond the time to the first frame, for the start of the process. */
  readonly startMarginMs: number;
  /** Beyond the time between frames: the process itself sees a missing frame sooner and says more about it. */
  readonly frameMarginMs: number;
}

export const DEFAULT_WATCH_LIMITS: WatchLimits = { silenceMs: 5_000, startMarginMs: 5_000, frameMarginMs: 2_000 };

/**
 * The daemon's own judgement whether a capture process hangs. It looks only at what arrives, so it also sees a
 * process that is stopped or blocked inside a native call and cannot judge itself.
 */
export class CaptureWatch {
  readonly #settings: Omit<CaptureSettings, "slotFolder">;
  readonly #clock: Clock;
  readonly #limits: WatchLimits;
  #lastMessageMs: number;
  /** Since when a frame is due: the last frame, or the credit after which a slot was free again. */
  #frameDueSinceMs: number;
  #playing = false;
  #frames = 0;
  #outstanding = 0;

  constructor(settings: Omit<CaptureSettings, "slotFolder">, clock: Clock, limits: WatchLimits) {
    this.#settings = settings;
    this.#clock = clock;
    this.#limits = limits;
    this.#lastMessageMs = clock.monotonicMs();
    this.#frameDueSinceMs = this.#lastMessageMs;
  }

  onMessage(): void {
    this.#lastMessageMs = this.#clock.monotonicMs();
  }

  onPlaying(): void {
    this.#playing = true;
    this.#frameDueSinceMs = this.#clock.monotonicMs();
  }

  /** @param outstanding slots that are taken after it */
  onFrame(outstanding: number): void {
    this.#frames += 1;
    this.#outstanding = outstanding;
    this.#frameDueSinceMs = this.#clock.monotonicMs();
  }

  onCredit(outstanding: number): void {
    if (this.#outstanding === this.#settings.slotCount) this.#frameDueSinceMs = this.#clock.monotonicMs();
    this.#outstanding = outstanding;
  }

  /** This process itself was held up: messages may wait unread, so every time begins anew. */
  restart(): void {
    this.#lastMessageMs = this.#clock.monotonicMs();
    this.#frameDueSinceMs = this.#lastMessageMs;
  }

  /** @returns what did not come in time, for a message, or null when all is well */
  hung(): string | null {
    const nowMs = this.#clock.monotonicMs();
    const { firstFrameTimeoutMs, frameTimeoutMs } = this.#settings;
    const startLimitMs = firstFrameTimeoutMs + this.#limits.startMarginMs;
    if (!this.#playing) return overdue("a word about its start", nowMs - this.#lastMessageMs, startLimitMs);
    const silence = overdue("any message", nowMs - this.#lastMessageMs, this.#limits.silenceMs);
    if (silence !== null) return silence;
    const waitedMs = nowMs - this.#frameDueSinceMs;
    if (this.#frames === 0) return overdue("the first frame", waitedMs, startLimitMs);
    if (frameTimeoutMs === 0 || !this.#framesAreDue()) return null;
    return overdue("a frame", waitedMs, frameTimeoutMs + this.#periodMs() + this.#limits.frameMarginMs);
  }

  #framesAreDue(): boolean {
    const reportsDrops = this.#settings.delivery === "every" && isLive(this.#settings);
    return reportsDrops || this.#outstanding < this.#settings.slotCount;
  }

  #periodMs(): number {
    const { delivery, maxRateHz } = this.#settings;
    return delivery === "freshest" && maxRateHz !== undefined ? 1_000 / maxRateHz : 0;
  }
}

function overdue(what: string, waitedMs: number, limitMs: number): string | null {
  return waitedMs > limitMs ? `${what} within ${Math.round(limitMs)} ms` : null;
}
