/** How bad a line is: `warn` works, but not as it should or not for ever; `fail` keeps a station from its work. */
export type Level = "ok" | "warn" | "fail";

/** One line of the doctor. */
export interface Finding {
  /** Stable, for scripts: `broker-tls`. */
  readonly check: string;
  /** The station, `line1/st1`, or `device`. */
  readonly subject: string;
  readonly level: Level;
  /** A sentence without its full stop. */
  readonly found: string;
  /** What a line engineer does about it; null when there is nothing to do. */
  readonly remedy: string | null;
}

/** Where the checks of one subject put what they find. */
export class Findings {
  readonly #subject: string;
  readonly #onFinding: (finding: Finding) => void;

  constructor(subject: string, onFinding: (finding: Finding) => void) {
    this.#subject = subject;
    this.#onFinding = onFinding;
  }

  ok(check: string, found: string): void {
    this.#onFinding({ check, subject: this.#subject, level: "ok", found, remedy: null });
  }

  warn(check: string, found: string, remedy: string): void {
    this.#onFinding({ check, subject: this.#subject, level: "warn", found, remedy });
  }

  fail(check: string, found: string, remedy: string): void {
    this.#onFinding({ check, subject: this.#subject, level: "fail", found, remedy });
  }
}
