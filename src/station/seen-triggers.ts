import type { ReasonName } from "./reasons.ts";

/** Triggers that are remembered; an older one that comes again is refused instead of answered. */
export const REMEMBERED_TRIGGERS = 1_000;
/** Sessions that are remembered as over. */
const REMEMBERED_SESSIONS = 64;

/** What is known of a trigger that came. */
export type Known = "open" | "answered" | { readonly refusal: ReasonName } | { readonly newSession: boolean };

/** The PLC's sessions and numbers: which triggers were accepted, and which ones may still be. */
export class SeenTriggers {
  /** Accepted triggers, oldest first → whether their outcome is published. */
  readonly #accepted = new Map<string, boolean>();
  /** Sessions that were accepted, oldest first; the last one is the present one. */
  readonly #sessions = new Set<string>();
  #session: string | null = null;
  #lastSeq = 0;

  /** @returns what is to be done with a trigger; it is not taken as accepted by this */
  look(session: string, seq: number): Known {
    const answered = this.#accepted.get(keyOf(session, seq));
    if (answered !== undefined) return answered ? "answered" : "open";
    if (session === this.#session) return seq > this.#lastSeq ? { newSession: false } : { refusal: "seq-not-above" };
    return this.#sessions.has(session) ? { refusal: "session-over" } : { newSession: true };
  }

  accepted(session: string, seq: number): void {
    this.#accepted.set(keyOf(session, seq), false);
    forgetOldest(this.#accepted, REMEMBERED_TRIGGERS);
    // Put last, since a recovered session may come in several pieces.
    this.#sessions.delete(session);
    this.#sessions.add(session);
    forgetOldest(this.#sessions, REMEMBERED_SESSIONS);
    this.#lastSeq = session === this.#session ? Math.max(seq, this.#lastSeq) : seq;
    this.#session = session;
  }

  answered(session: string, seq: number): void {
    const key = keyOf(session, seq);
    if (this.#accepted.has(key)) this.#accepted.set(key, true);
  }
}

function keyOf(session: string, seq: number): string {
  return `${session};${seq}`;
}

function forgetOldest(list: Map<string, unknown> | Set<string>, largest: number): void {
  for (const key of list.keys()) {
    if (list.size <= largest) return;
    list.delete(key);
  }
}
