import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseBoundedJson } from "../shared/bounded-json.ts";
import { DeviceError, InputError, reasonOf } from "../shared/errors.ts";
import { replaceFile, type WriteStep } from "../shared/replace-file.ts";
import { integer, literal, object, recordOf, text } from "./shape.ts";
import type { Problem } from "./shape.ts";
import { LARGEST_COUNTER } from "./signed-document.ts";
import type { DocumentHead } from "./signed-document.ts";

const FILE = "counters.json";
const LARGEST_FILE_BYTES = 1024 * 1024;

const fileShape = object({
  format: literal("nominald-counters"),
  counters: recordOf(text(/^[0-9a-f]{16} \S{3,120}$/, "a key id and what it signs"), integer(0, LARGEST_COUNTER)),
  sha256: text(/^[0-9a-f]{64}$/, "64 hex digits"),
});

/**
 * The last counter of each key, type and target that this device has applied. A document with a counter that is not
 * above it is a replay or a downgrade. The file stands for itself, apart from the database that may be set aside; when
 * it is lost or damaged nobody can say what was applied, so pushes are refused until a person re-arms them.
 */
export class Counters {
  readonly #folder: string;
  readonly #onStep: (step: WriteStep) => void;
  /** null: lost or damaged. */
  #counters: ReadonlyMap<string, number> | null;
  /** Why there are none. */
  #problem: string | null;

  private constructor(
    folder: string,
    counters: ReadonlyMap<string, number> | null,
    problem: string | null,
    onStep: (step: WriteStep) => void,
  ) {
    this.#folder = folder;
    this.#onStep = onStep;
    this.#counters = counters;
    this.#problem = problem;
  }

  /**
   * Never throws for a bad file: verdicts go on, only pushes are refused.
   *
   * @param onStep told after each step of writing
   */
  static open(folder: string, onStep: (step: WriteStep) => void = () => undefined): Counters {
    const path = join(folder, FILE);
    if (!existsSync(path)) return new Counters(folder, null, `${path} is not there`, onStep);
    try {
      return new Counters(folder, read(path), null, onStep);
    } catch (error) {
      return new Counters(folder, null, `${path} cannot be used: ${reasonOf(error)}`, onStep);
    }
  }

  /** null: pushes are accepted. */
  get problem(): string | null {
    return this.#problem;
  }

  /** @returns 0 when nothing was applied yet; null when nobody can say */
  last(head: Pick<DocumentHead, "keyId" | "type" | "target">): number | null {
    return this.#counters === null ? null : (this.#counters.get(nameOf(head)) ?? 0);
  }

  /** @throws DeviceError "counters-lost"; InputError "counter-replayed" when the counter is not above the last one */
  check(head: DocumentHead): void {
    const last = this.last(head);
    if (last === null) {
      throw new DeviceError(
        "counters-lost",
        `Expected the counters of applied documents but ${this.#problem}; run nominald keys rearm at the device`,
      );
    }
    if (head.counter <= last) {
      throw new InputError(
        "counter-replayed",
        `Expected a counter above ${last} of key ${head.keyId} for ${head.target} but received ${head.counter}`,
      );
    }
  }

  /** Writes the counter before the document takes effect: after a crash between the two it is refused, not replayed. */
  advance(head: DocumentHead): void {
    this.check(head);
    this.#write(new Map([...(this.#counters ?? []), [nameOf(head), head.counter]]));
  }

  /**
   * Begins anew, at the device only. Counters that are still readable are kept: re-arming must not open the door for
   * old documents.
   */
  rearm(): void {
    this.#write(new Map(this.#counters ?? []));
  }

  #write(counters: ReadonlyMap<string, number>): void {
    const record = Object.fromEntries([...counters].sort(([a], [b]) => (a < b ? -1 : 1)));
    const document = { format: "nominald-counters", counters: record, sha256: digestOf(record) };
    replaceFile(this.#folder, FILE, `${JSON.stringify(document, null, 2)}\n`, this.#onStep);
    this.#counters = counters;
    this.#problem = null;
  }
}

function nameOf({ keyId, type, target }: Pick<DocumentHead, "keyId" | "type" | "target">): string {
  return `${keyId} ${type}:${target}`;
}

function digestOf(record: Readonly<Record<string, number>>): string {
  return createHash("sha256").update(JSON.stringify(record)).digest("hex");
}

function read(path: string): ReadonlyMap<string, number> {
  const json = parseBoundedJson(readFileSync(path), { bytes: LARGEST_FILE_BYTES, depth: 2 }, path);
  const problems: Problem[] = [];
  if (!fileShape(json, "", problems)) {
    const [first] = problems;
    throw new InputError("counters", `${first?.path}: expected ${first?.expected}, not ${first?.actual}`);
  }
  const digest = digestOf(json.counters);
  if (digest !== json.sha256) {
    throw new InputError("counters", `expected SHA-256 ${json.sha256} of its counters but they have ${digest}`);
  }
  return new Map(Object.entries(json.counters));
}
