import type { Effect, StationEvent, StationSettings } from "./events.ts";
import type { Instant } from "./instant.ts";
import type { Judgement } from "./judge.ts";
import { judge, noVerdict } from "./judge.ts";
import type { Entry, Ledger, PartFrame, Withdrawn } from "./ledger.ts";
import type { Readiness } from "./readiness.ts";
import type { ReasonName } from "./reasons.ts";

type ScoredEvent = Extract<StationEvent, { type: "scored" }>;

/** A frame that is with the inference process. `bankId` is the bank that was active when it was handed over. */
interface InFlight {
  readonly entry: Entry;
  readonly bankId: string | null;
}

/** Parts without an outcome at most; beyond it the oldest is given up. */
const LARGEST_LEDGER = 1_000;

/** The way of accepted parts through the inference process, and out of it without a score. */
export class Scoring {
  readonly #settings: StationSettings;
  readonly #readiness: Readiness;
  readonly #ledger: Ledger;
  readonly #emit: (effect: Effect) => void;
  readonly #inFlight = new Map<number, InFlight>();
  /** Parts with a frame that wait for the inference process, oldest first. */
  #waiting: Entry[] = [];
  #deadlineMisses = 0;
  #lateScores = 0;
  #ignoredAnswers = 0;

  constructor(settings: StationSettings, readiness: Readiness, ledger: Ledger, emit: (effect: Effect) => void) {
    this.#settings = settings;
    this.#readiness = readiness;
    this.#ledger = ledger;
    this.#emit = emit;
  }

  get deadlineMisses(): number {
    return this.#deadlineMisses;
  }

  get lateScores(): number {
    return this.#lateScores;
  }

  get ignoredAnswers(): number {
    return this.#ignoredAnswers;
  }

  /** Places with the inference process that a part could have now. */
  get freePlaces(): number {
    if (!this.canRequest) return 0;
    return Math.max(0, (this.#settings.maxInFlight ?? 1) - this.#inFlight.size);
  }

  get canRequest(): boolean {
    const { bankMissing, inferenceMissing, cameraLost } = this.#readiness;
    return bankMissing === null && inferenceMissing === null && !cameraLost;
  }

  /**
   * Why a part that has just arrived cannot even wait. A lost inference process may be back before the deadline.
   *
   * @param announced parts that wait for their frame and will want a place, too
   */
  obstacle(announced = 0): ReasonName | null {
    if (this.#readiness.cameraLost) return "camera-lost";
    if (this.#readiness.bankMissing !== null) return this.#readiness.bankMissing;
    if (this.#waiting.length + announced < this.#settings.maxPending + this.freePlaces) return null;
    return this.#readiness.inferenceMissing ?? "overrun";
  }

  /** Makes room for one more part in the ledger. */
  makeRoom(now: Instant): void {
    if (this.#ledger.size < LARGEST_LEDGER) return;
    const oldest = this.#ledger.undecided()[0];
    if (oldest !== undefined) this.giveUp(oldest, "overrun", now);
  }

  /** Accepts a frame as a part. */
  accept(frame: PartFrame, now: Instant, challenge = false): Entry {
    this.makeRoom(now);
    return this.#ledger.accept(frame, now, challenge);
  }

  enqueue(entry: Entry): void {
    this.#waiting.push(entry);
  }

  requestWaiting(): void {
    for (const entry of this.#waiting.splice(0, this.freePlaces)) this.request(entry);
  }

  request(entry: Entry): void {
    const frameId = entry.frame?.frameId ?? null;
    if (frameId === null) return;
    this.#inFlight.set(frameId, { entry, bankId: this.#readiness.bankId });
    this.#emit({ type: "request-score", frameId, deadlineAtMs: entry.deadlineAtMs });
  }

  takeScore(event: ScoredEvent, now: Instant): void {
    const inFlight = this.#inFlight.get(event.frameId);
    const activated = event.bankId === inFlight?.bankId || event.bankId === this.#readiness.bankId;
    const judgement = activated ? judge(event.score, event.threshold) : noVerdict("bank-mismatch");
    const decided = inFlight !== undefined && inFlight.entry.decision !== null;
    this.takeAnswer(event.frameId, judgement, now, event.bankId);
    if (decided) this.#reportLateScore(inFlight.entry, event.score, event.threshold);
  }

  /** The inference process has done with the frame, whatever came of it. */
  takeAnswer(frameId: number, judgement: Judgement, now: Instant, bankId = this.#readiness.bankId): void {
    const inFlight = this.#inFlight.get(frameId);
    if (inFlight === undefined) {
      this.#ignoredAnswers++;
      return;
    }
    this.#inFlight.delete(frameId);
    this.release(frameId);
    this.#ledger.decide(inFlight.entry, judgement, bankId, now);
  }

  /** An answer, or a frame, that nobody asks for any more. */
  ignore(): void {
    this.#ignoredAnswers++;
  }

  loseInference(now: Instant): void {
    for (const [frameId, { entry }] of this.#inFlight) {
      this.decide(entry, noVerdict("inference-lost"), now);
      this.release(frameId);
    }
    this.#inFlight.clear();
  }

  expire(now: Instant): void {
    for (const entry of this.#ledger.overdue(now.monotonicMs)) {
      this.#deadlineMisses++;
      const waited = this.#waiting.includes(entry);
      this.giveUp(entry, (waited ? this.#readiness.inferenceMissing : null) ?? "late", now);
    }
    const withdrawn = this.#ledger.withdrawOverdue(now);
    this.#deadlineMisses += withdrawn.length;
    this.#reportWithdrawn(withdrawn);
  }

  /** As `giveUpAll`, and of what is decided and held back behind another part, too. */
  endAll(reason: ReasonName, now: Instant): void {
    this.giveUpAll(reason, now);
    this.#reportWithdrawn(this.#ledger.withdrawAll(reason, now));
  }

  giveUpAll(reason: ReasonName, now: Instant, flags = 0): void {
    for (const entry of this.#ledger.undecided()) this.giveUp(entry, reason, now, flags);
  }

  /** Decides without a score. A frame in flight keeps its slot until it is answered: it may be being read. */
  giveUp(entry: Entry, reason: ReasonName, now: Instant, flags = 0): void {
    this.decide(entry, noVerdict(reason), now, flags);
    this.#waiting = this.#waiting.filter((waiting) => waiting !== entry);
    const frameId = entry.frame?.frameId ?? null;
    if (frameId !== null && !this.#inFlight.has(frameId)) this.release(frameId);
  }

  decide(entry: Entry, judgement: Judgement, now: Instant, flags = 0): void {
    this.#ledger.decide(entry, judgement, this.#readiness.bankId, now, flags);
  }

  release(frameId: number): void {
    this.#emit({ type: "release", frameId });
  }

  /** Gives back what is still with the inference process, which is asked for nothing any more. */
  stop(): void {
    for (const frameId of this.#inFlight.keys()) this.release(frameId);
    this.#inFlight.clear();
  }

  #reportWithdrawn(withdrawn: readonly Withdrawn[]): void {
    for (const { entry, judgement } of withdrawn) {
      if (judgement.score === null || judgement.threshold === null) continue;
      this.#reportLateScore(entry, judgement.score, judgement.threshold);
    }
  }

  #reportLateScore(entry: Entry, score: number, threshold: number): void {
    const frameId = entry.frame?.frameId ?? null;
    if (frameId === null) return;
    this.#lateScores++;
    this.#emit({ type: "late-score", ordinal: entry.ordinal, frameId, score, threshold });
  }
}
