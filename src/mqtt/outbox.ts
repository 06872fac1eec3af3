import type { Journal, Left } from "./journal.ts";
import { MemoryJournal, NOTHING_LEFT } from "./journal.ts";
import { OutboxKeys } from "./outbox-keys.ts";
import type { PlcResult } from "./payloads.ts";
import type { HistoryLimits } from "./record-lane.ts";
import { RecordLane } from "./record-lane.ts";
import { ResultLane } from "./result-lane.ts";

/** One publication that must arrive at least once. */
export interface OutboxMessage {
  /** Names the message in `acknowledged`. */
  readonly key: number;
  readonly kind: "result" | "record";
  readonly payload: string | Uint8Array;
  /** To be called with Unix ms once it was handed to the connection. */
  readonly sent: (atWallMs: number) => void;
}

export interface OutboxCounts {
  readonly resultsOpen: number;
  readonly recordsOpen: number;
  readonly resultsLost: number;
  readonly recordsLost: number;
}

export const DEFAULT_HISTORY: HistoryLimits = { largest: 1_000, perSecond: 20 };

/**
 * Results and records between the station and the broker. What is in here is delivered at least once, in order of seq
 * within each lane, unless it is dropped, and then it is counted. It is as durable as its journal.
 */
export class Outbox {
  readonly #results: ResultLane;
  readonly #records: RecordLane;
  readonly #keys: OutboxKeys;
  #onReady: () => void = () => undefined;

  /** @param keys of all outboxes that share the journal's database */
  constructor(
    journal: Journal = new MemoryJournal(),
    history: HistoryLimits = DEFAULT_HISTORY,
    keys: OutboxKeys = new OutboxKeys(),
  ) {
    this.#keys = keys;
    const nextKey = (): number => keys.next();
    const onReady = (): void => this.#onReady();
    this.#results = new ResultLane(journal, nextKey, onReady);
    this.#records = new RecordLane(journal, history, nextKey, onReady);
  }

  /** @param onReady called when something may have become free to leave */
  listen(onReady: () => void): void {
    this.#onReady = onReady;
  }

  configure(history: HistoryLimits): void {
    this.#records.configure(history);
  }

  /** Takes over what a former run left, before anything is added. */
  restore(left: Left = NOTHING_LEFT): void {
    this.#keys.startAt(left.nextKey);
    this.#results.restore(left);
    this.#records.restore(left);
  }

  /**
   * @param ordinal the station's number of the outcome
   * @param told called once: Unix ms at which the result left, null when it has to wait for a connection
   */
  addResult(
    result: PlcResult,
    ordinal: number,
    told: (publishedAtWallMs: number | null) => void = () => undefined,
  ): void {
    this.#results.add(result, ordinal, told);
  }

  addRecord(record: Uint8Array): void {
    this.#records.add(record);
  }

  /** The stored result of a part is sent again. */
  resultAgain(session: string, seq: number): void {
    this.#results.again(session, seq);
  }

  /** @returns what is to be sent next, results first; undefined when nothing may go */
  next(allow: { readonly result: boolean; readonly record: boolean }, nowMs: number): OutboxMessage | undefined {
    const result = allow.result ? this.#results.next() : undefined;
    if (result !== undefined) {
      const { held, payload } = result;
      const sent = (atWallMs: number): void => {
        held.told?.(atWallMs);
        held.told = null;
      };
      return { key: held.key, kind: "result", payload, sent };
    }
    const record = allow.record ? this.#records.next(nowMs) : undefined;
    if (record === undefined) return undefined;
    return { key: record.key, kind: "record", payload: record.payload, sent: () => undefined };
  }

  /** Monotonic ms at which the history goes on; null: there is none. */
  get historyDueMs(): number | null {
    return this.#records.historyDueMs;
  }

  acknowledged(key: number): void {
    this.#results.acknowledged(key);
    this.#records.acknowledged(key);
  }

  /** @returns whether there was such a result */
  acknowledgedByPlc(session: string, seq: number): boolean {
    return this.#results.acknowledgedByPlc(session, seq);
  }

  connected(): void {
    this.#results.connected();
    this.#records.connected();
  }

  /** The connection is gone: what it did not acknowledge waits again. */
  disconnected(): void {
    this.#results.disconnected();
    this.#records.disconnected();
  }

  /** Whether the result of a part is still without the broker's acknowledgement. */
  resultOpen(ordinal: number): boolean {
    return this.#results.isOpen(ordinal);
  }

  /** Whether a result waits that was not handed out yet. */
  get resultWaiting(): boolean {
    return this.#results.waiting;
  }

  counts(): OutboxCounts {
    return {
      resultsOpen: this.#results.open,
      recordsOpen: this.#records.open,
      resultsLost: this.#results.lost,
      recordsLost: this.#records.lost,
    };
  }
}
