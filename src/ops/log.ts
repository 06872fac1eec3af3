import { pino } from "pino";
import type { Logger } from "../shared/logger.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/**
 * The program's logger: one JSON object a line on stderr, written synchronously so that the last line before a
 * crash is not lost. Secrets never reach it: the code logs file names, not what the files hold.
 */
export function createLogger(level: LogLevel): Logger {
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    pino.destination({ fd: 2, sync: true }),
  );
}
