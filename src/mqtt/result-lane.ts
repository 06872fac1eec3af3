import { FLAG } from "../station/outcome.ts";
import type { Journal, JournalPart, Left } from "./journal.ts";
import type { PlcResult } from "./payloads.ts";
import { formatResult, parseResult } from "./payloads.ts";

/** A result on its way. */
export interface HeldResult {
  readonly kind: "result";
  readonly key: number;
  /** The station's number of the outcome in this run; null for one of a former run, and for a copy asked for. */
  readonly ordinal: number | null;
  result: PlcResult;
  /** It has left, or may have left in a former run: from now on each is a copy. */
  sent: boolean;
  /** Writes that the disk has not answered; it may leave when there are none. */
  writes: number;
  acknowledgedByPlc: boolean;
  /** Told once: Unix ms at which it first left, null when there is no connection to leave by. */
  told: ((publishedAtWallMs: number | null) => void) | null;
}

/** In an outage, more results than this are stale for a PLC: the oldest are lost, the next one says so (flag 04). */
const LARGEST_WAITING_OFFLINE = 8;
/** While a broker takes them, a burst of results (all that was held back behind one late part) must not be lost. */
const LARGEST_WAITING_ONLINE = 1_000;
/** Results that the broker has and the PLC did not acknowledge; see `acknowledgedByPlc`. */
const LARGEST_UNACKNOWLEDGED = 8;
/** Results that are remembered for triggers that come again. */
const REMEMBERED_RESULTS = 1_000;

/**
 * Results between the station and the PLC, each delivered at least once, in order, unless it is dropped, and then it is
 * counted and the next one that leaves for the first time says so. A result leaves once it is on the disk, and leaves
 * the disk when the broker has it; for a PLC that acknowledges on `plc/ack`, when that has come.
 */
export class ResultLane {
  readonly #journal: Journal;
  readonly #nextKey: () => number;
  readonly #onReady: () => void;
  #waiting: HeldResult[] = [];
  readonly #inFlight = new Map<number, HeldResult>();
  /** The broker has them, an acknowledging PLC may not; oldest first. */
  #unacknowledged: HeldResult[] = [];
  readonly #answers = new Map<string, string>();
  #plcAcknowledges = false;
  /** Results were lost and no waiting one can say so. */
  #lossUntold = false;
  #online = false;
  #lost = 0;

  constructor(journal: Journal, nextKey: () => number, onReady: () => void) {
    this.#journal = journal;
    this.#nextKey = nextKey;
    this.#onReady = onReady;
  }

  get lost(): number {
    return this.#lost;
  }

  /** Results that the broker does not have. */
  get open(): number {
    return this.#waiting.length + this.#inFlight.size;
  }

  get waiting(): boolean {
    return this.#waiting.length > 0;
  }

  isOpen(ordinal: number): boolean {
    const has = (held: HeldResult): boolean => held.ordinal === ordinal;
    return this.#waiting.some(has) || [...this.#inFlight.values()].some(has);
  }

  /**
   * Takes over what a former run left: it may have left the daemon before, so it counts as copies. Results of parts that
   * the station counted by itself are stale, since their session ended with the run; their records follow as history.
   */
  restore({ messages, answered }: Left): void {
    for (const { session, seq, payload } of answered) this.#remember(keyOf({ session, seq }), payload);
    for (const { key, payload } of messages) {
      if (payload === null) continue;
      const result = parseResult(payload);
      if (partOf(result).session === null) {
        this.#journal.remove([key]);
        continue;
      }
      const held = { ordinal: null, sent: true, writes: 0, acknowledgedByPlc: false, told: null };
      this.#waiting.push({ kind: "result", key, result, ...held });
    }
    this.#trim();
  }

  add(result: PlcResult, ordinal: number, told: (publishedAtWallMs: number | null) => void): void {
    const flags = result.flags | (this.#lossUntold ? FLAG.RESULTS_LOST : 0);
    this.#lossUntold = false;
    const state = { sent: false, writes: 1, acknowledgedByPlc: false, told };
    const held: HeldResult = { kind: "result", key: this.#nextKey(), ordinal, result: { ...result, flags }, ...state };
    this.#forgetOtherSessions(result.session);
    this.#waiting.push(held);
    this.#journal.saveResult(partOf(result), held.key, this.#rememberResult(held), (durable) =>
      this.#saved(held, durable),
    );
    this.#trim();
  }

  /** A trigger came again: its result is sent again, unless it is on its way. */
  again(session: string, seq: number): void {
    const key = keyOf({ session, seq });
    const isSame = ({ result }: HeldResult): boolean => keyOf(result) === key;
    if (this.#waiting.some(isSame) || [...this.#inFlight.values()].some(isSame)) return;
    const payload = this.#answers.get(key);
    if (payload === undefined) return;
    const held = { ordinal: null, sent: true, writes: 0, acknowledgedByPlc: false, told: null };
    this.#waiting.push({ kind: "result", key: this.#nextKey(), result: parseResult(payload), ...held });
    this.#trim();
  }

  /** @returns the oldest result, when it may leave */
  next(): { readonly held: HeldResult; readonly payload: string } | undefined {
    const held = this.#waiting[0];
    if (held === undefined || held.writes > 0) return undefined;
    this.#waiting.shift();
    this.#inFlight.set(held.key, held);
    const flags = held.result.flags | (held.sent ? FLAG.SENT_AGAIN : 0);
    held.sent = true;
    return { held, payload: formatResult({ ...held.result, flags }) };
  }

  /** The broker has it. */
  acknowledged(key: number): void {
    const held = this.#inFlight.get(key);
    if (held === undefined) return;
    this.#inFlight.delete(key);
    const needsPlc = this.#plcAcknowledges && !held.acknowledgedByPlc && partOf(held.result).session !== null;
    if (!needsPlc) {
      this.#journal.remove([key]);
      return;
    }
    this.#unacknowledged.push(held);
    if (this.#unacknowledged.length > LARGEST_UNACKNOWLEDGED) this.#lose(this.#unacknowledged.splice(0, 1));
  }

  /**
   * The PLC has it. Once a PLC has acknowledged anything, its results are kept until it does: up to 8, which are sent
   * again after a reconnect. A PLC that never does has what the broker has.
   *
   * @returns whether there was such a result
   */
  acknowledgedByPlc(session: string, seq: number): boolean {
    this.#plcAcknowledges = true;
    const key = keyOf({ session, seq });
    const index = this.#unacknowledged.findIndex(({ result }) => keyOf(result) === key);
    const [held] = index < 0 ? [] : this.#unacknowledged.splice(index, 1);
    if (held !== undefined) {
      this.#journal.remove([held.key]);
      return true;
    }
    // The PLC may be faster than the broker's own acknowledgement.
    const open = [...this.#inFlight.values()].find(({ result }) => keyOf(result) === key);
    if (open !== undefined) open.acknowledgedByPlc = true;
    return open !== undefined || this.#answers.has(key);
  }

  connected(): void {
    this.#online = true;
    this.#waiting = [...this.#unacknowledged, ...this.#waiting].sort((a, b) => a.key - b.key);
    this.#unacknowledged = [];
  }

  /** The connection is gone: what it did not acknowledge waits again. */
  disconnected(): void {
    this.#online = false;
    this.#waiting = [...this.#inFlight.values(), ...this.#waiting].sort((a, b) => a.key - b.key);
    this.#inFlight.clear();
    for (const held of this.#waiting) this.#tell(held, null);
    this.#trim();
  }

  #saved(held: HeldResult, durable: boolean): void {
    held.writes--;
    if (!durable) held.result = { ...held.result, flags: held.result.flags | FLAG.DEGRADED };
    if (!this.#online) this.#tell(held, null);
    this.#onReady();
  }

  #tell(held: HeldResult, publishedAtWallMs: number | null): void {
    if (held.writes > 0) return;
    held.told?.(publishedAtWallMs);
    held.told = null;
  }

  #trim(): void {
    const largest = this.#online ? LARGEST_WAITING_ONLINE : LARGEST_WAITING_OFFLINE;
    this.#lose(this.#waiting.splice(0, Math.max(0, this.#waiting.length - largest)));
  }

  /**
   * Flag 04 goes on the first result after the loss that never left: a copy of one that left must equal it but for
   * flag 01. It is written down before that result leaves.
   */
  #lose(lost: readonly HeldResult[]): void {
    if (lost.length === 0) return;
    this.#lost += lost.length;
    this.#journal.remove(lost.map(({ key }) => key));
    for (const held of lost) {
      held.told?.(null);
      held.told = null;
    }
    const next = this.#waiting.find(({ sent }) => !sent);
    if (next === undefined) {
      this.#lossUntold = true;
      return;
    }
    if ((next.result.flags & FLAG.RESULTS_LOST) !== 0) return;
    next.result = { ...next.result, flags: next.result.flags | FLAG.RESULTS_LOST };
    next.writes++;
    this.#journal.restampResult(partOf(next.result), next.key, this.#rememberResult(next), (durable) =>
      this.#saved(next, durable),
    );
  }

  /** A PLC that began a new session waits for nothing of the old one. */
  #forgetOtherSessions(session: string): void {
    const over = this.#unacknowledged.filter(({ result }) => result.session !== session);
    if (over.length === 0) return;
    this.#unacknowledged = this.#unacknowledged.filter(({ result }) => result.session === session);
    this.#journal.remove(over.map(({ key }) => key));
  }

  #rememberResult({ result }: HeldResult): string {
    const payload = formatResult(result);
    if (partOf(result).session !== null) this.#remember(keyOf(result), payload);
    return payload;
  }

  #remember(key: string, payload: string): void {
    this.#answers.set(key, payload);
    const oldest = this.#answers.keys().next().value;
    if (this.#answers.size > REMEMBERED_RESULTS && oldest !== undefined) this.#answers.delete(oldest);
  }
}

function keyOf({ session, seq }: { readonly session: string; readonly seq: number }): string {
  return `${session};${seq}`;
}

/** Where the station counts by itself, a result's session is its boot. */
function partOf({ boot, session, seq }: PlcResult): JournalPart {
  return { session: session === boot ? null : session, seq };
}
