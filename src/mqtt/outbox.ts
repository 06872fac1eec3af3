import { FLAG } from "../station/outcome.ts";
import type { PlcResult } from "./payloads.ts";
import { formatResult } from "./payloads.ts";

/** One publication that must arrive at least once. */
export interface OutboxMessage {
  /** Names the message in `acknowledged`. */
  readonly key: number;
  readonly kind: "result" | "record";
  readonly payload: string | Buffer;
}

/**
 * Results and records between the station and the broker. What is in here is delivered at least once, in order of
 * seq within each kind, unless it is dropped, and then it is counted. This one lives in memory; a durable one
 * takes its place behind the same interface.
 */
export interface Outbox {
  addResult(result: PlcResult): void;
  addRecord(record: Buffer): void;
  /** @returns what is to be sent next, results first; undefined when nothing may go */
  next(allow: { readonly result: boolean; readonly record: boolean }): OutboxMessage | undefined;
  acknowledged(key: number): void;
  connected(): void;
  /** The connection is gone: what it did not acknowledge waits again. */
  disconnected(): void;
  /** Whether the result of a part is still without acknowledgement. */
  resultOpen(seq: number): boolean;
  /** Whether a result waits that was not handed out yet. */
  readonly resultWaiting: boolean;
  counts(): OutboxCounts;
}

export interface OutboxCounts {
  readonly resultsOpen: number;
  readonly recordsOpen: number;
  readonly resultsLost: number;
  readonly recordsLost: number;
}

interface HeldResult {
  readonly kind: "result";
  readonly key: number;
  result: PlcResult;
  sent: boolean;
}

interface HeldRecord {
  readonly kind: "record";
  readonly key: number;
  readonly payload: Buffer;
}

/** In an outage, more results than this are stale for a PLC: the oldest are lost, the next one says so (flag 04). */
const LARGEST_WAITING_RESULTS_OFFLINE = 8;
/** While a broker takes them, a burst of results (all that was held back behind one late part) must not be lost. */
const LARGEST_WAITING_RESULTS_ONLINE = 1_000;
const LARGEST_WAITING_RECORDS = 1_000;

export class MemoryOutbox implements Outbox {
  #results: HeldResult[] = [];
  #records: HeldRecord[] = [];
  readonly #inFlight = new Map<number, HeldResult | HeldRecord>();
  #nextKey = 1;
  /** Results were lost and no later one has said so yet. */
  #lossUntold = false;
  #online = false;
  #resultsLost = 0;
  #recordsLost = 0;

  get resultWaiting(): boolean {
    return this.#results.length > 0;
  }

  addResult(result: PlcResult): void {
    this.#results.push({ kind: "result", key: this.#nextKey++, result, sent: false });
    this.#trim();
  }

  addRecord(record: Buffer): void {
    this.#records.push({ kind: "record", key: this.#nextKey++, payload: record });
    this.#trim();
  }

  next(allow: { readonly result: boolean; readonly record: boolean }): OutboxMessage | undefined {
    const result = allow.result ? this.#results.shift() : undefined;
    if (result !== undefined) {
      this.#inFlight.set(result.key, result);
      return { key: result.key, kind: "result", payload: this.#stamp(result) };
    }
    const record = allow.record ? this.#records.shift() : undefined;
    if (record === undefined) return undefined;
    this.#inFlight.set(record.key, record);
    return record;
  }

  acknowledged(key: number): void {
    this.#inFlight.delete(key);
  }

  connected(): void {
    this.#online = true;
  }

  disconnected(): void {
    this.#online = false;
    const open = [...this.#inFlight.values()].sort((a, b) => a.key - b.key);
    this.#inFlight.clear();
    this.#results = [...open.filter((held) => held.kind === "result"), ...this.#results];
    this.#records = [...open.filter((held) => held.kind === "record"), ...this.#records];
    this.#trim();
  }

  resultOpen(seq: number): boolean {
    const has = (held: HeldResult | HeldRecord): boolean => held.kind === "result" && held.result.seq === seq;
    return this.#results.some(has) || [...this.#inFlight.values()].some(has);
  }

  counts(): OutboxCounts {
    const inFlight = [...this.#inFlight.values()];
    return {
      resultsOpen: this.#results.length + inFlight.filter((held) => held.kind === "result").length,
      recordsOpen: this.#records.length + inFlight.filter((held) => held.kind === "record").length,
      resultsLost: this.#resultsLost,
      recordsLost: this.#recordsLost,
    };
  }

  /**
   * Flag 04 goes on the first result that leaves after a loss and was never sent before: a copy of a sent one must
   * equal it but for flag 01.
   */
  #stamp(held: HeldResult): string {
    if (held.sent) {
      return formatResult({ ...held.result, flags: held.result.flags | FLAG.SENT_AGAIN });
    }
    if (this.#lossUntold) held.result = { ...held.result, flags: held.result.flags | FLAG.RESULTS_LOST };
    this.#lossUntold = false;
    held.sent = true;
    return formatResult(held.result);
  }

  #trim(): void {
    const largest = this.#online ? LARGEST_WAITING_RESULTS_ONLINE : LARGEST_WAITING_RESULTS_OFFLINE;
    const results = this.#results.splice(0, Math.max(0, this.#results.length - largest));
    const records = this.#records.splice(0, Math.max(0, this.#records.length - LARGEST_WAITING_RECORDS));
    this.#resultsLost += results.length;
    this.#recordsLost += records.length;
    if (results.length > 0) this.#lossUntold = true;
  }
}
