import type { Challenge } from "./challenge.ts";
import type { Effect, Recovered, TriggerFields } from "./events.ts";
import { repeatOf, type FrameEvent, type Intake } from "./intake.ts";
import type { Instant } from "./instant.ts";
import type { Entry, Ledger } from "./ledger.ts";
import type { Readiness } from "./readiness.ts";
import type { ReasonName } from "./reasons.ts";
import type { Scoring } from "./scoring.ts";
import { SeenTriggers } from "./seen-triggers.ts";

/** Parts whose frames may still come; more are as many as a station decides in many deadlines. */
const LARGEST_ANNOUNCED = 1_000;

/** What the intake is made of. */
export interface TriggerIntakeParts {
  readonly readiness: Readiness;
  readonly ledger: Ledger;
  readonly scoring: Scoring;
  readonly challenge: Challenge;
  /** Why no part is inspected now, whatever the inference process could do. */
  readonly obstacle: () => ReasonName | null;
  readonly emit: (effect: Effect) => void;
}

/**
 * Mode `triggered`: the PLC announces a part, and the first frame that was captured after the trigger shows it. A part
 * is in view until the next one is announced: a trigger whose frame has not come by then has missed it, and a frame
 * never counts for two parts.
 */
export class TriggerIntake implements Intake {
  readonly #parts: TriggerIntakeParts;
  readonly #seen = new SeenTriggers();
  /**
   * The parts that a frame may still show, oldest first. Decided ones too: a frame of a part that was too much for the
   * station is no frame of the part before it.
   */
  readonly #announced: Entry[] = [];
  /** Parts of which a frame came and found no room: the camera is not to blame when they miss theirs. */
  readonly #starved = new WeakSet<Entry>();
  readonly #refused: Partial<Record<ReasonName, number>> = {};
  #skipped = 0;
  #repeated = 0;

  constructor(parts: TriggerIntakeParts) {
    this.#parts = parts;
  }

  get skipped(): number {
    return this.#skipped;
  }

  get repeated(): number {
    return this.#repeated;
  }

  get refused(): Readonly<Partial<Record<ReasonName, number>>> {
    return { ...this.#refused };
  }

  trigger(trigger: TriggerFields, now: Instant): void {
    const { session, seq } = trigger;
    const known = this.#seen.look(session, seq);
    if (typeof known === "object" && "refusal" in known) {
      this.#refused[known.refusal] = (this.#refused[known.refusal] ?? 0) + 1;
      this.#answer(trigger, known.refusal, false);
    } else if (typeof known === "object") {
      if (known.newSession) this.#endSession(now);
      this.#accept(trigger, now);
    } else {
      this.#repeated++;
      this.#answer(trigger, null, false);
      if (known === "answered") this.#parts.emit({ type: "outcome-again", session, seq });
    }
  }

  /** What a former run accepted is known, so that it gets no second outcome. Oldest first. */
  recover(answered: Recovered["answered"], open: Recovered["open"]): void {
    for (const { session, seq } of answered) {
      this.#seen.accepted(session, seq);
      this.#seen.answered(session, seq);
    }
    for (const { session, seq } of open) this.#seen.accepted(session, seq);
  }

  /** The outcome of a trigger leaves. */
  published(session: string, seq: number): void {
    this.#seen.answered(session, seq);
  }

  nextDeadlineMs(): number | null {
    return null;
  }

  frame(frame: FrameEvent, now: Instant): void {
    const capturedAtMs = Math.min(frame.capturedAtMs, now.monotonicMs);
    const shown = this.#announced.findLastIndex((entry) => isAfter(capturedAtMs, entry));
    const passed = this.#announced.splice(0, Math.max(0, shown));
    for (const missed of passed.filter(awaitsFrame))
      this.#parts.scoring.giveUp(missed, this.#reasonOfMiss(missed), now);
    const entry = shown < 0 ? undefined : this.#announced[0];
    if (entry === undefined || !awaitsFrame(entry)) {
      this.#parts.scoring.release(frame.frameId);
      this.#skipped++;
      return;
    }
    entry.frame = { frameId: frame.frameId, captureSeq: frame.captureSeq, capturedAtMs };
    const repeat = repeatOf(frame);
    if (repeat === null) this.#parts.scoring.enqueue(entry);
    else this.#parts.scoring.giveUp(entry, repeat, now);
  }

  /** The next frame may still show the part, when there is room for that one. */
  frameDropped(): void {
    this.#skipped++;
    for (const entry of this.#announced.filter(awaitsFrame)) this.#starved.add(entry);
  }

  cameraReplaced(): void {
    // Frames are not counted.
  }

  expire(): void {
    // Every part was accepted when it was announced.
  }

  requestScores(): void {
    this.#parts.scoring.requestWaiting();
  }

  abandon(): void {
    // Every part was accepted when it was announced.
  }

  #accept(trigger: TriggerFields, now: Instant): void {
    const { ledger, scoring, challenge, readiness, obstacle } = this.#parts;
    this.#seen.accepted(trigger.session, trigger.seq);
    this.#answer(trigger, null, true);
    scoring.makeRoom(now);
    const stopped = obstacle();
    const announced = ledger.awaitingFrame().length;
    const entry = ledger.acceptTrigger(trigger, now, stopped === null && challenge.claims(trigger.part));
    this.#announced.push(entry);
    if (this.#announced.length > LARGEST_ANNOUNCED) this.#announced.shift();
    const reason = stopped ?? readiness.cameraMissing ?? scoring.obstacle(announced);
    if (reason !== null) scoring.giveUp(entry, reason, now);
  }

  #reasonOfMiss(missed: Entry): ReasonName {
    if (!this.#starved.has(missed)) return "missed-acquisition";
    return this.#parts.readiness.inferenceMissing ?? "overrun";
  }

  /** A PLC that begins anew waits for nothing of its former life: what is open is decided, under its own session. */
  #endSession(now: Instant): void {
    this.#parts.scoring.endAll("session-ended", now);
  }

  #answer(trigger: TriggerFields, refusal: ReasonName | null, isNew: boolean): void {
    const { session, seq, part, recipe } = trigger;
    this.#parts.emit({ type: "trigger-answer", trigger: { session, seq, part, recipe }, refusal, isNew });
  }
}

function awaitsFrame({ decision, frame }: Entry): boolean {
  return decision === null && frame === null;
}

function isAfter(capturedAtMs: number, { trigger }: Entry): boolean {
  return trigger !== null && trigger.at !== null && capturedAtMs > trigger.at.monotonicMs;
}
