import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Effect, StationEvent, StationSettings } from "../../src/station/events.ts";
import type { Instant } from "../../src/station/instant.ts";
import { StationMachine } from "../../src/station/machine.ts";
import type { Outcome } from "../../src/station/outcome.ts";

/*
 * A station under any interleaving of events, watched from outside. Taken out one at a time, each of these guards
 * makes a property below fail (tried):
 * - the #scoring.expire after the event in StationMachine.handle, or Ledger.withdrawOverdue in it: a score that came after
 *   its deadline, or was held back past it behind an earlier part, becomes a PASS;
 * - judge's check for finite numbers: NaN is not above the threshold and becomes a PASS;
 * - the check of the bank in Scoring.takeScore: a bank that is not active gives a PASS;
 * - Ledger.takeDecided's stop at the first undecided part: outcomes leave out of order;
 * - `#inFlight.clear()` in Scoring.loseInference, the check of #inFlight in Scoring.giveUp: frames are released twice;
 * - #giveUpAll at "camera-lost": a frame of the dead camera is published as PASS;
 * - CaptureCount.advance's list of missing numbers: a hole has no outcome;
 * - Ledger.accept's bound of the capture time: a clock that runs ahead stretches the deadline.
 */

/** `repeated`: the camera gave the frame before it again. */
type Arrival = "frame" | "repeated" | "dropped";

type Step =
  | { readonly kind: Arrival; readonly hole: number; readonly ageMs: number }
  | { readonly kind: "answer"; readonly pick: number; readonly score: number; readonly foreignBank: boolean }
  | { readonly kind: "failed"; readonly pick: number }
  | { readonly kind: "plain"; readonly event: StationEvent };

const THRESHOLD = 2;
const BANK = "bank-a";
/** A long run, with other seeds: NOMINALD_PROPERTY_RUNS=100000. */
const RUNS = Number(process.env["NOMINALD_PROPERTY_RUNS"] ?? 3_000);

const plainEvents: readonly StationEvent[] = [
  { type: "tick" },
  { type: "start" },
  { type: "bank-ready", bankId: BANK },
  { type: "bank-unready", reason: "no-bank" },
  { type: "inference-ready" },
  { type: "inference-lost" },
  { type: "camera-playing" },
  { type: "camera-lost" },
  { type: "camera-ended" },
  { type: "configure", settings: { deadlineMs: 100, maxPending: 0, commissioning: false } },
  { type: "configure", settings: { deadlineMs: 100, maxPending: 3, commissioning: true } },
];

/** 2 is the threshold itself, the others lie beside it or are no scores at all. */
const scores = fc.constantFrom(0, 1.999, 2, 2.001, 50, -1, NaN, Infinity, -Infinity);

const arrival = fc.record({
  kind: fc.constantFrom<Arrival>("frame", "frame", "frame", "repeated", "dropped", "dropped"),
  hole: fc.constantFrom(0, 0, 0, 0, 1, 2),
  ageMs: fc.constantFrom(0, 0, 5, 40, 99, 150, -30),
});
const answer = fc.record({
  kind: fc.constant("answer" as const),
  pick: fc.nat(5),
  score: scores,
  foreignBank: fc.constantFrom(false, false, false, true),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: arrival },
  { weight: 5, arbitrary: answer },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("failed" as const), pick: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("plain" as const), event: fc.constantFrom(...plainEvents) }) },
);
const steps = fc.array(fc.tuple(fc.constantFrom(0, 1, 10, 30, 60, 120), step), { maxLength: 60 });

const settings: fc.Arbitrary<StationSettings> = fc.record({
  mode: fc.constantFrom("camera" as const, "continuous" as const),
  deadlineMs: fc.constant(100),
  maxPending: fc.nat(3),
  maxInFlight: fc.constantFrom(1, 1, 2, 3),
  commissioning: fc.boolean(),
});

/** Drives a machine and keeps what anyone outside could have seen. */
class Observer {
  readonly machine: StationMachine;
  settings: StationSettings;
  nowMs = 1_000;
  captureSeq = 0;
  cameraLost = false;
  readonly arrived: number[] = [];
  readonly capturedAt = new Map<number, number>();
  /** Capture numbers that owe an outcome in mode `camera`, in order. */
  readonly owed: number[] = [];
  readonly requested: number[] = [];
  readonly unanswered: number[] = [];
  readonly released: number[] = [];
  readonly outcomes: Outcome[] = [];
  readonly goodAnswers = new Map<number, number>();
  readonly lostBeforeAnswer = new Set<number>();
  largestInFlight = 0;

  readonly repeated = new Set<number>();

  constructor(stationSettings: StationSettings) {
    this.settings = stationSettings;
    this.machine = new StationMachine(stationSettings, this.now());
  }

  now(): Instant {
    return { monotonicMs: this.nowMs, wallMs: 1_700_000_000_000 + this.nowMs };
  }

  run(dtMs: number, action: Step): void {
    this.nowMs += dtMs;
    switch (action.kind) {
      case "frame":
      case "repeated":
      case "dropped":
        this.arrive(action.kind, action.hole, action.ageMs);
        return;
      case "answer": {
        const frameId = this.unanswered[action.pick] ?? -1;
        const bankId = action.foreignBank ? "bank-b" : BANK;
        if (!action.foreignBank && !this.lostBeforeAnswer.has(frameId)) this.goodAnswers.set(frameId, action.score);
        this.forget(frameId);
        this.handle({ type: "scored", frameId, score: action.score, threshold: THRESHOLD, bankId });
        return;
      }
      case "failed": {
        const frameId = this.unanswered[action.pick] ?? -1;
        this.forget(frameId);
        this.handle({ type: "score-failed", frameId, reason: "frame-unreadable" });
        return;
      }
      case "plain":
        this.plain(action.event);
        return;
      default:
        action satisfies never;
    }
  }

  arrive(kind: Arrival, hole: number, ageMs: number): void {
    for (let missed = 0; missed <= hole; missed++) {
      this.captureSeq++;
      // The machine must not guess at holes in the numbers of a camera that is already given up.
      if (missed === hole || !this.cameraLost) this.owed.push(this.captureSeq);
    }
    const captureSeq = this.captureSeq;
    if (kind === "dropped") {
      this.handle({ type: "frame-dropped", captureSeq });
      return;
    }
    const frameId = 100 + this.arrived.length;
    this.arrived.push(frameId);
    this.capturedAt.set(frameId, Math.min(this.nowMs, this.nowMs - ageMs));
    const repeated = kind === "repeated";
    if (repeated) this.repeated.add(frameId);
    this.handle({ type: "frame", frameId, captureSeq, capturedAtMs: this.nowMs - ageMs, repeated });
  }

  plain(event: StationEvent): void {
    if (event.type === "configure") this.settings = { ...this.settings, ...event.settings };
    if (event.type === "inference-lost") this.unanswered.length = 0;
    if (event.type === "camera-lost") {
      this.cameraLost = true;
      for (const frameId of this.unanswered) this.lostBeforeAnswer.add(frameId);
    }
    const back = this.cameraLost && event.type === "camera-playing";
    if (event.type === "camera-playing" || event.type === "camera-ended") this.cameraLost = false;
    // A capture process that replaces another says that it plays, then counts anew.
    if (back || event.type === "camera-lost" || event.type === "camera-ended") this.captureSeq = 0;
    this.handle(event);
  }

  forget(frameId: number): void {
    const at = this.unanswered.indexOf(frameId);
    if (at >= 0) this.unanswered.splice(at, 1);
  }

  handle(event: StationEvent): void {
    for (const effect of this.machine.handle(event, this.now())) this.see(effect);
    this.largestInFlight = Math.max(this.largestInFlight, this.unanswered.length);
    const next = this.machine.nextDeadlineMs();
    assert.ok(next === null || next > this.nowMs, "what is due has been done");
  }

  see(effect: Effect): void {
    switch (effect.type) {
      case "request-score":
        assert.ok(!this.released.includes(effect.frameId), "a released slot may hold another frame by now");
        this.requested.push(effect.frameId);
        this.unanswered.push(effect.frameId);
        return;
      case "release":
        this.released.push(effect.frameId);
        return;
      case "outcome":
        this.judge(effect.outcome);
        this.outcomes.push(effect.outcome);
        return;
      case "late-score":
        assert.ok(this.requested.includes(effect.frameId));
        return;
      case "trigger-answer":
      case "outcome-again":
      case "challenge-done":
        throw new Error(`a station that counts by itself knows no ${effect.type}`);
      case "plc-state":
        assert.equal(effect.state, this.machine.plcState);
        return;
      case "faults-changed":
        return;
      default:
        effect satisfies never;
    }
  }

  judge(outcome: Outcome): void {
    assert.equal(outcome.reason === null, outcome.verdict !== "NO_VERDICT");
    assert.equal((outcome.flags & 0x08) !== 0, this.settings.commissioning);
    if (outcome.verdict === "NO_VERDICT") {
      assert.equal(outcome.score, null);
      return;
    }
    assert.ok(outcome.frameId !== null);
    assert.ok(!this.repeated.has(outcome.frameId), "a verdict needs a frame that its camera took for it");
    const score = this.goodAnswers.get(outcome.frameId);
    assert.ok(score !== undefined, "a verdict needs an answer of the active bank from before the camera was lost");
    assert.ok(Number.isFinite(score) && score >= 0);
    assert.equal(outcome.verdict, score <= THRESHOLD ? "PASS" : "FAIL");
    const deadline = (this.capturedAt.get(outcome.frameId) ?? NaN) + this.settings.deadlineMs;
    assert.ok(this.nowMs < deadline, "a verdict leaves before its deadline");
  }
}

function play(stationSettings: StationSettings, script: readonly (readonly [number, Step])[]): Observer {
  const observer = new Observer(stationSettings);
  // Most scripts begin with a station that is ready, else almost all outcomes would be "no bank".
  if (script.length % 4 !== 0) {
    for (const event of [plainEvents[2], plainEvents[4], plainEvents[6]]) if (event) observer.plain(event);
  }
  for (const [dtMs, action] of script) observer.run(dtMs, action);
  observer.handle({ type: "stop" });
  return observer;
}

test("any interleaving gives each accepted part one outcome, in order, and PASS only for a good score in time", () => {
  fc.assert(
    fc.property(settings, steps, (stationSettings, script) => {
      const seen = play(stationSettings, script);
      assert.deepEqual(
        seen.outcomes.map((outcome) => outcome.seq),
        seen.outcomes.map((_, index) => index + 1),
      );
      if (stationSettings.mode === "camera") {
        assert.deepEqual(
          seen.outcomes.map((outcome) => outcome.captureSeq),
          seen.owed,
        );
      } else {
        assert.deepEqual(
          seen.outcomes.filter(({ reason }) => reason !== "repeated-frame").map((outcome) => outcome.frameId),
          seen.requested,
        );
      }
    }),
    { numRuns: RUNS },
  );
});

test("any interleaving releases each frame exactly once and keeps to the places of the inference process", () => {
  fc.assert(
    fc.property(settings, steps, (stationSettings, script) => {
      const seen = play(stationSettings, script);
      assert.deepEqual(
        [...seen.released].sort((a, b) => a - b),
        seen.arrived,
      );
      assert.ok(seen.largestInFlight <= (stationSettings.maxInFlight ?? 1));
    }),
    { numRuns: RUNS },
  );
});

test("any interleaving is accounted for: each frame is an outcome or skipped, the counters add up", () => {
  fc.assert(
    fc.property(settings, steps, (stationSettings, script) => {
      const seen = play(stationSettings, script);
      const counters = seen.machine.counters();
      const count = (verdict: string): number => seen.outcomes.filter((outcome) => outcome.verdict === verdict).length;
      assert.equal(counters.total, seen.outcomes.length);
      assert.equal(counters.pass, count("PASS"));
      assert.equal(counters.fail, count("FAIL"));
      if (stationSettings.mode === "continuous") {
        const dropped = script.filter(([, action]) => action.kind === "dropped").length;
        assert.equal(counters.skipped + counters.total, seen.arrived.length + dropped);
      }
    }),
    { numRuns: RUNS },
  );
});
