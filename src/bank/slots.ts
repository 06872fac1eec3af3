import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseBoundedJson } from "../shared/bounded-json.ts";
import { InputError } from "../shared/errors.ts";
import { replaceFile, type WriteStep } from "../shared/replace-file.ts";
import { integer, literal, object, orNull, text } from "./shape.ts";
import type { Problem } from "./shape.ts";

/** A bank that came over the broker and lies in the slots' folder; where it is null, the configuration's own is meant. */
export interface PushedBank {
  /** Name in the folder. */
  readonly file: string;
  readonly bankId: string;
  readonly sha256: string;
}

/** Which bank the station works with, which it goes back to, and what is under way. */
export interface Slots {
  /** `bank` of the configuration when this was written: who changes it at the device means it. */
  readonly configured: string;
  /** null: the configuration's. */
  readonly active: PushedBank | null;
  /** What `rollback` leads to; null: the configuration's, or, when that is active, nothing. */
  readonly previous: PushedBank | null;
  /** Whole and checked by its digest, waiting for the gate. */
  readonly candidate: PushedBank | null;
  /** Starts of the active bank's probation; null: it is committed. One that ends the daemon is taken back by this. */
  readonly probationStarts: number | null;
}

const FILE = "slots.json";
const LARGEST_BYTES = 16 * 1024;
const MOST_STARTS = 1_000;

const pushed = object({
  file: text(/^[0-9a-f]{16}\.bank$/, "a file's name"),
  bankId: text(/^[0-9A-Za-z._-]{1,32}$/, "a bank's id"),
  sha256: text(/^[0-9a-f]{64}$/, "64 lower-case hex digits"),
});

const slotsShape = object({
  format: literal("nominald-slots"),
  configured: text(/^[^\0]{1,4096}$/, "a path"),
  active: orNull(pushed),
  previous: orNull(pushed),
  candidate: orNull(pushed),
  probationStarts: orNull(integer(0, MOST_STARTS)),
});

export function emptySlots(configured: string): Slots {
  return { configured, active: null, previous: null, candidate: null, probationStarts: null };
}

/**
 * @returns what the folder says; null when there is no such file
 * @throws InputError "slots" when it cannot be understood; the system's error
 */
export function readSlots(folder: string): Slots | null {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(join(folder, FILE));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  const json = parseBoundedJson(bytes, { bytes: LARGEST_BYTES, depth: 3 }, FILE);
  const problems: Problem[] = [];
  if (!slotsShape(json, "", problems)) {
    const [first] = problems;
    throw new InputError("slots", `Expected ${first?.expected} for ${first?.path} of ${FILE} but ${first?.actual}`);
  }
  const { format: _format, ...slots } = json;
  return slots;
}

/** @param onStep told after each step of writing; a test ends the process there. @throws the system's error */
export function writeSlots(folder: string, slots: Slots, onStep?: (step: WriteStep) => void): void {
  const document = { format: "nominald-slots", ...slots };
  replaceFile(folder, FILE, `${JSON.stringify(document, null, 2)}\n`, onStep);
}

/** The names of the files that are still needed. */
export function filesOf({ active, previous, candidate }: Slots): ReadonlySet<string> {
  return new Set([active, previous, candidate].flatMap((bank) => bank?.file ?? []));
}
