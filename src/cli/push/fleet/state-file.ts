import { existsSync, readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { arrayOf, integer, literal, object, orNull, text } from "../../../bank/shape.ts";
import type { Problem } from "../../../bank/shape.ts";
import { parseBoundedJson } from "../../../shared/bounded-json.ts";
import { InputError } from "../../../shared/errors.ts";
import { replaceFile } from "../../../shared/replace-file.ts";
import type { Outcome } from "./plan.ts";

/** What one station did with what was sent. */
export interface StationRecord {
  /** `<site>/<line>/<station>` */
  readonly target: string;
  /** Counted from 1. */
  readonly wave: number;
  /** null: not begun. `begun`: nobody waited for its end. */
  readonly outcome: Outcome | "begun" | null;
  /** Ms since 1970 of the last change; null: none. */
  readonly atWallMs: number | null;
  /** What it came to, in words. */
  readonly detail: string;
}

/** One rollout: what is sent, how its stations are divided, what they did so far. */
export interface Rollout {
  /** What is sent, and to whom, for people; another one is another rollout. */
  readonly what: string;
  readonly sha256: string;
  readonly command: string;
  readonly stations: readonly StationRecord[];
}

const LARGEST_BYTES = 16 * 2 ** 20;
const LONGEST_TEXT = 2_000;

const words = text(/^[^]{0,2000}$/, `at most ${LONGEST_TEXT} characters`);
const rolloutShape = object({
  format: literal("nominald-rollout"),
  what: words,
  sha256: text(/^[0-9a-f]{64}$/, "64 lower-case hex digits"),
  command: words,
  stations: arrayOf(
    object({
      target: text(/^[a-z0-9_-]{1,32}(\/[a-z0-9_-]{1,32}){2}$/, "SITE/LINE/NAME"),
      wave: integer(1, 100_000),
      outcome: orNull(literal("done", "rolled_back", "refused", "failed", "timeout", "offline", "begun")),
      atWallMs: orNull(integer(0, Number.MAX_SAFE_INTEGER)),
      detail: words,
    }),
    1,
    100_000,
  ),
});

/**
 * @returns null when there is no such file
 * @throws InputError "rollout-state" when it is no state of a rollout; the system's error
 */
export function readRollout(path: string): Rollout | null {
  if (!existsSync(path)) return null;
  const json = parseBoundedJson(readFileSync(path), { bytes: LARGEST_BYTES, depth: 4 }, path);
  const problems: Problem[] = [];
  if (rolloutShape(json, "", problems)) {
    const { format: _format, ...rollout } = json;
    return rollout;
  }
  const [first] = problems;
  throw new InputError(
    "rollout-state",
    `Expected ${first?.expected} for ${first?.path} of ${path} but ${first?.actual}`,
  );
}

/** @throws the system's error; the file is then as it was */
export function writeRollout(path: string, rollout: Rollout): void {
  const stations = rollout.stations.map((one) => ({ ...one, detail: one.detail.slice(0, LONGEST_TEXT) }));
  const document = { format: "nominald-rollout", ...rollout, stations };
  replaceFile(dirname(path), basename(path), `${JSON.stringify(document, null, 2)}\n`);
}
