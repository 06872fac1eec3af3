import { createSocket } from "unix-dgram";
import type { Logger } from "../shared/logger.ts";

/** What systemd asked of the process that it started. */
export interface ServiceManagerAddress {
  /** Path of a Unix datagram socket. */
  readonly socket: string;
  /** The watchdog wants a sign of life so often, ms; null: there is none. */
  readonly watchdogMs: number | null;
}

/**
 * Takes what systemd left in the environment (sd_notify(3), sd_watchdog_enabled(3)); the variables are removed, so that
 * no child takes itself for the service.
 *
 * @param environment is changed
 * @returns null when no service manager listens
 */
export function takeServiceManager(environment: NodeJS.ProcessEnv, pid: number): ServiceManagerAddress | null {
  const { NOTIFY_SOCKET: socket = "", WATCHDOG_USEC: microseconds, WATCHDOG_PID: watched } = environment;
  for (const name of ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]) delete environment[name];
  if (socket === "") return null;
  const isWatched = watched === undefined || Number(watched) === pid;
  const watchdogMs = isWatched && Number(microseconds) > 0 ? Number(microseconds) / 1_000 : null;
  return { socket, watchdogMs };
}

/**
 * Tells systemd how the daemon is (sd_notify(3)): ready, alive, its state in a line, stopping. Nothing waits for an
 * answer, since there is none; a message that cannot be sent is logged once and the daemon goes on.
 */
export class ServiceManager {
  readonly watchdogMs: number | null;
  readonly #path: string;
  readonly #logger: Logger;
  readonly #socket = createSocket("unix_dgram");
  #status = "";
  #failed = false;
  #closed = false;

  constructor(address: ServiceManagerAddress, logger: Logger) {
    this.watchdogMs = address.watchdogMs;
    this.#path = address.socket;
    this.#logger = logger;
    this.#socket.on("error", (error: Error) => this.#fail(error));
  }

  /** The daemon answers. */
  ready(): void {
    this.#send("READY=1");
  }

  /** The daemon reads its configuration again; `ready` ends it. */
  reloading(): void {
    // CLOCK_MONOTONIC, as systemd wants it, is what hrtime reads on Linux.
    this.#send(`RELOADING=1\nMONOTONIC_USEC=${process.hrtime.bigint() / 1_000n}`);
  }

  /** The daemon was told to stop and does so in order. */
  stopping(): void {
    this.#send("STOPPING=1");
  }

  /** A sign of life for the watchdog. */
  alive(): void {
    this.#send("WATCHDOG=1");
  }

  /** @param text one line, as `systemctl status` shows it; sent when it has changed */
  status(text: string): void {
    const line = text.replaceAll(/\s+/g, " ");
    if (line === this.#status) return;
    this.#status = line;
    this.#send(`STATUS=${line}`);
  }

  /** Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
  }

  #send(message: string): void {
    if (this.#closed) return;
    const bytes = Buffer.from(`${message}\n`);
    this.#socket.send(bytes, 0, bytes.length, this.#path, (error) => {
      if (error !== undefined) this.#fail(error);
    });
  }

  #fail(error: Error): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#logger.warn({ cause: error.message }, "Expected the service manager to take messages but it did not");
  }
}
