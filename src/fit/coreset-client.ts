import { childEntry, ChildProcess } from "../shared/child-process.ts";
import { DeviceError, fromWireError } from "../shared/errors.ts";
import { silentLogger } from "../shared/logger.ts";
import { PendingRequests } from "../shared/pending-requests.ts";
import type { CoresetSetup, FromCoreset, PickRequest, ToCoreset } from "./coreset-protocol.ts";

/** Start of Node and of a process's memory, and the projection of one image's rows, on a slow and busy machine. */
const ANSWER_DEADLINE_MS = 120_000;

/** Greedy k-center of some millions of rows takes hours on a slow machine; past a day nobody waits any more. */
const PICK_DEADLINE_MS = 24 * 3_600_000;

const CLOSE_DEADLINE_MS = 500;

/**
 * The coreset process as its parent sees it. It reads images' rows from the file while others are still being embedded;
 * at most one message is under way. Whoever starts it closes it.
 */
export class CoresetClient {
  readonly #child: ChildProcess<ToCoreset, FromCoreset>;
  readonly #pending = new PendingRequests();
  #onProgress: (picked: number, count: number) => void = () => undefined;
  #underWay: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor() {
    this.#child = new ChildProcess<ToCoreset, FromCoreset>({
      name: "coreset",
      entry: childEntry("coreset.child", import.meta.url),
      logger: silentLogger,
      onMessage: (message) => this.#receive(message),
      onExit: ({ code, signal, spawnError }) => {
        const how = spawnError?.message ?? (signal === null ? `exit code ${code}` : `signal ${signal}`);
        const hint = signal === "SIGKILL" ? "; the machine may have run out of memory" : "";
        this.#fail(
          new DeviceError("coreset-process", `Expected the coreset process to answer but it ended: ${how}${hint}`),
        );
      },
    });
  }

  async start(setup: CoresetSetup): Promise<void> {
    this.#child.start();
    await this.#request("setup", ANSWER_DEADLINE_MS, (id) => ({ type: "setup", id, setup }));
  }

  /** @param slot place of the next image's rows in the file; returns when the image before it has been taken */
  async add(slot: number): Promise<void> {
    await this.#underWay;
    const taken = this.#request("image", ANSWER_DEADLINE_MS, (id) => ({ type: "image", id, slot }));
    // Waited for by the next call; a failure must not count as unhandled until then.
    taken.catch(() => undefined);
    this.#underWay = taken;
  }

  /** @returns numbers of the picked rows, in the order of picking */
  async pick(request: PickRequest, onProgress: (picked: number, count: number) => void): Promise<Int32Array> {
    await this.#underWay;
    this.#onProgress = onProgress;
    return this.#request<Int32Array>("pick", PICK_DEADLINE_MS, (id) => ({ type: "pick", id, request }));
  }

  /** Ends the process, whatever it is doing. Idempotent. */
  async close(reason: Error = new DeviceError("coreset-process", "The coreset process was closed")): Promise<void> {
    this.#closed = true;
    this.#fail(reason);
    this.#child.kill();
    await this.#child.close(CLOSE_DEADLINE_MS);
  }

  #request<T>(label: string, deadlineMs: number, message: (id: number) => ToCoreset): Promise<T> {
    const { id, answer } = this.#pending.open<T>(`${label} of the coreset`, deadlineMs, () => this.#child.kill());
    if (this.#closed || !this.#child.send(message(id))) {
      this.#pending.reject(id, new DeviceError("coreset-process", "Expected a coreset process but it has ended"));
    }
    return answer;
  }

  #receive(message: FromCoreset): void {
    switch (message.type) {
      case "done":
        this.#pending.resolve(message.id, undefined);
        return;
      case "picked":
        this.#pending.resolve(message.id, message.picks);
        return;
      case "progress":
        this.#onProgress(message.picked, message.count);
        return;
      case "failed":
        this.#pending.reject(message.id, fromWireError(message.error));
        return;
      default:
        message satisfies never;
    }
  }

  #fail(error: Error): void {
    this.#pending.rejectAll(error);
  }
}
