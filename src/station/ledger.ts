import type { StationCounters, TriggerFields } from "./events.ts";
import type { Instant } from "./instant.ts";
import type { Judgement } from "./judge.ts";
import { noVerdict } from "./judge.ts";
import type { Outcome } from "./outcome.ts";
import type { ReasonName } from "./reasons.ts";

/** A frame as a part takes it; `frameId` is null for one that was lost on its way. */
export interface PartFrame {
  readonly frameId: number | null;
  readonly captureSeq: number;
  readonly capturedAtMs: number;
}

/** A part that was accepted: it owes exactly one outcome. */
export interface Entry {
  readonly ordinal: number;
  /** The PLC's, or the station's own count. */
  readonly seq: number;
  /** null: the frame itself is the part. */
  readonly trigger: (TriggerFields & { readonly at: Instant | null }) | null;
  readonly challenge: boolean;
  /** Monotonic ms; at this moment the part is late. */
  readonly deadlineAtMs: number;
  /** null: a trigger that waits for its frame. */
  frame: PartFrame | null;
  decision: Decision | null;
}

interface Decision {
  readonly judgement: Judgement;
  readonly bankId: string | null;
  readonly at: Instant;
  readonly flags: number;
}

/** A part that lost its score, with it. */
export interface Withdrawn {
  readonly entry: Entry;
  readonly judgement: Judgement;
}

/** The last word on a part, in the order of publishing: what came before it may change what it says. */
export type Finish = (entry: Entry, judgement: Judgement) => { readonly judgement: Judgement; readonly flags: number };

/**
 * The accepted parts whose outcomes are not published, in their order. A decided part is held back until all before it
 * are decided; the deadlines bound the wait.
 */
export class Ledger {
  readonly #settings: { readonly deadlineMs: number };
  readonly #open: Entry[] = [];
  readonly #noVerdict: Partial<Record<ReasonName, number>> = {};
  #nextOrdinal = 1;
  #nextSeq = 1;
  #pass = 0;
  #fail = 0;

  /** @param settings read at each part, so that a change holds from the next one on */
  constructor(settings: { readonly deadlineMs: number }) {
    this.#settings = settings;
  }

  /** Parts without a published outcome. */
  get size(): number {
    return this.#open.length;
  }

  undecided(): readonly Entry[] {
    return this.#open.filter((entry) => entry.decision === null);
  }

  /** Triggers without a frame, oldest first. */
  awaitingFrame(): readonly Entry[] {
    return this.#open.filter((entry) => entry.decision === null && entry.frame === null);
  }

  /**
   * Accepts a frame as a part. A capture time in the future (a wrong latency setting) must not stretch the deadline.
   */
  accept(frame: PartFrame, now: Instant, challenge = false): Entry {
    const capturedAtMs = Math.min(frame.capturedAtMs, now.monotonicMs);
    return this.#add(null, { ...frame, capturedAtMs }, capturedAtMs, challenge);
  }

  /** Accepts a part that the PLC announced; its time runs from now. */
  acceptTrigger(trigger: TriggerFields, now: Instant, challenge: boolean): Entry {
    return this.#add({ ...trigger, at: now }, null, now.monotonicMs, challenge);
  }

  /** Accepts a part of a former run, whose trigger's time nobody knows any more. */
  acceptRecovered(trigger: TriggerFields, now: Instant): Entry {
    return this.#add({ ...trigger, at: null }, null, now.monotonicMs, false);
  }

  /** The first decision stands: a second one for the same part changes nothing. */
  decide(entry: Entry, judgement: Judgement, bankId: string | null, at: Instant, flags = 0): void {
    entry.decision ??= { judgement, bankId, at, flags };
  }

  /** The parts that are past their deadline and not decided. */
  overdue(nowMs: number): readonly Entry[] {
    return this.#open.filter((entry) => entry.decision === null && nowMs >= entry.deadlineAtMs);
  }

  /**
   * Scored in time but still held back behind an earlier part when its own deadline passed: for the PLC that is
   * late, whatever we knew.
   *
   * @returns the parts that lost their score, with it
   */
  withdrawOverdue(now: Instant): readonly Withdrawn[] {
    return this.#withdraw("late", now, (entry) => now.monotonicMs >= entry.deadlineAtMs);
  }

  /** Takes every score back that is still held back behind an earlier part. */
  withdrawAll(reason: ReasonName, now: Instant): readonly Withdrawn[] {
    return this.#withdraw(reason, now, () => true);
  }

  /** The earliest moment at which the passing of time alone changes an outcome; null when there is none. */
  nextDeadlineMs(): number | null {
    let next: number | null = null;
    for (const entry of this.#open) {
      if (entry.decision !== null && entry.decision.judgement.score === null) continue;
      if (next === null || entry.deadlineAtMs < next) next = entry.deadlineAtMs;
    }
    return next;
  }

  /** @returns the outcomes that can be published now, in order */
  takeDecided(finish: Finish): readonly Outcome[] {
    const outcomes: Outcome[] = [];
    for (const head of this.#open) {
      if (head.decision === null) break;
      const { bankId, at, flags } = head.decision;
      const last = finish(head, head.decision.judgement);
      this.#count(last.judgement);
      outcomes.push({
        ordinal: head.ordinal,
        session: head.trigger?.session ?? null,
        seq: head.seq,
        part: head.trigger?.part ?? "",
        recipe: head.trigger?.recipe ?? "",
        ...last.judgement,
        bankId,
        triggeredAt: head.trigger?.at ?? null,
        capturedAtMs: head.frame?.capturedAtMs ?? null,
        decidedAtMs: at.monotonicMs,
        decidedAtWallMs: at.wallMs,
        frameId: head.frame?.frameId ?? null,
        captureSeq: head.frame?.captureSeq ?? null,
        challenge: head.challenge,
        flags: last.flags | flags,
      });
    }
    this.#open.splice(0, outcomes.length);
    return outcomes;
  }

  counters(): Pick<StationCounters, "total" | "pass" | "fail" | "noVerdict"> {
    const noVerdicts = Object.values(this.#noVerdict).reduce((sum, count) => sum + count, 0);
    const total = this.#pass + this.#fail + noVerdicts;
    return { total, pass: this.#pass, fail: this.#fail, noVerdict: { ...this.#noVerdict } };
  }

  #withdraw(reason: ReasonName, now: Instant, applies: (entry: Entry) => boolean): readonly Withdrawn[] {
    const withdrawn: Withdrawn[] = [];
    for (const entry of this.#open) {
      const decision = entry.decision;
      if (decision === null || decision.judgement.score === null || !applies(entry)) continue;
      withdrawn.push({ entry, judgement: decision.judgement });
      entry.decision = { ...decision, judgement: noVerdict(reason), at: now };
    }
    return withdrawn;
  }

  #add(trigger: Entry["trigger"], frame: PartFrame | null, sinceMs: number, challenge: boolean): Entry {
    const deadlineAtMs = sinceMs + this.#settings.deadlineMs;
    const seq = trigger === null ? this.#nextSeq++ : trigger.seq;
    const entry = { ordinal: this.#nextOrdinal++, seq, trigger, frame, deadlineAtMs, challenge, decision: null };
    this.#open.push(entry);
    return entry;
  }

  #count({ verdict, reason }: Judgement): void {
    if (verdict === "PASS") this.#pass++;
    else if (verdict === "FAIL") this.#fail++;
    else if (reason !== null) this.#noVerdict[reason] = (this.#noVerdict[reason] ?? 0) + 1;
  }
}
