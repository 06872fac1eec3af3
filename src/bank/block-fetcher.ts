import type { Clock } from "../shared/clock.ts";

export interface FetcherOptions {
  readonly blocks: number;
  readonly has: (block: number) => boolean;
  /** Asks for one block. */
  readonly request: (block: number) => void;
  /** Verdicts wait to be sent: nothing is asked for. */
  readonly isBusy: () => boolean;
  /** Least time from one request to the next, ms: the cap on the rate. */
  readonly intervalMs: number;
  readonly clock: Clock;
}

/** Blocks that are asked for and not there yet. */
const WINDOW = 4;
/** A block that has not come by then is asked for again. */
const ANSWER_MS = 10_000;

/**
 * Which blocks are asked for, and when: at most four at a time, at a limited rate, again when none comes, and none while
 * verdicts wait. It keeps no timer: `step` is called whenever something has happened, and from time to time.
 */
export class BlockFetcher {
  readonly #options: FetcherOptions;
  /** Asked for → when. */
  readonly #asked = new Map<number, number>();
  #cursor = 0;
  #nextRequestMs = 0;

  constructor(options: FetcherOptions) {
    this.#options = options;
  }

  /** Asks for what may be asked for now. */
  step(): void {
    const { clock, isBusy, intervalMs, request } = this.#options;
    const nowMs = clock.monotonicMs();
    if (isBusy() || nowMs < this.#nextRequestMs) return;
    for (const [block, atMs] of this.#asked) {
      if (nowMs - atMs < ANSWER_MS) continue;
      this.#asked.set(block, nowMs);
      this.#nextRequestMs = nowMs + intervalMs;
      request(block);
      return;
    }
    if (this.#asked.size >= WINDOW) return;
    const block = this.#next();
    if (block === null) return;
    this.#asked.set(block, nowMs);
    this.#nextRequestMs = nowMs + intervalMs;
    request(block);
  }

  /** @returns whether this block was asked for; others are not taken, so that nobody can push what was not wanted */
  received(block: number): boolean {
    return this.#asked.delete(block);
  }

  /** After a connection was lost: what was asked for will not come. */
  forget(): void {
    this.#asked.clear();
    this.#cursor = 0;
  }

  #next(): number | null {
    const { blocks, has } = this.#options;
    for (; this.#cursor < blocks; this.#cursor++) {
      if (!has(this.#cursor) && !this.#asked.has(this.#cursor)) return this.#cursor;
    }
    // What was asked for and came damaged was given up; it is looked for from the beginning.
    for (let block = 0; block < blocks; block++) if (!has(block) && !this.#asked.has(block)) return block;
    return null;
  }
}
