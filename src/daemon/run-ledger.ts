import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Logger } from "../shared/logger.ts";
import { reasonOf } from "../shared/errors.ts";
import { replaceFile } from "../shared/replace-file.ts";

const FILE = "runs.json";

/** How runs of the daemon on this state folder ended. */
export interface RunCounts {
  /** Runs that were not ended in order: killed, crashed, ended by the watchdog, or the power went. */
  readonly unclean: number;
  /** ISO 8601, UTC: when the start after the last of them was. null: there was none. */
  readonly lastUncleanAt: string | null;
}

interface Ledger extends RunCounts {
  /** A run has begun and has not ended in order. */
  readonly running: boolean;
}

const NONE: RunCounts = { unclean: 0, lastUncleanAt: null };

/** Counts in a file of the state folder how often the daemon ended without a word, over all its runs. */
export class RunLedger {
  readonly #folder: string;
  readonly #logger: Logger;
  #counts = NONE;
  #begun = false;

  /** @param folder the state folder, which must be this daemon's alone */
  constructor(folder: string, logger: Logger) {
    this.#folder = folder;
    this.#logger = logger;
  }

  get counts(): RunCounts {
    return this.#counts;
  }

  /** A run begins. @param now ISO 8601, UTC */
  begin(now: string): void {
    const { unclean, lastUncleanAt, running } = this.#read();
    this.#begun = true;
    this.#counts = running ? { unclean: unclean + 1, lastUncleanAt: now } : { unclean, lastUncleanAt };
    if (running) this.#logger.warn({ ...this.#counts }, "the run before did not end in order");
    this.#write(true);
  }

  /** The run has ended in order; one that never began leaves no trace. */
  end(): void {
    if (this.#begun) this.#write(false);
  }

  #read(): Ledger {
    const path = join(this.#folder, FILE);
    let text: string;
    try {
      text = readFileSync(path, "utf8");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return { ...NONE, running: false };
      this.#logger.error({ path }, `how runs before ended cannot be read, the count begins anew: ${reasonOf(error)}`);
      return { ...NONE, running: false };
    }
    const found = parse(text);
    if (found !== null) return found;
    this.#logger.error(
      { path },
      "how runs before ended cannot be read, the count begins anew: it is no ledger of runs",
    );
    return { ...NONE, running: false };
  }

  /** A disk that takes nothing is told elsewhere too; the count is no reason to end the daemon. */
  #write(running: boolean): void {
    const ledger: Ledger = { ...this.#counts, running };
    try {
      replaceFile(this.#folder, FILE, `${JSON.stringify(ledger)}\n`);
    } catch (error) {
      const path = join(this.#folder, FILE);
      this.#logger.error({ path }, `whether this run ends in order cannot be kept: ${reasonOf(error)}`);
    }
  }
}

/** @returns null when the text is no ledger */
function parse(text: string): Ledger | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { unclean, lastUncleanAt, running } = value as Readonly<Record<string, unknown>>;
  const fits =
    typeof unclean === "number" &&
    Number.isSafeInteger(unclean) &&
    unclean >= 0 &&
    (lastUncleanAt === null || typeof lastUncleanAt === "string") &&
    typeof running === "boolean";
  return fits ? { unclean, lastUncleanAt, running } : null;
}
