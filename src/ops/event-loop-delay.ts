import { monitorEventLoopDelay, type IntervalHistogram } from "node:perf_hooks";

/** How late the event loop was in the last full minute, ms; at first since the start. */
export interface LoopDelay {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Distance of the samples, ms. Node counts it into every sample. */
const RESOLUTION_MS = 10;
/** A window; long enough for 6,000 samples. */
const WINDOW_MS = 60_000;

/**
 * Watches how late this process's event loop does what is due. Late means late answers to the broker, the PLC and
 * systemd, so it is shown in `state`.
 */
export class EventLoopDelay {
  readonly #histogram: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  #timer: NodeJS.Timeout | undefined;
  #last: LoopDelay | null = null;

  start(): void {
    this.#histogram.enable();
    this.#timer = setInterval(() => {
      this.#last = this.#summary();
      this.#histogram.reset();
    }, WINDOW_MS);
    this.#timer.unref();
  }

  read(): LoopDelay {
    return this.#last ?? this.#summary();
  }

  /** Idempotent. */
  close(): void {
    clearInterval(this.#timer);
    this.#histogram.disable();
  }

  #summary(): LoopDelay {
    const { count, max } = this.#histogram;
    if (count === 0) return { p50Ms: 0, p99Ms: 0, maxMs: 0 };
    return {
      p50Ms: lateness(this.#histogram.percentile(50)),
      p99Ms: lateness(this.#histogram.percentile(99)),
      maxMs: lateness(max),
    };
  }
}

/** @returns ms beyond the distance of the samples, to the tenth */
function lateness(nanoseconds: number): number {
  return Math.round(Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS) * 10) / 10;
}
