import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/logger.ts";

export interface RepeatLimitOptions {
  readonly logger: Logger;
  readonly clock: Clock;
  /** Asked at each line; absent: never. */
  readonly isUnlimited?: () => boolean;
}

type Level = "info" | "warn" | "error";

interface Event {
  readonly level: Level;
  /** Monotonic ms: it was logged, or its repeats were told. */
  sinceMs: number;
  repeated: number;
  fields: object;
  message: string;
}

/** Repeats of an event are told so often, ms. */
const EVERY_MS = 60_000;
const LOOK_EVERY_MS = 1_000;
/** Events that are remembered; beyond it the oldest is told of and forgotten, so that it is logged again. */
const MOST_EVENTS = 1_000;

/** Fields that differ from one time to the next of the same event. Any other field makes it another event. */
const VOLATILE: ReadonlySet<string> = new Set([
  ...["pid", "childPid", "frameId", "ordinal", "seq", "frames", "score", "losses", "delayMs", "detail", "launch"],
  ...["droppedLines", "cutCharacters", "warmUpMs", "gate", "lost"],
]);
/** A number by itself, or an address of memory; not the digits of a name. */
const NUMBER = /0x[0-9a-f]+|(?<![\w-])\d+(?:\.\d+)?(?![\w-])/gi;

/**
 * Keeps a fault that lasts from filling the disk: an event is logged at once, and while it repeats, once a minute how often
 * it did, with what it said last. Events are the same when level, message and fields are, apart from numbers that
 * tell them apart in time. What a person wants to see, messages of level debug and all while that is the log's level, is not limited.
 */
export class RepeatLimit implements Logger {
  readonly #options: RepeatLimitOptions;
  /** By level, message and fields, the one that was logged first at the front. */
  readonly #events = new Map<string, Event>();
  readonly #timer: NodeJS.Timeout;

  constructor(options: RepeatLimitOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  debug(fields: object, message: string): void {
    this.#options.logger.debug(fields, message);
  }

  info(fields: object, message: string): void {
    this.#log("info", fields, message);
  }

  warn(fields: object, message: string): void {
    this.#log("warn", fields, message);
  }

  error(fields: object, message: string): void {
    this.#log("error", fields, message);
  }

  /** Tells of the repeats that were not told. Idempotent; what is logged later is limited all the same. */
  close(): void {
    clearInterval(this.#timer);
    for (const event of this.#events.values()) this.#tell(event);
  }

  #log(level: Level, fields: object, message: string): void {
    const nowMs = this.#options.clock.monotonicMs();
    const key = keyOf(level, fields, message);
    const known = this.#events.get(key);
    if (this.#options.isUnlimited?.() === true) {
      if (known !== undefined) this.#tell(known);
      this.#options.logger[level](fields, message);
      return;
    }
    if (known !== undefined && nowMs - known.sinceMs < EVERY_MS) {
      known.repeated++;
      known.fields = fields;
      known.message = message;
      return;
    }
    if (known !== undefined) this.#tell(known);
    this.#options.logger[level](fields, message);
    this.#events.delete(key);
    this.#events.set(key, { level, sinceMs: nowMs, repeated: 0, fields, message });
    this.#forgetOldest();
  }

  #look(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const [key, event] of this.#events) {
      if (nowMs - event.sinceMs < EVERY_MS) continue;
      if (event.repeated === 0) this.#events.delete(key);
      else this.#tell(event);
      event.sinceMs = nowMs;
    }
  }

  #tell(event: Event): void {
    const { level, repeated, fields, message } = event;
    if (repeated === 0) return;
    event.repeated = 0;
    const times = repeated === 1 ? "once more" : `${repeated} times more`;
    this.#options.logger[level]({ ...fields, repeated }, `${message} (repeated ${times})`);
  }

  #forgetOldest(): void {
    if (this.#events.size <= MOST_EVENTS) return;
    const [oldest] = this.#events;
    if (oldest === undefined) return;
    this.#events.delete(oldest[0]);
    this.#tell(oldest[1]);
  }
}

function keyOf(level: Level, fields: object, message: string): string {
  const lasting = Object.entries(fields).filter(([name]) => !VOLATILE.has(name));
  return JSON.stringify([level, message.replaceAll(NUMBER, "#"), lasting]);
}
