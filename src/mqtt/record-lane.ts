import type { Journal, Left } from "./journal.ts";

/** A record on its way. */
export interface HeldRecord {
  readonly kind: "record";
  readonly key: number;
  readonly payload: Uint8Array;
  /** It may leave: on the disk, or the disk fails. */
  ready: boolean;
  durable: boolean;
}

/** A record of the history: its payload lies on the disk, or here when the disk fails. */
interface Past {
  readonly key: number;
  readonly payload: Uint8Array | null;
}

export interface HistoryLimits {
  /** Records of an outage that are kept; the oldest give way. */
  readonly largest: number;
  /** Of them so many leave in a second, so that they never crowd out what is fresh. */
  readonly perSecond: number;
}

/** Fresh records in memory at most; what a slow broker does not take becomes history. */
const LARGEST_LIVE = 200;
/** Records of the history that are held in memory only, because the disk fails. */
const LARGEST_HOMELESS = 1_000;
/** Records that are fetched from the disk at a time. */
const PAGE = 32;

/** Records in two lanes: what is fresh leaves at once; the history of an outage, or of a former run, follows slowly. */
export class RecordLane {
  readonly #journal: Journal;
  #limits: HistoryLimits;
  readonly #nextKey: () => number;
  readonly #onReady: () => void;
  #live: HeldRecord[] = [];
  /** Oldest first. */
  #history: Past[] = [];
  #page: HeldRecord[] = [];
  #fetching = false;
  readonly #inFlight = new Map<number, HeldRecord>();
  #historyDueMs = 0;
  #online = false;
  #lost = 0;

  constructor(journal: Journal, limits: HistoryLimits, nextKey: () => number, onReady: () => void) {
    this.#journal = journal;
    this.#limits = limits;
    this.#nextKey = nextKey;
    this.#onReady = onReady;
  }

  configure(limits: HistoryLimits): void {
    this.#limits = limits;
    this.#trim();
  }

  get lost(): number {
    return this.#lost;
  }

  get open(): number {
    return this.#live.length + this.#page.length + this.#history.length + this.#inFlight.size;
  }

  restore({ messages }: Left): void {
    this.#history = messages.flatMap(({ key, payload }) => (payload === null ? [{ key, payload: null }] : []));
    this.#trim();
  }

  add(payload: Uint8Array): void {
    const held: HeldRecord = { kind: "record", key: this.#nextKey(), payload, ready: false, durable: false };
    this.#live.push(held);
    this.#journal.saveRecord(held.key, payload, (durable) => {
      held.ready = true;
      held.durable = durable;
      if (!this.#online) this.#becomeHistory();
      this.#onReady();
    });
    if (this.#live.length > LARGEST_LIVE) this.#becomeHistory();
  }

  /** @returns the next record, when it may leave: fresh ones first */
  next(nowMs: number): HeldRecord | undefined {
    const fresh = this.#live[0]?.ready === true ? this.#live.shift() : undefined;
    if (fresh !== undefined) return this.#send(fresh);
    if (nowMs < this.#historyDueMs) return undefined;
    const past = this.#page.shift();
    if (past === undefined) {
      this.#fetch();
      return undefined;
    }
    this.#historyDueMs = nowMs + 1_000 / this.#limits.perSecond;
    return this.#send(past);
  }

  /** Monotonic ms at which the next record of the history may leave; null: none waits. */
  get historyDueMs(): number | null {
    return this.#page.length + this.#history.length === 0 ? null : this.#historyDueMs;
  }

  acknowledged(key: number): void {
    if (this.#inFlight.delete(key)) this.#journal.remove([key]);
  }

  connected(): void {
    this.#online = true;
  }

  disconnected(): void {
    this.#online = false;
    this.#live = [...this.#inFlight.values(), ...this.#page, ...this.#live].sort((a, b) => a.key - b.key);
    this.#page = [];
    this.#inFlight.clear();
    this.#becomeHistory();
  }

  #send(held: HeldRecord): HeldRecord {
    this.#inFlight.set(held.key, held);
    return held;
  }

  /** What is on the disk need not be in memory, too. */
  #becomeHistory(): void {
    const ready = this.#live.filter((held) => held.ready);
    this.#live = this.#live.filter((held) => !held.ready);
    this.#history.push(...ready.map(({ key, payload, durable }) => ({ key, payload: durable ? null : payload })));
    this.#history.sort((a, b) => a.key - b.key);
    this.#trim();
  }

  #trim(): void {
    this.#drop(this.#history.splice(0, Math.max(0, this.#history.length - this.#limits.largest)));
    const homeless = this.#history.filter(({ payload }) => payload !== null);
    const tooMany = new Set(homeless.slice(0, Math.max(0, homeless.length - LARGEST_HOMELESS)));
    if (tooMany.size === 0) return;
    this.#history = this.#history.filter((past) => !tooMany.has(past));
    this.#drop([...tooMany]);
  }

  #drop(dropped: readonly Past[]): void {
    if (dropped.length === 0) return;
    this.#lost += dropped.length;
    this.#journal.remove(dropped.map(({ key }) => key));
  }

  #fetch(): void {
    if (this.#fetching || this.#history.length === 0) return;
    this.#fetching = true;
    const wanted = this.#history.slice(0, PAGE);
    const onDisk = wanted.flatMap(({ key, payload }) => (payload === null ? [key] : []));
    void this.#journal.fetch(onDisk).then((found) => {
      this.#fetching = false;
      const taken = new Set(wanted);
      this.#history = this.#history.filter((past) => !taken.has(past));
      for (const { key, payload } of wanted) {
        const bytes = payload ?? found.get(key);
        // The disk lost it: a damaged file was set aside.
        if (bytes === undefined) this.#lost++;
        else this.#page.push({ kind: "record", key, payload: bytes, ready: true, durable: payload === null });
      }
      if (this.#online) this.#onReady();
    });
  }
}
