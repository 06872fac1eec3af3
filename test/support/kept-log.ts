import type { Logger } from "../../src/shared/logger.ts";
import type { LogLine } from "./daemon-process.ts";

/** Keeps what is logged, as fields and message. */
export class KeptLog implements Logger {
  readonly lines: LogLine[] = [];

  debug = (fields: object, msg: string): void => this.#keep("debug", fields, msg);
  info = (fields: object, msg: string): void => this.#keep("info", fields, msg);
  warn = (fields: object, msg: string): void => this.#keep("warn", fields, msg);
  error = (fields: object, msg: string): void => this.#keep("error", fields, msg);

  #keep(level: string, fields: object, msg: string): void {
    this.lines.push({ ...fields, level, msg });
  }
}
