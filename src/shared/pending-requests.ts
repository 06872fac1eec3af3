import { DeviceError } from "./errors.ts";

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  timer: NodeJS.Timeout;
}

/** A timer that fires so late means that this process itself was held up, and answers may lie unread, ms. */
const HELD_UP_MS = 1_000;
/** So long they are read then, ms; a process that hangs is seen so much later. */
const READING_MS = 1_000;

/**
 * Requests that wait for an answer from another process. Each has a deadline; all are rejected when the process
 * dies, so that no caller waits for ever.
 */
export class PendingRequests {
  #nextId = 1;
  readonly #pending = new Map<number, Pending>();

  get size(): number {
    return this.#pending.size;
  }

  /**
   * @param label what is asked, for the message when the deadline passes
   * @param deadlineMs how long to wait
   * @param onDeadline called before the rejection, e.g. to kill a process that hangs
   * @returns the id to send along, and the answer's promise; rejects with `DeviceError` "request-deadline"
   */
  open<T>(
    label: string,
    deadlineMs: number,
    onDeadline: () => void = () => undefined,
  ): { id: number; answer: Promise<T> } {
    const id = this.#nextId++;
    const answer = new Promise<T>((resolve, reject) => {
      const dueMs = performance.now() + deadlineMs;
      const pass = (): void => {
        this.#pending.delete(id);
        onDeadline();
        reject(
          new DeviceError("request-deadline", `Expected an answer to ${label} within ${deadlineMs} ms but none came`),
        );
      };
      const look = (): void => {
        if (performance.now() - dueMs < HELD_UP_MS) pass();
        else pending.timer = setTimeout(pass, READING_MS);
      };
      const pending: Pending = {
        resolve: (value) => resolve(value as T),
        reject,
        timer: setTimeout(look, deadlineMs),
      };
      this.#pending.set(id, pending);
    });
    return { id, answer };
  }

  /** @returns false when nobody waits for `id` any more (its deadline has passed) */
  resolve(id: number, value: unknown): boolean {
    const pending = this.#take(id);
    pending?.resolve(value);
    return pending !== undefined;
  }

  reject(id: number, error: Error): boolean {
    const pending = this.#take(id);
    pending?.reject(error);
    return pending !== undefined;
  }

  rejectAll(error: Error): void {
    for (const id of [...this.#pending.keys()]) this.reject(id, error);
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    if (pending === undefined) return undefined;
    this.#pending.delete(id);
    clearTimeout(pending.timer);
    return pending;
  }
}
