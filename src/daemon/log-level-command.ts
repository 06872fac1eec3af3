import type { LogLevelStatus, LogLevelSwitch } from "../ops/log-level.ts";
import { LEVELS, type LogLevel } from "../ops/log-level.ts";
import { InputError } from "../shared/errors.ts";

const DEFAULT_S = 600;
const LONGEST_S = 3_600;

/**
 * `cmd/log-level`.
 *
 * @param args `level`, and `forS` in seconds; without a level nothing is changed
 * @throws InputError "command-arguments"
 */
export function carryOutLogLevel(logLevel: LogLevelSwitch, args: Readonly<Record<string, unknown>>): LogLevelStatus {
  const { level, forS = DEFAULT_S } = args;
  if (level !== undefined) logLevel.setFor(levelOf(level), secondsOf(forS) * 1_000);
  return logLevel.status();
}

function levelOf(value: unknown): LogLevel {
  const level = LEVELS.find((one) => one === value);
  if (level === undefined) throw wrong("level", `one of ${LEVELS.join(", ")}`, value);
  return level;
}

function secondsOf(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= LONGEST_S) return value;
  throw wrong("forS", `a whole number from 1 to ${LONGEST_S}`, value);
}

function wrong(name: string, expected: string, value: unknown): InputError {
  const received = JSON.stringify(value).slice(0, 80);
  return new InputError("command-arguments", `Expected ${expected} for ${name} but received ${received}`);
}
