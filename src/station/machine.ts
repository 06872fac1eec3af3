import { CaptureCount } from "./capture-count.ts";
import { Display } from "./display.ts";
import type { Effect, Fault, Instant, StationCounters, StationEvent, StationSettings } from "./events.ts";
import type { Judgement } from "./judge.ts";
import { judge, noVerdict } from "./judge.ts";
import type { Entry } from "./ledger.ts";
import { Ledger } from "./ledger.ts";
import { FLAG } from "./outcome.ts";
import type { PlcState } from "./plc-state.ts";
import { Readiness } from "./readiness.ts";
import type { ReasonName } from "./reasons.ts";

type FrameEvent = Extract<StationEvent, { type: "frame" }>;
type ScoredEvent = Extract<StationEvent, { type: "scored" }>;

/** A frame that is with the inference process. `bankId` is the bank that was active when it was handed over. */
interface InFlight {
  readonly entry: Entry;
  readonly bankId: string | null;
}

/** Parts that wait for their turn at most; beyond it the oldest is given up. */
const LARGEST_LEDGER = 1_000;

/**
 * Joins frames and scores of one station into exactly one outcome per part, in order, under a deadline. Pure:
 * events and the time come in, effects go out, nothing is awaited.
 *
 * Mode `camera`: every frame is a part from the moment it arrives, and so is every frame that the capture process
 * dropped or never delivered (a hole in its numbers). Mode `continuous`: a frame becomes a part when it is handed
 * to the inference process; until then a newer frame takes its place and it counts as skipped.
 */
export class StationMachine {
  readonly #settings: StationSettings;
  readonly #readiness: Readiness;
  readonly #ledger: Ledger;
  readonly #inFlight = new Map<number, InFlight>();
  /** Mode `camera`: accepted parts that wait for the inference process, oldest first. */
  #waiting: Entry[] = [];
  /** Mode `continuous`: the freshest frame, not yet accepted. */
  #fresh: FrameEvent | null = null;
  readonly #captureCount = new CaptureCount();
  readonly #display = new Display();
  #stopped = false;
  #skipped = 0;
  #lateScores = 0;
  #ignoredAnswers = 0;
  #effects: Effect[] = [];

  constructor(settings: StationSettings, now: Instant) {
    this.#settings = settings;
    this.#readiness = new Readiness(now);
    this.#ledger = new Ledger(settings.deadlineMs);
  }

  get plcState(): PlcState {
    return this.#display.plcState;
  }

  faults(): readonly Fault[] {
    return this.#readiness.faults();
  }

  counters(): StationCounters {
    return {
      ...this.#ledger.counters(),
      skipped: this.#skipped,
      lateScores: this.#lateScores,
      ignoredAnswers: this.#ignoredAnswers,
    };
  }

  /** Monotonic ms at which a `tick` is due; null when time changes nothing. Ask again after each event. */
  nextDeadlineMs(): number | null {
    const accepted = this.#ledger.nextDeadlineMs();
    if (this.#fresh === null) return accepted;
    return Math.min(accepted ?? Infinity, this.#freshDeadlineMs(this.#fresh));
  }

  /**
   * Deadlines come after the event and before anything is published: a score that arrives after its deadline is
   * late even when no tick came in between.
   *
   * @param now never earlier than at the call before
   * @returns what is to be done, in this order
   */
  handle(event: StationEvent, now: Instant): readonly Effect[] {
    this.#effects = [];
    if (this.#stopped) this.#afterStop(event);
    else {
      this.#apply(event, now);
      this.#expire(now);
      this.#requestScores(now);
      this.#publish();
    }
    return this.#effects;
  }

  #apply(event: StationEvent, now: Instant): void {
    this.#readiness.apply(event, now);
    switch (event.type) {
      case "frame":
        if (this.#settings.mode === "camera") this.#acceptPart(event, now);
        else this.#keepFreshest(event, now);
        return;
      case "frame-dropped":
        if (this.#settings.mode === "camera") this.#acceptDropped(event.captureSeq, now);
        else this.#skipped++;
        return;
      case "scored":
        this.#takeScore(event, now);
        return;
      case "score-failed":
        this.#takeAnswer(event.frameId, noVerdict(event.reason), now);
        return;
      case "inference-lost":
        this.#loseInference(now);
        return;
      case "bank-unready":
        this.#giveUpAll(event.reason, now);
        return;
      case "camera-lost":
        // The slots of a dead capture process are written again by the next one: what lies in them now may be
        // another part by the time it is read. So not even a frame that is being scored keeps its verdict.
        this.#captureCount.reset();
        this.#giveUpAll("camera-lost", now);
        return;
      case "camera-ended":
        this.#captureCount.reset();
        return;
      case "stop":
        this.#stop(now);
        return;
      case "start":
      case "bank-ready":
      case "inference-ready":
      case "camera-playing":
      case "tick":
        return;
      default:
        event satisfies never;
    }
  }

  #acceptPart(frame: FrameEvent, now: Instant): void {
    if (!this.#acceptMissing(frame.captureSeq, now)) {
      // Its number was already decided as missing: one part, one outcome.
      this.#release(frame.frameId);
      this.#ignoredAnswers++;
      return;
    }
    const entry = this.#accept(frame, now);
    const obstacle = this.#obstacle();
    if (obstacle === null) this.#waiting.push(entry);
    else this.#giveUp(entry, obstacle, now);
  }

  /** Why a part that has just arrived cannot even wait. A lost inference process may be back before the deadline. */
  #obstacle(): ReasonName | null {
    if (this.#readiness.cameraLost) return "camera-lost";
    if (this.#readiness.bankMissing !== null) return this.#readiness.bankMissing;
    const room = this.#settings.maxPending + (this.#canRequest() ? this.#freePlaces() : 0);
    if (this.#waiting.length < room) return null;
    return this.#readiness.inferenceMissing ?? "overrun";
  }

  #acceptDropped(captureSeq: number, now: Instant): void {
    if (this.#acceptMissing(captureSeq, now)) this.#acceptLost(captureSeq, "overrun", now);
    else this.#ignoredAnswers++;
  }

  /**
   * Gives every number that the capture process passed over an outcome of its own.
   *
   * @returns false when the number itself was already passed over
   */
  #acceptMissing(captureSeq: number, now: Instant): boolean {
    // A last word of a capture process that is already given up says nothing about the next one's numbers.
    if (this.#readiness.cameraLost) return true;
    const missing = this.#captureCount.advance(captureSeq);
    for (const seq of missing ?? []) this.#acceptLost(seq, "missed-acquisition", now);
    return missing !== null;
  }

  #acceptLost(captureSeq: number, reason: ReasonName, now: Instant): void {
    const entry = this.#accept({ frameId: null, captureSeq, capturedAtMs: now.monotonicMs }, now);
    this.#decide(entry, noVerdict(reason), now);
  }

  #accept(frame: { frameId: number | null; captureSeq: number; capturedAtMs: number }, now: Instant): Entry {
    if (this.#ledger.size >= LARGEST_LEDGER) {
      const oldest = this.#ledger.undecided()[0];
      if (oldest !== undefined) this.#giveUp(oldest, "overrun", now);
    }
    return this.#ledger.accept(frame, now);
  }

  /** The capture time is bounded here and not only when the frame becomes a part: see Ledger.accept. */
  #keepFreshest(frame: FrameEvent, now: Instant): void {
    this.#skipFresh();
    this.#fresh = { ...frame, capturedAtMs: Math.min(frame.capturedAtMs, now.monotonicMs) };
  }

  #skipFresh(): void {
    if (this.#fresh === null) return;
    this.#release(this.#fresh.frameId);
    this.#skipped++;
    this.#fresh = null;
  }

  #freshDeadlineMs(frame: FrameEvent): number {
    return frame.capturedAtMs + this.#settings.deadlineMs;
  }

  #takeScore(event: ScoredEvent, now: Instant): void {
    const inFlight = this.#inFlight.get(event.frameId);
    const activated = event.bankId === inFlight?.bankId || event.bankId === this.#readiness.bankId;
    const judgement = activated ? judge(event.score, event.threshold) : noVerdict("bank-mismatch");
    const decided = inFlight !== undefined && inFlight.entry.decision !== null;
    this.#takeAnswer(event.frameId, judgement, now, event.bankId);
    if (decided) this.#reportLateScore(inFlight.entry, event.score, event.threshold);
  }

  /** The inference process has done with the frame, whatever came of it. */
  #takeAnswer(frameId: number, judgement: Judgement, now: Instant, bankId = this.#readiness.bankId): void {
    const inFlight = this.#inFlight.get(frameId);
    if (inFlight === undefined) {
      this.#ignoredAnswers++;
      return;
    }
    this.#inFlight.delete(frameId);
    this.#release(frameId);
    this.#ledger.decide(inFlight.entry, judgement, bankId, now);
  }

  #loseInference(now: Instant): void {
    for (const [frameId, { entry }] of this.#inFlight) {
      this.#decide(entry, noVerdict("inference-lost"), now);
      this.#release(frameId);
    }
    this.#inFlight.clear();
  }

  #expire(now: Instant): void {
    for (const entry of this.#ledger.overdue(now.monotonicMs)) {
      const waited = this.#waiting.includes(entry);
      this.#giveUp(entry, (waited ? this.#readiness.inferenceMissing : null) ?? "late", now);
    }
    for (const { entry, judgement } of this.#ledger.withdrawOverdue(now)) {
      if (judgement.score !== null && judgement.threshold !== null) {
        this.#reportLateScore(entry, judgement.score, judgement.threshold);
      }
    }
    if (this.#fresh !== null && now.monotonicMs >= this.#freshDeadlineMs(this.#fresh)) this.#skipFresh();
  }

  #reportLateScore(entry: Entry, score: number, threshold: number): void {
    if (entry.frameId === null) return;
    this.#lateScores++;
    this.#effects.push({ type: "late-score", seq: entry.seq, frameId: entry.frameId, score, threshold });
  }

  #freePlaces(): number {
    return Math.max(0, (this.#settings.maxInFlight ?? 1) - this.#inFlight.size);
  }

  #canRequest(): boolean {
    const { bankMissing, inferenceMissing, cameraLost } = this.#readiness;
    return bankMissing === null && inferenceMissing === null && !cameraLost;
  }

  #requestScores(now: Instant): void {
    const free = this.#canRequest() ? this.#freePlaces() : 0;
    for (const entry of this.#waiting.splice(0, free)) this.#request(entry);
    const fresh = this.#fresh;
    if (fresh === null) return;
    if (free > 0) {
      this.#fresh = null;
      this.#request(this.#accept(fresh, now));
    } else if (!this.#canRequest() || this.#settings.maxPending === 0) {
      this.#skipFresh();
    }
  }

  #request(entry: Entry): void {
    if (entry.frameId === null) return;
    this.#inFlight.set(entry.frameId, { entry, bankId: this.#readiness.bankId });
    this.#effects.push({ type: "request-score", frameId: entry.frameId });
  }

  #giveUpAll(reason: ReasonName, now: Instant, flags = 0): void {
    for (const entry of this.#ledger.undecided()) this.#giveUp(entry, reason, now, flags);
    this.#skipFresh();
  }

  /** Decides without a score. A frame in flight keeps its slot until it is answered: it may be being read. */
  #giveUp(entry: Entry, reason: ReasonName, now: Instant, flags = 0): void {
    this.#decide(entry, noVerdict(reason), now, flags);
    this.#waiting = this.#waiting.filter((waiting) => waiting !== entry);
    if (entry.frameId !== null && !this.#inFlight.has(entry.frameId)) this.#release(entry.frameId);
  }

  #decide(entry: Entry, judgement: Judgement, now: Instant, flags = 0): void {
    this.#ledger.decide(entry, judgement, this.#readiness.bankId, now, flags);
  }

  #release(frameId: number): void {
    this.#effects.push({ type: "release", frameId });
  }

  #stop(now: Instant): void {
    this.#giveUpAll("restart", now, FLAG.DECIDED_BY_RESTART);
    for (const frameId of this.#inFlight.keys()) this.#release(frameId);
    this.#inFlight.clear();
    this.#stopped = true;
  }

  #afterStop(event: StationEvent): void {
    if (event.type === "frame") this.#release(event.frameId);
    else if (event.type === "scored" || event.type === "score-failed") this.#ignoredAnswers++;
  }

  #publish(): void {
    const baseFlags = this.#settings.commissioning ? FLAG.NOT_FOR_CONTROL : 0;
    for (const outcome of this.#ledger.takeDecided(baseFlags)) this.#effects.push({ type: "outcome", outcome });
    const conditions = {
      mode: this.#settings.mode,
      started: this.#readiness.started,
      stopped: this.#stopped,
      starting: this.#readiness.starting,
      ended: this.#readiness.cameraEnded,
      busy: this.#ledger.size > 0,
    };
    this.#effects.push(...this.#display.show(conditions, this.#readiness.faults()));
  }
}
