import { BugError, InputError } from "../shared/errors.ts";
import type { Outcome, Verdict } from "../station/outcome.ts";
import { VERDICT_DIGIT } from "../station/outcome.ts";
import type { PlcState } from "../station/plc-state.ts";
import { codeOf } from "../station/reasons.ts";

/**
 * `plc/result` has fixed positions: RESULT_FIELDS. The ten fields are 86 bytes, the nine semicolons between them make
 * 95, the space at the end 96.
 */
export const RESULT_BYTES = 96;

/** The largest number that `score` can carry: 1,000 times the threshold, or more. */
export const LARGEST_SCORE = 999_999;

export interface PlcResult {
  /** 8 hex digits, drawn at each start of the daemon. */
  readonly boot: string;
  /** Up to 8 of `[0-9A-Za-z._-]`, at least one. */
  readonly session: string;
  /** 1 to 9,999,999,999. */
  readonly seq: number;
  /** Up to 32 of `[0-9A-Za-z._-]`; may be empty. */
  readonly part: string;
  readonly verdict: Verdict;
  /** 4 digits; 0000 without a reason. */
  readonly code: string;
  /** 1,000 × score / threshold, 0 to 999,999; 0 without a score. */
  readonly score: number;
  /** Unix ms of the decision. */
  readonly epochMs: number;
  /** Bits of `FLAG`, 0 to 255. */
  readonly flags: number;
}

/**
 * The score for a PLC: 1,000 × score / threshold, rounded to the nearest integer, but never across the threshold,
 * so that a PASS reads at most 1000 and a FAIL at least 1001 however close they were.
 *
 * @param score image score, finite, not negative
 * @param threshold same unit, above 0
 */
export function plcScore(score: number, threshold: number): number {
  const rounded = Math.round((1_000 * score) / threshold);
  if (score > threshold) return Math.min(LARGEST_SCORE, Math.max(1_001, rounded));
  return Math.min(1_000, rounded);
}

/** @returns the result of an outcome; where the station counts by itself, its session is its boot */
export function plcResultOf(outcome: Outcome, boot: string): PlcResult {
  const { score, threshold } = outcome;
  return {
    boot,
    session: outcome.session ?? boot,
    seq: outcome.seq,
    part: outcome.part,
    verdict: outcome.verdict,
    code: codeOf(outcome.reason),
    score: score === null || threshold === null ? 0 : plcScore(score, threshold),
    epochMs: outcome.decidedAtWallMs,
    flags: outcome.flags,
  };
}

/**
 * @returns 96 ASCII characters
 * @throws BugError "plc-field" when a field does not fit its place
 */
export function formatResult(result: PlcResult): string {
  const fields = [
    "V1",
    text("boot", result.boot, /^[0-9a-f]{8}$/, 8),
    text("session", result.session, /^[0-9A-Za-z._-]{1,8}$/, 8),
    number("seq", result.seq, 10),
    text("part", result.part, /^[0-9A-Za-z._-]{0,32}$/, 32),
    VERDICT_DIGIT[result.verdict],
    text("code", result.code, /^[0-9]{4}$/, 4),
    number("score", result.score, 6),
    number("epochms", result.epochMs, 13),
    flagDigits(result.flags),
  ];
  return `${fields.join(";")} `;
}

const RESULT_PATTERN =
  /^V1;([0-9a-f]{8});([0-9A-Za-z._-]{1,8} *);([0-9]{10});([0-9A-Za-z._-]{0,32} *);([123]);([0-9]{4});([0-9]{6});([0-9]{13});([0-9a-f]{2}) $/;

/**
 * The inverse of `formatResult`, as a PLC would read it.
 *
 * @throws InputError "plc-result" when a byte is not where it belongs
 */
export function parseResult(payload: Uint8Array | string): PlcResult {
  const line = typeof payload === "string" ? payload : Buffer.from(payload).toString("latin1");
  const match = line.length === RESULT_BYTES ? RESULT_PATTERN.exec(line) : null;
  const [, boot, session, seq, part, digit, code, score, epochMs, flags] = match ?? [];
  const verdict = verdictOfDigit(digit);
  // The places of session and part are fixed, so their padding is checked by length.
  const inPlace = session?.length === 8 && part?.length === 32;
  if (!inPlace || boot === undefined || code === undefined || verdict === undefined) {
    throw new InputError(
      "plc-result",
      `Expected ${RESULT_BYTES} bytes "V1;boot8;session8;seq10;part32;verdict1;code4;score6;epochms13;flags2 " ` +
        `for plc/result but received ${line.length}: ${JSON.stringify(line.slice(0, 2 * RESULT_BYTES))}`,
    );
  }
  return {
    boot,
    session: session.trimEnd(),
    seq: Number(seq),
    part: part.trimEnd(),
    verdict,
    code,
    score: Number(score),
    epochMs: Number(epochMs),
    flags: Number.parseInt(flags ?? "", 16),
  };
}

/** `plc/hb`: 10-digit counter, semicolon, state. After 9,999,999,999 the counter begins at 0 again. */
export function formatHeartbeat(counter: number, state: PlcState): string {
  return `${number("counter", counter % 10_000_000_000, 10)};${state}`;
}

/** @throws InputError "plc-heartbeat" */
export function parseHeartbeat(payload: Uint8Array | string): { readonly counter: number; readonly state: string } {
  const line = typeof payload === "string" ? payload : Buffer.from(payload).toString("latin1");
  const match = /^([0-9]{10});([1-589])$/.exec(line);
  if (match?.[1] === undefined || match[2] === undefined) {
    throw new InputError(
      "plc-heartbeat",
      `Expected "counter10;state1" for plc/hb but received ${JSON.stringify(line)}`,
    );
  }
  return { counter: Number(match[1]), state: match[2] };
}

/** What the tags show while no bank is active; an empty payload would delete the retained message. */
export const NO_BANK_TAG = "-";

/** The tags of one outcome that are not retained: scalars as an HMI shows them, without padding. */
export function outcomeTags(
  result: PlcResult,
  recipe: string,
): Readonly<Record<"verdict" | "score" | "part" | "recipe", string>> {
  return { verdict: VERDICT_DIGIT[result.verdict], score: String(result.score), part: result.part, recipe };
}

function verdictOfDigit(digit: string | undefined): Verdict | undefined {
  switch (digit) {
    case "1":
      return "PASS";
    case "2":
      return "FAIL";
    case "3":
      return "NO_VERDICT";
    default:
      return undefined;
  }
}

function text(name: string, value: string, pattern: RegExp, width: number): string {
  if (!pattern.test(value)) throw misfit(name, String(pattern), value);
  return value.padEnd(width, " ");
}

function number(name: string, value: number, digits: number): string {
  const fits = Number.isSafeInteger(value) && value >= 0 && value < 10 ** digits;
  if (!fits) throw misfit(name, `an integer of at most ${digits} digits`, value);
  return String(value).padStart(digits, "0");
}

function flagDigits(flags: number): string {
  if (!Number.isInteger(flags) || flags < 0 || flags > 0xff) throw misfit("flags", "0 to 255", flags);
  return flags.toString(16).padStart(2, "0");
}

function misfit(name: string, expected: string, received: string | number): BugError {
  return new BugError(
    "plc-field",
    `Expected ${expected} for the field ${name} but received ${JSON.stringify(received)}`,
  );
}
