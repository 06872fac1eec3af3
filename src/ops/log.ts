import { fstatSync } from "node:fs";
import { pino, type DestinationStream } from "pino";
import type { Logger } from "../shared/logger.ts";
import { valueWithoutSecrets } from "../shared/secrets.ts";
import type { LogLevel } from "./log-level.ts";

const STDERR = 2;

/** Priorities of syslog (RFC 5424) for pino's levels, from the least important. */
const PRIORITIES = [
  { level: 20, priority: 7 },
  { level: 30, priority: 6 },
  { level: 40, priority: 4 },
  { level: 50, priority: 3 },
  { level: 60, priority: 2 },
] as const;

/** pino tells a stream that has this property set the level of each line before it writes it. */
const WANTS_LEVEL = Symbol.for("pino.metadata");

/** A logger whose level can be changed at work. */
export interface LevelledLogger extends Logger {
  level: string;
}

/**
 * The program's logger: one JSON object a line on stderr, written synchronously so that the last line before a
 * crash is not lost. Where stderr is the journal's, each line begins with its priority (sd-daemon(3)), so that
 * `journalctl --priority=warning` works. The code logs names of files, not the secrets in them; what a library or a camera
 * says is looked through for logins and passwords.
 */
export function createLogger(level: LogLevel, environment: NodeJS.ProcessEnv = process.env): LevelledLogger {
  const stderr = pino.destination({ fd: STDERR, sync: true });
  return loggerTo(isJournal(environment["JOURNAL_STREAM"], STDERR) ? withPriorities(stderr) : stderr, level);
}

/** @returns the same logger on another stream */
export function loggerTo(target: DestinationStream, level: LogLevel): LevelledLogger {
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      hooks: {
        logMethod(args, method) {
          method.apply(this, args.map((value) => valueWithoutSecrets(value)) as typeof args);
        },
      },
    },
    target,
  );
}

/**
 * @param stream `$JOURNAL_STREAM`, device and inode of the journal's socket (systemd.exec(5))
 * @param fd of this process
 * @returns whether they are the same: a shell in a service may have sent its output elsewhere
 */
export function isJournal(stream: string | undefined, fd: number): boolean {
  if (stream === undefined) return false;
  const { dev, ino } = fstatSync(fd, { bigint: true });
  return stream === `${dev}:${ino}`;
}

/** Puts `<priority>` before each line that pino writes into `target`. */
export function withPriorities(target: DestinationStream): DestinationStream {
  const stream = {
    [WANTS_LEVEL]: true,
    /** Set by pino. */
    lastLevel: 30,
    write: (line: string): void => target.write(`<${priorityOf(stream.lastLevel)}>${line}`),
  };
  return stream;
}

function priorityOf(level: number): number {
  return PRIORITIES.find((one) => one.level >= level)?.priority ?? 2;
}
