import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import type { Logger } from "../shared/logger.ts";

/** Whether the machine's clock follows a reference. */
export type ClockSyncState = "synchronised" | "unsynchronised" | "unknown";

export interface ClockSyncOptions {
  readonly logger: Logger;
  /** Speaks for the kernel, whichever program sets the clock (timesyncd, chrony, ntpd). */
  readonly command?: string;
  /** Made by systemd-timesyncd at its first synchronisation after boot. */
  readonly markerFile?: string;
  readonly everyMs?: number;
  readonly deadlineMs?: number;
}

/** A clock drifts by a few milliseconds in this time. */
const EVERY_MS = 300_000;
/** The answer comes over D-Bus, and the service behind it may have to be started first. */
const DEADLINE_MS = 10_000;
const MARKER_FILE = "/run/systemd/timesync/synchronized";

/**
 * Asks at long intervals whether the machine's clock is synchronised. Node has no adjtimex(2), whose answer this is;
 * where systemd is not there to ask, as in a container, it stays unknown.
 */
export class ClockSync {
  readonly #options: ClockSyncOptions;
  readonly #closing = new AbortController();
  #state: ClockSyncState = "unknown";
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ClockSyncOptions) {
    this.#options = options;
  }

  /** As of the last look. */
  get state(): ClockSyncState {
    return this.#state;
  }

  /** Looks now and from then on. */
  start(): void {
    if (this.#timer !== undefined || this.#closing.signal.aborted) return;
    this.#timer = setInterval(() => void this.look(), this.#options.everyMs ?? EVERY_MS);
    void this.look();
  }

  /** Idempotent. */
  close(): void {
    clearInterval(this.#timer);
    this.#closing.abort();
  }

  /** Asks once. Never rejects. */
  async look(): Promise<void> {
    const state = (await this.#asked()) ?? ((await this.#marked()) ? "synchronised" : "unknown");
    if (this.#closing.signal.aborted || state === this.#state) return;
    this.#state = state;
    this.#options.logger.info({ clockSync: state }, `clock: ${state}`);
  }

  /** @returns null when there is no answer */
  #asked(): Promise<ClockSyncState | null> {
    const { command = "timedatectl", deadlineMs = DEADLINE_MS } = this.#options;
    const limits = {
      timeout: deadlineMs,
      killSignal: "SIGKILL",
      signal: this.#closing.signal,
      maxBuffer: 4_096,
    } as const;
    return new Promise((resolve) => {
      execFile(command, ["show", "--property=NTPSynchronized"], limits, (error, stdout) => {
        const answer = error === null ? /^NTPSynchronized=(yes|no)$/m.exec(stdout)?.[1] : undefined;
        resolve(answer === undefined ? null : answer === "yes" ? "synchronised" : "unsynchronised");
      });
    });
  }

  async #marked(): Promise<boolean> {
    try {
      await access(this.#options.markerFile ?? MARKER_FILE);
      return true;
    } catch {
      return false;
    }
  }
}
