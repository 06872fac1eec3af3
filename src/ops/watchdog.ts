import type { Logger } from "../shared/logger.ts";

/** Who is told that the daemon lives. */
export interface LifeSigns {
  /** A sign of life is wanted so often, ms; null: never. */
  readonly watchdogMs: number | null;
  alive(): void;
  /** @param text the daemon's state in a line */
  status(text: string): void;
}

export interface WatchdogOptions {
  readonly manager: LifeSigns;
  /** What makes no progress although there is work for it; null: everything goes on. */
  readonly stuck: () => string | null;
  readonly status: () => string;
  readonly logger: Logger;
}

/** Signs of life in the time that the service manager gives: one may be late, a second lost. */
const SIGNS_PER_PERIOD = 3;
/** The line of state is renewed so often without a watchdog, ms. */
const STATUS_EVERY_MS = 5_000;

/**
 * Feeds the service manager's watchdog as long as the daemon makes progress. The timer runs on the daemon's own event
 * loop, so a blocked loop gives no sign; what else must go on, `stuck` is asked. Never by the broker's or a camera's
 * being there: a station without them is a fault that it tells, and a new start would heal nothing.
 */
export class Watchdog {
  readonly #options: WatchdogOptions;
  #timer: NodeJS.Timeout | undefined;
  #stuck: string | null = null;

  constructor(options: WatchdogOptions) {
    this.#options = options;
  }

  start(): void {
    const { watchdogMs } = this.#options.manager;
    this.#look();
    this.#timer ??= setInterval(
      () => this.#look(),
      Math.min(STATUS_EVERY_MS, (watchdogMs ?? Infinity) / SIGNS_PER_PERIOD),
    );
  }

  /** Idempotent. */
  close(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const { manager, stuck, status, logger } = this.#options;
    const found = stuck();
    if (found !== null && found !== this.#stuck) {
      const consequence = manager.watchdogMs === null ? "" : "; without progress the service manager starts it anew";
      logger.error({ stuck: found }, `the daemon makes no progress: ${found}${consequence}`);
    }
    if (found === null && this.#stuck !== null) logger.info({}, "the daemon makes progress again");
    this.#stuck = found;
    manager.status(found ?? status());
    if (found === null && manager.watchdogMs !== null) manager.alive();
  }
}
