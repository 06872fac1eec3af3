import type { Worker } from "node:worker_threads";
import { DeviceError, fromWireError, reasonOf } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import { PendingRequests } from "../shared/pending-requests.ts";
import { startThread } from "../shared/worker-thread.ts";
import type { Change, FromStore, Opened, SetAside, ToStore } from "./protocol.ts";

export interface StoreOptions {
  readonly file: string;
  /** Names of the stations whose remains are read. */
  readonly stations: readonly string[];
  readonly logger: Logger;
  /** Writing failed (again), or went well again after it had failed. */
  readonly onHealth: (error: Error | null) => void;
}

export interface StoreStatus {
  readonly state: "opening" | "ready" | "failed" | "closed";
  readonly problem: string | null;
  /** An unusable file was moved there since the start. */
  readonly setAside: string | null;
  /** Changes that could not be written. */
  readonly lost: number;
  readonly writes: number;
  /** ms that SQLite took for all writes. */
  readonly writeMs: number;
}

/** Opening may check a large file. */
const OPEN_DEADLINE_MS = 60_000;
/** A disk that takes this long for one commit is taken as failed. */
const WRITE_DEADLINE_MS = 10_000;
const CLOSE_DEADLINE_MS = 2_000;
/** What is not urgent (deletions) waits this long for company. */
const LAZY_MS = 200;
/** How often a failed disk is tried when nothing is to be written. */
const PROBE_MS = 5_000;
/** Changes that may wait for the disk; beyond it they are lost and counted. */
const LARGEST_WAITING = 10_000;

interface Waiting {
  readonly change: Change;
  readonly done: (durable: boolean) => void;
}

/**
 * The daemon's end of the database. Changes go to a thread in batches, each one transaction: what comes while one is
 * written goes with the next, so a slow disk makes larger batches and not longer queues. Nothing here throws for a disk
 * that fails: each change's `done` says whether it is on the disk.
 */
export class Store {
  readonly #options: StoreOptions;
  readonly #pending = new PendingRequests();
  #thread: Worker | undefined;
  #waiting: Waiting[] = [];
  #writing = false;
  #timer: NodeJS.Timeout | undefined;
  #probe: NodeJS.Timeout | undefined;
  #state: StoreStatus["state"] = "opening";
  #problem: Error | null = null;
  #setAside: string | null = null;
  #lost = 0;
  #writes = 0;
  #writeMs = 0;
  /** When the thread was asked what it has not answered, by request; the oldest first. */
  readonly #askedAtMs = new Map<number, number>();

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  /** @throws DeviceError when no database can be opened; `write` keeps trying all the same */
  async open(): Promise<Opened> {
    this.#thread = startThread("store-thread", import.meta.url);
    this.#thread.on("message", (message: FromStore) => this.#onMessage(message));
    this.#thread.on("error", (error) => this.#onThreadLost(error));
    this.#probe = setInterval(() => this.#tryAgain(), PROBE_MS);
    this.#probe.unref();
    const { file, stations } = this.#options;
    try {
      const opened = await this.#ask<Opened>("open of the database", OPEN_DEADLINE_MS, (id) => ({
        ...{ type: "open", id, file, stations },
      }));
      this.#state = "ready";
      if (opened.setAside !== null) this.#tellSetAside(opened.setAside);
      return opened;
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  status(): StoreStatus {
    return {
      state: this.#state,
      problem: this.#problem?.message ?? null,
      setAside: this.#setAside,
      lost: this.#lost,
      writes: this.#writes,
      writeMs: Math.round(this.#writeMs),
    };
  }

  /** How long the thread has owed an answer, ms; 0: nothing is asked. It outlives the deadline of the request. */
  unansweredMs(): number {
    const [oldest] = this.#askedAtMs.values();
    return oldest === undefined ? 0 : performance.now() - oldest;
  }

  /**
   * Asks for a change. `done` is called once, never before this returns, in the order of the changes.
   *
   * @param lazy it may wait a little for others
   */
  write(change: Change, done: (durable: boolean) => void = () => undefined, lazy = false): void {
    if (this.#state === "closed" || this.#waiting.length >= LARGEST_WAITING) {
      this.#lost++;
      queueMicrotask(() => done(false));
      return;
    }
    this.#waiting.push({ change, done });
    if (!lazy) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      queueMicrotask(() => this.#flush());
    } else if (this.#timer === undefined) {
      this.#timer = setTimeout(() => {
        this.#timer = undefined;
        this.#flush();
      }, LAZY_MS);
    }
  }

  /** @returns the payloads that are still there, by key; empty when the disk fails */
  async fetch(keys: readonly number[]): Promise<ReadonlyMap<number, Uint8Array>> {
    try {
      return await this.#ask<ReadonlyMap<number, Uint8Array>>("read of the outbox", WRITE_DEADLINE_MS, (id) => ({
        ...{ type: "fetch", id, keys },
      }));
    } catch (error) {
      this.#fail(error);
      return new Map();
    }
  }

  /** @returns what the database holds of a station, after all changes that were asked for; null when the disk fails */
  async remains(station: string): Promise<Opened | null> {
    try {
      await new Promise<void>((resolve) => {
        // Changes are written in their order: when this one is through, so are those before it.
        this.write({ type: "remember", station: "", name: "probe", value: String(this.#writes) }, () => resolve());
      });
      return await this.#ask<Opened>("read of a station", WRITE_DEADLINE_MS, (id) => ({
        type: "remains",
        id,
        station,
      }));
    } catch (error) {
      this.#fail(error);
      return null;
    }
  }

  /** Writes what waits, as far as the disk takes it in time, and ends the thread. Idempotent. */
  async close(): Promise<void> {
    if (this.#state === "closed") return;
    clearInterval(this.#probe);
    clearTimeout(this.#timer);
    this.#flush();
    // The thread works in order: when it has closed, what was sent before is written.
    const closing = this.#ask("close of the database", CLOSE_DEADLINE_MS, (id) => ({ type: "close", id }));
    await closing.catch((error: unknown) => {
      this.#options.logger.warn({ cause: reasonOf(error) }, "the database was not closed in time");
    });
    this.#state = "closed";
    this.#pending.rejectAll(new DeviceError("store-closed", "The database was closed while a request was open"));
    await this.#thread?.terminate();
  }

  #flush(): void {
    if (this.#writing || this.#waiting.length === 0 || this.#state === "opening" || this.#state === "closed") return;
    const batch = this.#waiting;
    this.#waiting = [];
    this.#writing = true;
    const changes = batch.map(({ change }) => change);
    this.#ask<{ setAside: SetAside | null; spentMs: number }>("write of the database", WRITE_DEADLINE_MS, (id) => ({
      ...{ type: "write", id, changes },
    })).then(
      ({ setAside, spentMs }) => {
        this.#writes++;
        this.#writeMs += spentMs;
        if (setAside !== null) this.#tellSetAside(setAside);
        this.#heal();
        this.#written(batch, true);
      },
      (error: unknown) => {
        this.#lost += batch.length;
        this.#fail(error);
        this.#written(batch, false);
      },
    );
  }

  #written(batch: readonly Waiting[], durable: boolean): void {
    this.#writing = false;
    for (const { done } of batch) done(durable);
    this.#flush();
  }

  /** An empty transaction would not touch the disk. */
  #tryAgain(): void {
    if (this.#state !== "failed" || this.#waiting.length > 0) return;
    this.write({ type: "remember", station: "", name: "probe", value: String(this.#writes) });
  }

  #fail(error: unknown): void {
    const problem = error instanceof Error ? error : new Error(reasonOf(error));
    if (this.#state === "closed") return;
    const isNews = this.#state !== "failed" || this.#problem?.message !== problem.message;
    this.#state = "failed";
    this.#problem = problem;
    if (!isNews) return;
    this.#options.logger.error({ file: this.#options.file }, `results are not kept on the disk: ${problem.message}`);
    this.#options.onHealth(problem);
  }

  #heal(): void {
    if (this.#state !== "failed") return;
    this.#state = "ready";
    this.#problem = null;
    this.#options.logger.info({ file: this.#options.file, lost: this.#lost }, "results are kept on the disk again");
    this.#options.onHealth(null);
  }

  #tellSetAside({ path, reason }: SetAside): void {
    this.#setAside = path;
    this.#options.logger.error(
      { file: this.#options.file, setAside: path },
      `the database was damaged (${reason}); it was moved to ${path} and a new one was begun: results in it that nobody had are lost`,
    );
  }

  #onThreadLost(error: Error): void {
    this.#pending.rejectAll(new DeviceError("store-lost", `The database's thread ended: ${error.message}`));
  }

  #ask<T>(label: string, deadlineMs: number, message: (id: number) => ToStore): Promise<T> {
    const { id, answer } = this.#pending.open<T>(label, deadlineMs);
    this.#askedAtMs.set(id, performance.now());
    this.#thread?.postMessage(message(id));
    return answer;
  }

  #onMessage(message: FromStore): void {
    this.#askedAtMs.delete(message.id);
    switch (message.type) {
      case "opened":
        this.#pending.resolve(message.id, message.opened);
        return;
      case "written":
        this.#pending.resolve(message.id, { setAside: message.setAside, spentMs: message.spentMs });
        return;
      case "fetched":
        this.#pending.resolve(message.id, message.payloads);
        return;
      case "remains":
        this.#pending.resolve(message.id, message.opened);
        return;
      case "closed":
        this.#pending.resolve(message.id, null);
        return;
      case "failed":
        this.#pending.reject(message.id, fromWireError(message.error));
        return;
      default:
        message satisfies never;
    }
  }
}
