import { spawn } from "node:child_process";
import type { ChildProcess as NodeChildProcess } from "node:child_process";
import { childCommand } from "./child-command.ts";
import { forwardLines } from "./child-log.ts";
import { BugError, reasonOf } from "./errors.ts";
import type { Logger } from "./logger.ts";
import { systemClock } from "./system-clock.ts";

/** How a child ended. All are null when it could not be ended within the deadlines. */
export interface ChildExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The process could not be started; its reason. */
  readonly spawnError: Error | null;
}

export interface ChildProcessOptions<From> {
  /** For messages and the log: "capture of st1". */
  readonly name: string;
  /** The child's script, a `.child.ts` or its `.child.js`. */
  readonly entry: URL;
  readonly logger: Logger;
  /** Added to this process's environment. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly onMessage: (message: From) => void;
  /** Called once, after the last message of the child. */
  readonly onExit: (exit: ChildExit) => void;
}

/** A child's last messages may arrive after its end is known; so long they are waited for. */
const DRAIN_MS = 1_000;
/** From SIGKILL to the end of the process; only one that hangs inside the kernel takes longer. */
const KILL_WAIT_MS = 2_000;
/**
 * ONNX Runtime must not send telemetry from a factory network, and a GPU must multiply as exactly as a CPU; both must stand
 * before the library is loaded (see onnxruntime.ts).
 */
const ENVIRONMENT = { ORT_DISABLE_TELEMETRY: "1", NVIDIA_TF32_OVERRIDE: "0" };

/**
 * A child process with a message channel (structured clone, so typed arrays travel as they are). It is started
 * once; when it has ended, another object takes its place. Messages are not bounded here: callers bound what they
 * have outstanding (credits, open requests).
 */
export class ChildProcess<To extends object, From extends object> {
  readonly #options: ChildProcessOptions<From>;
  #child: NodeChildProcess | undefined;
  #exit: ChildExit | undefined;
  #started = false;
  #drained = false;
  #ended = false;
  #drainTimer: NodeJS.Timeout | undefined;
  #closing: Promise<ChildExit> | undefined;
  readonly #waiters: ((exit: ChildExit) => void)[] = [];

  constructor(options: ChildProcessOptions<From>) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Started and, as far as is known, alive. */
  get running(): boolean {
    return this.#child !== undefined && this.#exit === undefined;
  }

  /** Starts the process; a failure to start comes through `onExit`. @throws BugError when called twice */
  start(): void {
    if (this.#started) throw new BugError("child-started-twice", `${this.#options.name} was started before`);
    this.#started = true;
    const child = this.#spawn();
    if (child === undefined) return;
    this.#child = child;
    const { name, logger } = this.#options;
    const nowMs = (): number => systemClock.monotonicMs();
    if (child.stdout !== null) forwardLines(child.stdout, `${name}, stdout`, logger, nowMs);
    if (child.stderr !== null) forwardLines(child.stderr, `${name}, stderr`, logger, nowMs);
    child.on("message", (message) => {
      if (!this.#ended) this.#options.onMessage(message as From);
    });
    child.on("disconnect", () => {
      this.#drained = true;
      this.#endWhenDrained();
    });
    child.on("exit", (code, signal) => this.#onGone({ code, signal, spawnError: null }));
    child.on("error", (error) => {
      // The same event tells a failed message or signal to a living child; those need no answer of their own.
      if (child.pid === undefined) this.#onGone({ code: null, signal: null, spawnError: error });
    });
  }

  /** Some failures to start are thrown at once, others come as an event; both end up in `onExit`. */
  #spawn(): NodeChildProcess | undefined {
    const { entry, environment } = this.#options;
    const command = childCommand(entry, process.env["PATH"] ?? "");
    try {
      return spawn(command.file, command.args, {
        stdio: ["ignore", "pipe", "pipe", "ipc"],
        serialization: "advanced",
        env: { ...process.env, ...ENVIRONMENT, ...environment },
      });
    } catch (error) {
      const spawnError = error instanceof Error ? error : new Error(reasonOf(error));
      setImmediate(() => this.#onGone({ code: null, signal: null, spawnError }));
      return undefined;
    }
  }

  /** @returns false when the child is gone or its channel closed; its exit then is, or will be, reported */
  send(message: To): boolean {
    const child = this.#child;
    if (child === undefined || !child.connected) return false;
    // A failed write means that the child is dying, which `onExit` tells.
    child.send(message, () => undefined);
    return true;
  }

  /** SIGKILL, which also ends a stopped process and one that is blocked in a native call. */
  kill(): void {
    if (this.running) this.#child?.kill("SIGKILL");
  }

  /**
   * Asks the child to end by closing the channel, and kills it at the deadline. Idempotent.
   *
   * @returns when the process is gone; or, logged as an error, when it outlived SIGKILL by 2 s
   */
  close(deadlineMs: number): Promise<ChildExit> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  async #close(deadlineMs: number): Promise<ChildExit> {
    const child = this.#child;
    const none: ChildExit = { code: null, signal: null, spawnError: null };
    if (this.#exit !== undefined) return this.#exit;
    if (child === undefined) return none;
    const gone = new Promise<ChildExit>((resolve) => this.#waiters.push(resolve));
    if (child.connected) child.disconnect();
    const killTimer = setTimeout(() => this.kill(), deadlineMs);
    let giveUpTimer: NodeJS.Timeout | undefined;
    const givenUp = new Promise<ChildExit>((resolve) => {
      giveUpTimer = setTimeout(() => {
        this.#options.logger.error({ pid: this.pid }, `${this.#options.name} could not be ended by SIGKILL`);
        resolve(none);
      }, deadlineMs + KILL_WAIT_MS);
    });
    const exit = await Promise.race([gone, givenUp]);
    clearTimeout(killTimer);
    clearTimeout(giveUpTimer);
    return exit;
  }

  #onGone(exit: ChildExit): void {
    if (this.#exit !== undefined) return;
    this.#exit = exit;
    for (const resolve of this.#waiters.splice(0)) resolve(exit);
    if (exit.spawnError !== null) this.#drained = true;
    if (!this.#drained) {
      this.#drainTimer = setTimeout(() => {
        this.#drained = true;
        this.#endWhenDrained();
      }, DRAIN_MS);
    }
    this.#endWhenDrained();
  }

  #endWhenDrained(): void {
    if (this.#exit === undefined || !this.#drained || this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#drainTimer);
    this.#options.onExit(this.#exit);
  }
}

/** The URL of a child's script beside the caller's, with the caller's own extension (`.ts` in tests, else `.js`). */
export function childEntry(name: string, importMetaUrl: string): URL {
  return new URL(`./${name}${importMetaUrl.endsWith(".ts") ? ".ts" : ".js"}`, importMetaUrl);
}

/** Ends this process at once. Native threads that block for ever make every other way of ending hang. */
export function endSelf(): void {
  process.kill(process.pid, "SIGKILL");
}

/**
 * The child's side: this process ends when its parent does or lets go of it. SIGINT and SIGTERM are left to the
 * parent: a terminal and a service manager send them to the whole group, but the parent ends its children in order.
 */
export function endWithParent(): void {
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => undefined);
  process.on("disconnect", endSelf);
  if (!process.connected) endSelf();
}

/**
 * The child's side: sends one message and waits until it is on its way, so that it survives this process's end.
 * Does not throw: a parent that is gone needs no message.
 */
export async function tellParent(message: object, deadlineMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, deadlineMs);
    const done = (): void => {
      clearTimeout(timer);
      resolve();
    };
    if (process.send === undefined || !process.connected) done();
    else process.send(message, undefined, undefined, done);
  });
}
