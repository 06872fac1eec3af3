import { stat } from "node:fs/promises";
import type { BrokerConfig } from "../config/config.ts";
import type { CredentialName } from "./client-options.ts";
import { CREDENTIAL_NAMES, credentialPath } from "./client-options.ts";

/**
 * Sees that a file with a credential was replaced. It looks instead of being told: a renewal replaces files by links and
 * renames, which notifications of the file itself miss.
 */
export class CredentialWatch {
  readonly #broker: BrokerConfig;
  readonly #folder: string | null;
  readonly #everyMs: number;
  readonly #onChange: (name: CredentialName) => void;
  readonly #seen = new Map<CredentialName, string>();
  #timer: NodeJS.Timeout | null = null;

  constructor(broker: BrokerConfig, folder: string | null, everyMs: number, onChange: (name: CredentialName) => void) {
    this.#broker = broker;
    this.#folder = folder;
    this.#everyMs = everyMs;
    this.#onChange = onChange;
  }

  start(): void {
    if (CREDENTIAL_NAMES.every((name) => this.#broker[name] === null)) return;
    this.look();
    this.#timer = setInterval(() => this.look(), this.#everyMs);
  }

  /** Looks now; what has changed is told by `onChange`. */
  look(): void {
    void this.#look();
  }

  /** Idempotent. */
  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  async #look(): Promise<void> {
    for (const name of CREDENTIAL_NAMES) {
      const path = this.#broker[name];
      if (path === null) continue;
      // A file that is away is being replaced; the next look finds the new one.
      const found = await stat(credentialPath(name, path, this.#folder)).catch(() => null);
      if (found === null) continue;
      const state = `${found.ino} ${found.size} ${found.mtimeMs}`;
      const before = this.#seen.get(name);
      this.#seen.set(name, state);
      if (before === undefined || before === state || this.#timer === null) continue;
      this.#onChange(name);
      return;
    }
  }
}
