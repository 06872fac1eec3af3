import type { Instant, StationCounters } from "./events.ts";
import type { Judgement } from "./judge.ts";
import { noVerdict } from "./judge.ts";
import type { Outcome } from "./outcome.ts";
import type { ReasonName } from "./reasons.ts";

/** A part that was accepted: it owes exactly one outcome. */
export interface Entry {
  readonly seq: number;
  readonly frameId: number | null;
  readonly captureSeq: number;
  readonly capturedAtMs: number;
  /** Monotonic ms; at this moment the part is late. */
  readonly deadlineAtMs: number;
  decision: Decision | null;
}

interface Decision {
  readonly judgement: Judgement;
  readonly bankId: string | null;
  readonly at: Instant;
  readonly flags: number;
}

/**
 * The accepted parts whose outcomes are not published, in order of seq. A decided part is held back until all
 * before it are decided; the deadlines bound the wait.
 */
export class Ledger {
  readonly #deadlineMs: number;
  readonly #open: Entry[] = [];
  readonly #noVerdict: Partial<Record<ReasonName, number>> = {};
  #nextSeq = 1;
  #pass = 0;
  #fail = 0;

  constructor(deadlineMs: number) {
    this.#deadlineMs = deadlineMs;
  }

  /** Parts without a published outcome. */
  get size(): number {
    return this.#open.length;
  }

  undecided(): readonly Entry[] {
    return this.#open.filter((entry) => entry.decision === null);
  }

  /** Accepts a part. A capture time in the future (a wrong latency setting) must not stretch the deadline. */
  accept(
    frame: { readonly frameId: number | null; readonly captureSeq: number; readonly capturedAtMs: number },
    now: Instant,
  ): Entry {
    const capturedAtMs = Math.min(frame.capturedAtMs, now.monotonicMs);
    const entry: Entry = {
      seq: this.#nextSeq++,
      frameId: frame.frameId,
      captureSeq: frame.captureSeq,
      capturedAtMs,
      deadlineAtMs: capturedAtMs + this.#deadlineMs,
      decision: null,
    };
    this.#open.push(entry);
    return entry;
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
  withdrawOverdue(now: Instant): readonly { readonly entry: Entry; readonly judgement: Judgement }[] {
    const withdrawn: { entry: Entry; judgement: Judgement }[] = [];
    for (const entry of this.#open) {
      const decision = entry.decision;
      if (decision === null || decision.judgement.score === null || now.monotonicMs < entry.deadlineAtMs) continue;
      withdrawn.push({ entry, judgement: decision.judgement });
      entry.decision = { ...decision, judgement: noVerdict("late"), at: now };
    }
    return withdrawn;
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

  /** @returns the outcomes that can be published now, in order of seq */
  takeDecided(baseFlags: number): readonly Outcome[] {
    const outcomes: Outcome[] = [];
    for (const head of this.#open) {
      if (head.decision === null) break;
      const { judgement, bankId, at, flags } = head.decision;
      this.#count(judgement);
      outcomes.push({
        seq: head.seq,
        part: "",
        ...judgement,
        bankId,
        capturedAtMs: head.capturedAtMs,
        decidedAtMs: at.monotonicMs,
        decidedAtWallMs: at.wallMs,
        frameId: head.frameId,
        captureSeq: head.captureSeq,
        flags: baseFlags | flags,
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

  #count({ verdict, reason }: Judgement): void {
    if (verdict === "PASS") this.#pass++;
    else if (verdict === "FAIL") this.#fail++;
    else if (reason !== null) this.#noVerdict[reason] = (this.#noVerdict[reason] ?? 0) + 1;
  }
}
