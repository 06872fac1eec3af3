import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface LogLevelOptions {
  readonly configured: LogLevel;
  readonly apply: (level: LogLevel) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface LogLevelStatus {
  /** That holds now. */
  readonly level: LogLevel;
  readonly configured: LogLevel;
  /** ISO 8601: from then on the configured one holds again; null: it does. */
  readonly until: string | null;
}

/** From the most talkative. */
export const LEVELS: readonly LogLevel[] = ["debug", "info", "warn", "error"];

/**
 * The level of the log: the configured one, or for a limited time another, so that what was set for a look at a fault does
 * not fill the disk for months.
 */
export class LogLevelSwitch {
  readonly #options: LogLevelOptions;
  #configured: LogLevel;
  #level: LogLevel;
  #untilWallMs: number | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LogLevelOptions) {
    this.#options = options;
    this.#configured = options.configured;
    this.#level = options.configured;
  }

  status(): LogLevelStatus {
    const until = this.#untilWallMs === null ? null : new Date(this.#untilWallMs).toISOString();
    return { level: this.#level, configured: this.#configured, until };
  }

  /** The configuration says another one: it holds at once, whatever was set for a time. */
  configure(level: LogLevel): void {
    this.#configured = level;
    this.#restore();
  }

  /** Another level holds for a time; the last call counts. */
  setFor(level: LogLevel, durationMs: number): void {
    clearTimeout(this.#timer);
    this.#untilWallMs = this.#options.clock.wallMs() + durationMs;
    this.#timer = setTimeout(() => this.#restore(), durationMs);
    this.#timer.unref();
    this.#change(level, `for ${durationMs / 1_000} s`);
  }

  /** Idempotent. */
  close(): void {
    clearTimeout(this.#timer);
  }

  #restore(): void {
    clearTimeout(this.#timer);
    this.#untilWallMs = null;
    this.#change(this.#configured, "as configured");
  }

  /** It is said while the more talkative of both levels holds. */
  #change(level: LogLevel, how: string): void {
    if (level === this.#level) return;
    const { apply, logger } = this.#options;
    const was = this.#level;
    const say = (): void => logger.info({ was }, `the level of the log is ${level}, ${how}`);
    const isQuieter = LEVELS.indexOf(level) > LEVELS.indexOf(was);
    this.#level = level;
    if (isQuieter) say();
    apply(level);
    if (!isQuieter) say();
  }
}
