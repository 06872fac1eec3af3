import { CameraIntake } from "./camera-intake.ts";
import { ContinuousIntake } from "./continuous-intake.ts";
import { Display } from "./display.ts";
import type {
  Effect,
  Fault,
  Recovered,
  StationCounters,
  StationEvent,
  StationSettings,
  TriggerFields,
} from "./events.ts";
import type { Intake } from "./intake.ts";
import type { Instant } from "./instant.ts";
import { noVerdict } from "./judge.ts";
import { Ledger } from "./ledger.ts";
import { FLAG } from "./outcome.ts";
import { Oversight } from "./oversight.ts";
import type { PlcState } from "./plc-state.ts";
import { Readiness } from "./readiness.ts";
import type { ReasonName } from "./reasons.ts";
import { Scoring } from "./scoring.ts";
import { TriggerIntake } from "./trigger-intake.ts";

/**
 * Joins triggers, frames and scores of one station into exactly one outcome per part, in order, under a deadline. Pure:
 * events and the time come in, effects go out, nothing is awaited. How parts come into being is the intake's affair,
 * their way to a score the scoring's; here is what holds for all modes.
 */
export class StationMachine {
  /** Changed in place by `configure`: the parts of the machine hold it and read it at each use. */
  readonly #settings: { -readonly [Name in keyof StationSettings]: StationSettings[Name] };
  readonly #readiness: Readiness;
  readonly #ledger: Ledger;
  readonly #scoring: Scoring;
  readonly #intake: Intake;
  /** Mode `triggered`: the intake. */
  readonly #triggers: TriggerIntake | null;
  readonly #oversight: Oversight;
  readonly #display = new Display();
  #paused = false;
  #stopped = false;
  #unwanted = 0;
  #effects: Effect[] = [];

  constructor(settings: StationSettings, now: Instant) {
    this.#settings = { ...settings };
    this.#readiness = new Readiness(now);
    this.#ledger = new Ledger(this.#settings);
    const emit = (effect: Effect): void => void this.#effects.push(effect);
    this.#oversight = new Oversight(this.#settings, this.#readiness, now, emit);
    this.#scoring = new Scoring(this.#settings, this.#readiness, this.#ledger, emit);
    this.#intake = this.#makeIntake(emit);
    this.#triggers = this.#intake instanceof TriggerIntake ? this.#intake : null;
  }

  get plcState(): PlcState {
    return this.#display.plcState;
  }

  /** Accepted parts without a published outcome. */
  get openParts(): number {
    return this.#ledger.size;
  }

  get paused(): boolean {
    return this.#paused;
  }

  faults(): readonly Fault[] {
    return [...this.#readiness.faults(), ...this.#oversight.faults()];
  }

  counters(): StationCounters {
    return {
      ...this.#ledger.counters(),
      skipped: this.#intake.skipped,
      refused: this.#triggers?.refused ?? (this.#unwanted > 0 ? { "trigger-unwanted": this.#unwanted } : {}),
      repeated: this.#triggers?.repeated ?? 0,
      deadlineMisses: this.#scoring.deadlineMisses,
      lateScores: this.#scoring.lateScores,
      ignoredAnswers: this.#scoring.ignoredAnswers,
    };
  }

  /** Monotonic ms at which a `tick` is due; null when time changes nothing. Ask again after each event. */
  nextDeadlineMs(): number | null {
    const challengeMs = this.#oversight.challenge.nextDeadlineMs();
    const deadlines = [this.#ledger.nextDeadlineMs(), this.#intake.nextDeadlineMs(), challengeMs];
    const next = Math.min(...deadlines.map((deadline) => deadline ?? Infinity));
    return this.#stopped || next === Infinity ? null : next;
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
      this.#oversight.challenge.advance(now);
      this.#apply(event, now);
      this.#scoring.expire(now);
      this.#intake.expire(now);
      this.#intake.requestScores(now);
      this.#publish(now);
    }
    return this.#effects;
  }

  #makeIntake(emit: (effect: Effect) => void): Intake {
    const settings = this.#settings;
    const readiness = this.#readiness;
    const ledger = this.#ledger;
    const scoring = this.#scoring;
    const { challenge } = this.#oversight;
    const obstacle = (): ReasonName | null => (this.#paused ? "paused" : null);
    switch (settings.mode) {
      case "triggered":
        return new TriggerIntake({ readiness, ledger, scoring, challenge, obstacle, emit });
      case "camera":
        return new CameraIntake(readiness, scoring, challenge, obstacle);
      case "continuous":
        return new ContinuousIntake(settings, scoring, challenge, obstacle);
      default:
        return settings.mode satisfies never;
    }
  }

  #apply(event: StationEvent, now: Instant): void {
    this.#readiness.apply(event, now);
    switch (event.type) {
      case "trigger":
        if (this.#triggers === null) this.#refuseTrigger(event);
        else this.#triggers.trigger(event, now);
        return;
      case "frame":
        this.#intake.frame(event, now);
        return;
      case "frame-dropped":
        this.#intake.frameDropped(event.captureSeq, now);
        return;
      case "scored":
        this.#scoring.takeScore(event, now);
        return;
      case "score-failed":
        this.#scoring.takeAnswer(event.frameId, noVerdict(event.reason), now);
        return;
      case "inference-lost":
        this.#scoring.loseInference(now);
        return;
      case "bank-unready":
        this.#giveUpAll(event.reason, now);
        return;
      case "camera-lost":
        // The slots of a dead capture process are written again by the next one: what lies in them now may be
        // another part by the time it is read. So not even a frame that is being scored keeps its verdict.
        this.#intake.cameraReplaced();
        this.#giveUpAll("camera-lost", now);
        return;
      case "camera-ended":
        this.#intake.cameraReplaced();
        return;
      case "configure":
        Object.assign(this.#settings, event.settings);
        this.#oversight.configure(event.settings, now);
        return;
      case "start":
      case "pause":
      case "resume":
      case "challenge":
      case "stop":
        this.#operate(event, now);
        return;
      case "bank-ready":
      case "booked":
      case "provider":
      case "inference-ready":
      case "camera-playing":
      case "storage-lost":
      case "storage-ready":
      case "tick":
        return;
      default:
        event satisfies never;
    }
  }

  #operate(
    event: Extract<StationEvent, { type: "start" | "pause" | "resume" | "challenge" | "stop" }>,
    now: Instant,
  ): void {
    switch (event.type) {
      case "start":
        if (event.recovered !== undefined) this.#recover(event.recovered, now);
        return;
      case "pause":
        this.#paused = true;
        return;
      case "resume":
        this.#paused = false;
        this.#oversight.resume();
        return;
      case "challenge":
        this.#oversight.challenge.arm();
        return;
      case "stop":
        this.#giveUpAll("restart", now, FLAG.DECIDED_BY_RESTART);
        this.#scoring.stop();
        this.#stopped = true;
        return;
      default:
        event satisfies never;
    }
  }

  /** Gives what a former run left open its outcome; nobody knows any more which frame it would have had. */
  #recover({ open, answered, challengedAtWallMs, challengePassed }: Recovered, now: Instant): void {
    this.#oversight.challenge.recover(challengedAtWallMs, challengePassed, now);
    this.#triggers?.recover(answered, open);
    for (const trigger of open) {
      const entry = this.#ledger.acceptRecovered(trigger, now);
      this.#scoring.giveUp(entry, "restart", now, FLAG.DECIDED_BY_RESTART);
    }
  }

  #refuseTrigger({ session, seq, part, recipe }: TriggerFields): void {
    this.#unwanted++;
    const trigger = { session, seq, part, recipe };
    this.#effects.push({ type: "trigger-answer", trigger, refusal: "trigger-unwanted", isNew: false });
  }

  #giveUpAll(reason: ReasonName, now: Instant, flags = 0): void {
    this.#scoring.giveUpAll(reason, now, flags);
    this.#intake.abandon();
  }

  /** Once stopped, a trigger stays unanswered: the PLC sends it again, to the next run. */
  #afterStop(event: StationEvent): void {
    if (event.type === "frame") this.#scoring.release(event.frameId);
    else if (event.type === "scored" || event.type === "score-failed") this.#scoring.ignore();
  }

  #publish(now: Instant): void {
    for (const outcome of this.#ledger.takeDecided((entry, judgement) =>
      this.#oversight.finish(entry, judgement, now),
    )) {
      if (outcome.session !== null) this.#triggers?.published(outcome.session, outcome.seq);
      this.#effects.push({ type: "outcome", outcome });
    }
    const conditions = {
      mode: this.#settings.mode,
      started: this.#readiness.started,
      stopped: this.#stopped,
      starting: this.#readiness.starting,
      paused: this.#paused,
      ended: this.#readiness.cameraEnded,
      busy: this.#ledger.size > 0,
    };
    this.#effects.push(...this.#display.show(conditions, this.faults()));
  }
}
