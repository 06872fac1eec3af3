import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { arrayOf, integer, literal, object, orNull, recordOf, text } from "../bank/shape.ts";
import type { Problem, Shape } from "../bank/shape.ts";
import { LARGEST_COUNTER } from "../bank/signed-document.ts";
import { parseBoundedJson } from "../shared/bounded-json.ts";
import { DeviceError, InputError, NominalError, reasonOf } from "../shared/errors.ts";
import { makeFolder } from "../shared/make-folder.ts";
import { replaceFile, type WriteStep } from "../shared/replace-file.ts";

/** A pushed configuration that passed every check when it came. */
export interface TwinDocument {
  /** Its counter. */
  readonly version: number;
  readonly keyId: string;
  /** SHA-256 of the envelope, so that it is known when the broker sends it again. */
  readonly document: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** One thing that is wrong with a configuration, as `twin/reported` tells it; an empty path is the whole. */
export interface TwinError {
  readonly path: string;
  readonly message: string;
}

/** A configuration that was taken back. */
export interface RolledBack {
  readonly version: number;
  readonly document: string;
  readonly errors: readonly TwinError[];
}

/** What the disk holds of one twin. After a start `current` holds, whatever was on trial. */
export interface StoredTwin {
  readonly current: TwinDocument | null;
  /** Applied, and not proved yet. */
  readonly trial: TwinDocument | null;
  readonly rolledBack: RolledBack | null;
}

export const NOTHING_STORED: StoredTwin = { current: null, trial: null, rolledBack: null };

const FOLDER = "twin";
const FOLDER_MODE = 0o750;
const LARGEST_FILE_BYTES = 64 * 1024;
const FILE_DEPTH = 20;

const anything: Shape<unknown> = (value, path, problems): value is unknown => {
  if (value === undefined) problems.push({ path, expected: "a value", actual: "nothing" });
  return value !== undefined;
};
const sha256 = text(/^[0-9a-f]{64}$/, "64 hex digits");
const version = integer(1, LARGEST_COUNTER);
const twinDocument = object({
  version,
  keyId: text(/^[0-9a-f]{16}$/, "16 hex digits"),
  document: sha256,
  body: recordOf(text(/^/, "a name"), anything),
});
const error = object({ path: text(/^/, "a path"), message: text(/^/, "a message") });
const rolledBack = object({ version, document: sha256, errors: arrayOf(error, 0, 64) });
const fileShape = object({
  format: literal("nominald-twin"),
  twin: object({ current: orNull(twinDocument), trial: orNull(twinDocument), rolledBack: orNull(rolledBack) }),
  sha256,
});

/** One twin on the disk, replaced whole: a crash leaves the old document or the new one, never a mixture. */
export class TwinFile {
  readonly path: string;
  readonly #folder: string;
  readonly #name: string;
  readonly #onStep: ((step: WriteStep) => void) | undefined;

  /** @param twin `_device`, or `line/name` of a station */
  constructor(stateFolder: string, twin: string, onStep?: (step: WriteStep) => void) {
    this.#folder = join(stateFolder, FOLDER);
    // Segments have no dot, so no two twins have one name.
    this.#name = `${twin.replace("/", ".")}.json`;
    this.path = join(this.#folder, this.#name);
    this.#onStep = onStep;
  }

  /** @throws DeviceError "twin-damaged" when there is a file that cannot be used */
  read(): StoredTwin {
    try {
      const json = parseBoundedJson(
        readFileSync(this.path),
        { bytes: LARGEST_FILE_BYTES, depth: FILE_DEPTH },
        this.path,
      );
      const problems: Problem[] = [];
      if (!fileShape(json, "", problems)) {
        const [first] = problems;
        throw new InputError("twin", `${first?.path}: expected ${first?.expected}, not ${first?.actual}`);
      }
      if (digestOfTwin(json.twin) !== json.sha256) throw new InputError("twin", "its SHA-256 is another");
      return json.twin;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return NOTHING_STORED;
      throw new DeviceError(
        "twin-damaged",
        `Expected a pushed configuration in ${this.path} but it cannot be used: ${reasonOf(cause)}`,
        { cause },
      );
    }
  }

  /** @throws the system's error */
  write(twin: StoredTwin): void {
    makeFolder(this.#folder, FOLDER_MODE);
    const content = { format: "nominald-twin", twin, sha256: digestOfTwin(twin) };
    replaceFile(this.#folder, this.#name, `${JSON.stringify(content, null, 2)}\n`, this.#onStep);
  }
}

/** @returns SHA-256 in hex, by which a document is known */
export function digestOf(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

/** @returns what went wrong with a document as a whole */
export function twinError(error: unknown): TwinError {
  const message = error instanceof NominalError ? `${error.code}: ${error.message}` : reasonOf(error);
  return { path: "", message };
}

function digestOfTwin({ current, trial, rolledBack }: StoredTwin): string {
  return digestOf(JSON.stringify({ current, trial, rolledBack }));
}
