import assert from "node:assert/strict";
import { test } from "node:test";
import type { Effect, StationEvent, StationSettings } from "../../src/station/events.ts";
import { StationMachine } from "../../src/station/machine.ts";
import type { Outcome } from "../../src/station/outcome.ts";

const base: StationSettings = { mode: "camera", deadlineMs: 100, maxPending: 2, commissioning: false };

/** A machine with a hand on its clock; effects are read as short words. */
class Bench {
  readonly machine: StationMachine;
  nowMs = 0;

  constructor(settings: Partial<StationSettings> = {}) {
    this.machine = new StationMachine({ ...base, ...settings }, { monotonicMs: 0, wallMs: 0 });
  }

  at(nowMs: number, event: StationEvent): readonly string[] {
    this.nowMs = nowMs;
    return this.machine.handle(event, { monotonicMs: nowMs, wallMs: nowMs }).map(words);
  }

  ready(): this {
    for (const event of ready) this.at(this.nowMs, event);
    return this;
  }

  frame(nowMs: number, frameId: number, captureSeq = frameId): readonly string[] {
    return this.at(nowMs, { type: "frame", frameId, captureSeq, capturedAtMs: nowMs });
  }

  scored(nowMs: number, frameId: number, score: number): readonly string[] {
    return this.at(nowMs, { type: "scored", frameId, score, threshold: 2, bankId: "bank-a" });
  }
}

const ready: readonly StationEvent[] = [
  { type: "start" },
  { type: "inference-ready" },
  { type: "bank-ready", bankId: "bank-a" },
  { type: "camera-playing" },
];

function words(effect: Effect): string {
  switch (effect.type) {
    case "request-score":
      return `request ${effect.frameId}`;
    case "release":
      return `release ${effect.frameId}`;
    case "outcome":
      return `${outcomeName(effect.outcome)} ${effect.outcome.reason ?? effect.outcome.verdict}`;
    case "late-score":
      return `late-score ${effect.ordinal} ${effect.score}`;
    case "trigger-answer":
      return `answer ${effect.trigger.session} ${effect.trigger.seq} ${effect.refusal ?? (effect.isNew ? "accepted" : "known")}`;
    case "outcome-again":
      return `again ${effect.session} ${effect.seq}`;
    case "challenge-done":
      return effect.met ? "challenge met" : "challenge missed";
    case "plc-state":
      return `plc ${effect.state}`;
    case "faults-changed":
      return `faults ${effect.faults.map((fault) => fault.reason).join("+") || "none"}`;
    default:
      return effect satisfies never;
  }
}

test("a station in mode camera goes 1, 2, 3 as its parts come up, and 4 while a part is open", () => {
  const bench = new Bench();
  assert.equal(bench.machine.plcState, "1");
  assert.deepEqual(bench.at(0, { type: "start" }), ["plc 2"]);
  assert.deepEqual(bench.at(1, { type: "inference-ready" }), []);
  assert.deepEqual(bench.at(2, { type: "bank-ready", bankId: "bank-a" }), []);
  assert.deepEqual(bench.at(3, { type: "camera-playing" }), ["plc 3"]);
  assert.deepEqual(bench.frame(10, 1), ["request 1", "plc 4"]);
  assert.deepEqual(bench.scored(20, 1, 1), ["release 1", "1 PASS", "plc 3"]);
  assert.deepEqual(bench.at(30, { type: "stop" }), ["plc 9"]);
});

test("a score at the threshold passes, one above it fails, and one that is no number is a fault", () => {
  const bench = new Bench().ready();
  bench.frame(1, 1);
  assert.deepEqual(bench.scored(2, 1, 2), ["release 1", "1 PASS", "plc 3"]);
  bench.frame(3, 2);
  assert.deepEqual(bench.scored(4, 2, 2.000001), ["release 2", "2 FAIL", "plc 3"]);
  bench.frame(5, 3);
  assert.deepEqual(bench.scored(6, 3, NaN), ["release 3", "3 inference-fault", "plc 3"]);
});

test("a part is late at its deadline, its slot stays taken until the answer, and the late score is only recorded", () => {
  const bench = new Bench().ready();
  bench.frame(10, 1);
  assert.equal(bench.machine.nextDeadlineMs(), 110);
  assert.deepEqual(bench.at(109.9, { type: "tick" }), []);
  assert.deepEqual(bench.at(110, { type: "tick" }), ["1 late", "plc 3"]);
  assert.equal(bench.machine.nextDeadlineMs(), null);
  // The inference process may still be reading the slot, so part 2 waits for its place.
  assert.deepEqual(bench.frame(120, 2), ["plc 4"]);
  assert.deepEqual(bench.scored(130, 1, 1), ["release 1", "late-score 1 1", "request 2"]);
  assert.equal(bench.machine.counters().lateScores, 1);
  assert.equal(bench.machine.counters().deadlineMisses, 1);
});

test("a part that was decided in time and waited behind another one past its deadline missed it, too", () => {
  const bench = new Bench({ maxInFlight: 2 }).ready();
  bench.frame(10, 1);
  bench.frame(20, 2);
  assert.deepEqual(bench.scored(30, 2, 1), ["release 2"]);
  // Both are past their deadlines before anybody says so.
  assert.deepEqual(bench.at(125, { type: "tick" }), ["late-score 2 1", "1 late", "2 late", "plc 3"]);
  assert.deepEqual([bench.machine.counters().deadlineMisses, bench.machine.counters().noVerdict], [2, { late: 2 }]);
});

test("a station that is refused gives no verdicts, one that is overbooked does and says so", () => {
  const bench = new Bench().ready();
  assert.deepEqual(bench.at(1, { type: "booked", over: true }), ["faults overbooked"]);
  assert.deepEqual(bench.frame(2, 1), ["request 1", "plc 4"]);
  assert.deepEqual(bench.scored(3, 1, 1), ["release 1", "1 PASS", "plc 3"]);
  assert.deepEqual(bench.at(4, { type: "bank-unready", reason: "admission-refused" }), [
    "faults admission-refused+overbooked",
    "plc 8",
  ]);
  assert.deepEqual(bench.frame(5, 2), ["release 2", "2 admission-refused"]);
  assert.deepEqual(bench.at(6, { type: "booked", over: false }), ["faults admission-refused"]);
  assert.deepEqual(bench.at(7, { type: "bank-ready", bankId: "bank-a" }), ["faults none", "plc 3"]);
});

test("a score that comes after its deadline is late even when no tick came before it", () => {
  const bench = new Bench().ready();
  bench.frame(10, 1);
  assert.deepEqual(bench.scored(110, 1, 1), ["release 1", "late-score 1 1", "1 late", "plc 3"]);
});

test("a frame that is already past its deadline when it arrives is not scored", () => {
  const bench = new Bench().ready();
  assert.deepEqual(bench.at(200, { type: "frame", frameId: 1, captureSeq: 1, capturedAtMs: 100 }), [
    "release 1",
    "1 late",
  ]);
});

test("beyond maxPending a part is overrun at once, but leaves in its turn", () => {
  const bench = new Bench({ maxPending: 1 }).ready();
  assert.deepEqual(bench.frame(1, 1), ["request 1", "plc 4"]);
  assert.deepEqual(bench.frame(2, 2), []);
  assert.deepEqual(bench.frame(3, 3), ["release 3"]);
  assert.deepEqual(bench.scored(4, 1, 1), ["release 1", "request 2", "1 PASS"]);
  assert.deepEqual(bench.scored(5, 2, 9), ["release 2", "2 FAIL", "3 overrun", "plc 3"]);
  assert.deepEqual(bench.machine.counters().noVerdict, { overrun: 1 });
});

test("a frame that the capture process dropped or never delivered is a part too", () => {
  const bench = new Bench().ready();
  assert.deepEqual(bench.at(1, { type: "frame-dropped", captureSeq: 1 }), ["1 overrun"]);
  // Numbers 2 and 3 never came.
  assert.deepEqual(bench.frame(2, 40, 4), ["request 40", "2 missed-acquisition", "3 missed-acquisition", "plc 4"]);
  assert.deepEqual(bench.scored(3, 40, 1), ["release 40", "4 PASS", "plc 3"]);
});

test("a frame whose number was already decided as missing gets no second outcome", () => {
  const bench = new Bench().ready();
  bench.at(1, { type: "frame-dropped", captureSeq: 2 });
  assert.deepEqual(bench.frame(2, 9, 1), ["request 9", "plc 4"], "number 1 begins a new count");
  bench.scored(3, 9, 1);
  bench.at(4, { type: "frame-dropped", captureSeq: 4 });
  assert.deepEqual(bench.frame(5, 10, 3), ["release 10"]);
});

test("an absurd jump of the capture numbers counts as one missed part, not as a million", () => {
  const bench = new Bench().ready();
  assert.deepEqual(bench.frame(1, 1, 1_000_000), ["request 1", "1 missed-acquisition", "plc 4"]);
});

test("a lost inference process costs the frames it had, the next frame is scored when it is back", () => {
  const bench = new Bench({ maxInFlight: 2 }).ready();
  bench.frame(1, 1);
  bench.frame(2, 2);
  bench.frame(3, 3);
  assert.deepEqual(bench.at(4, { type: "inference-lost" }), [
    "release 1",
    "release 2",
    "1 inference-lost",
    "2 inference-lost",
    "faults inference-lost",
    "plc 8",
  ]);
  assert.deepEqual(bench.scored(5, 1, 1), [], "an answer from the dead process is ignored");
  assert.equal(bench.machine.counters().ignoredAnswers, 1);
  assert.deepEqual(bench.at(50, { type: "inference-ready" }), ["request 3", "faults none", "plc 4"]);
  assert.deepEqual(bench.scored(60, 3, 1), ["release 3", "3 PASS", "plc 3"]);
});

test("a part that waited in vain for the inference process says so instead of late", () => {
  const bench = new Bench().ready();
  bench.at(0, { type: "inference-lost" });
  bench.frame(1, 1);
  assert.deepEqual(bench.at(101, { type: "tick" }), ["release 1", "1 inference-lost"]);
});

test("without a bank each part is NO_VERDICT at once and the station is in error", () => {
  const bench = new Bench().ready();
  assert.deepEqual(bench.at(1, { type: "bank-unready", reason: "no-bank" }), ["faults no-bank", "plc 8"]);
  assert.deepEqual(bench.frame(2, 1), ["release 1", "1 no-bank"]);
  assert.deepEqual(bench.at(3, { type: "bank-ready", bankId: "bank-b" }), ["faults none", "plc 3"]);
});

test("while the bank is loaded for the first time a part is told to wait for the warm-up", () => {
  const bench = new Bench();
  bench.at(0, { type: "camera-playing" });
  assert.deepEqual(bench.frame(1, 1), ["release 1", "1 warm-up"]);
});

test("a bank that is not active cannot give a verdict", () => {
  const bench = new Bench().ready();
  bench.frame(1, 1);
  const foreign: StationEvent = { type: "scored", frameId: 1, score: 1, threshold: 2, bankId: "bank-z" };
  assert.deepEqual(bench.at(2, foreign), ["release 1", "1 bank-mismatch", "plc 3"]);
});

test("a lost camera is an error; its open parts get no verdict, for their slots may be written again", () => {
  const bench = new Bench().ready();
  bench.frame(1, 1);
  bench.frame(2, 2);
  assert.deepEqual(bench.at(3, { type: "camera-lost" }), [
    "release 2",
    "1 camera-lost",
    "2 camera-lost",
    "faults camera-lost",
    "plc 8",
  ]);
  assert.deepEqual(bench.machine.faults()[0]?.since, { monotonicMs: 3, wallMs: 3 });
  assert.deepEqual(bench.scored(4, 1, 1), ["release 1", "late-score 1 1"]);
  // A last frame of the dead process must not look like 50 missed ones.
  assert.deepEqual(bench.frame(5, 3, 53), ["release 3", "3 camera-lost"]);
  assert.deepEqual(bench.at(6, { type: "camera-playing" }), ["faults none", "plc 3"]);
  assert.deepEqual(bench.frame(7, 4, 1), ["request 4", "plc 4"]);
});

test("a source that has ended halts the station once its last part is decided", () => {
  const bench = new Bench().ready();
  bench.frame(1, 1);
  assert.deepEqual(bench.at(2, { type: "camera-ended" }), []);
  assert.deepEqual(bench.scored(3, 1, 1), ["release 1", "1 PASS", "plc 9"]);
});

test("in mode continuous the freshest frame waits, what it replaces is skipped without an outcome", () => {
  const bench = new Bench({ mode: "continuous" }).ready();
  assert.equal(bench.machine.plcState, "5");
  assert.deepEqual(bench.frame(1, 1), ["request 1"]);
  assert.deepEqual(bench.frame(2, 2), []);
  assert.deepEqual(bench.frame(3, 3), ["release 2"]);
  assert.deepEqual(bench.scored(4, 1, 1), ["release 1", "request 3", "1 PASS"]);
  assert.deepEqual(bench.scored(5, 3, 3), ["release 3", "2 FAIL"]);
  assert.equal(bench.machine.counters().skipped, 1);
});

test("in mode continuous a waiting frame that grows too old is skipped, not scored late", () => {
  const bench = new Bench({ mode: "continuous" }).ready();
  bench.frame(1, 1);
  bench.frame(2, 2);
  assert.deepEqual(bench.at(101, { type: "tick" }), ["1 late"]);
  assert.equal(bench.machine.nextDeadlineMs(), 102);
  assert.deepEqual(bench.at(102, { type: "tick" }), ["release 2"]);
});

test("in mode continuous a capture time in the future does not let a waiting frame live past its deadline", () => {
  const bench = new Bench({ mode: "continuous" }).ready();
  bench.frame(0, 1);
  bench.at(1, { type: "frame", frameId: 2, captureSeq: 2, capturedAtMs: 31 });
  assert.deepEqual(bench.scored(10, 1, 1), ["release 1", "request 2", "1 PASS"]);
  // It arrived at 1, so it is late at 101, not 100 after the moment at which its turn came.
  assert.equal(bench.machine.nextDeadlineMs(), 101);
});

test("in mode continuous frames are skipped while nothing can score them", () => {
  const bench = new Bench({ mode: "continuous" });
  bench.at(0, { type: "camera-playing" });
  assert.deepEqual(bench.frame(1, 1), ["release 1"]);
  assert.deepEqual(bench.machine.counters(), {
    total: 0,
    pass: 0,
    fail: 0,
    noVerdict: {},
    skipped: 1,
    refused: {},
    repeated: 0,
    deadlineMisses: 0,
    lateScores: 0,
    ignoredAnswers: 0,
  });
});

test("a stop decides what is open as restart with flag 02 and accepts nothing afterwards", () => {
  const bench = new Bench({ commissioning: true }).ready();
  bench.frame(1, 1);
  bench.nowMs = 2;
  const effects = bench.machine.handle({ type: "stop" }, { monotonicMs: 2, wallMs: 2 });
  assert.deepEqual(effects.map(words), ["release 1", "1 restart", "plc 9"]);
  const outcome = effects.flatMap((effect) => (effect.type === "outcome" ? [effect.outcome] : []))[0];
  assert.equal(outcome?.flags, 0x02 | 0x08);
  assert.deepEqual(bench.frame(3, 2), ["release 2"]);
  assert.deepEqual(bench.scored(4, 1, 1), []);
});

const triggered = { mode: "triggered" as const };

function outcomeName({ session, seq }: Outcome): string {
  return session === null ? String(seq) : `${session}:${seq}`;
}

function trigger(bench: Bench, nowMs: number, session: string, seq: number, part = ""): readonly string[] {
  return bench.at(nowMs, { type: "trigger", session, seq, part, recipe: "" });
}

/** A frame that was captured at `capturedAtMs` and comes now. */
function frameOf(bench: Bench, nowMs: number, frameId: number, capturedAtMs: number): readonly string[] {
  return bench.at(nowMs, { type: "frame", frameId, captureSeq: frameId, capturedAtMs });
}

test("a trigger is answered, the first frame captured after it is scored, and its outcome carries its names", () => {
  const bench = new Bench(triggered).ready();
  assert.deepEqual(trigger(bench, 10, "s1", 7, "washer"), ["answer s1 7 accepted", "plc 4"]);
  assert.deepEqual(frameOf(bench, 12, 1, 11), ["request 1"]);
  const effects = bench.machine.handle(
    { type: "scored", frameId: 1, score: 1, threshold: 2, bankId: "bank-a" },
    { monotonicMs: 20, wallMs: 20 },
  );
  const outcome = effects.flatMap((effect) => (effect.type === "outcome" ? [effect.outcome] : []))[0];
  assert.ok(outcome !== undefined);
  const { ordinal, session, seq, part, verdict, triggeredAt, capturedAtMs } = outcome;
  assert.deepEqual([ordinal, session, seq, part, verdict, capturedAtMs], [1, "s1", 7, "washer", "PASS", 11]);
  assert.deepEqual(triggeredAt, { monotonicMs: 10, wallMs: 10 });
});

test("a frame from before its trigger is never scored for the part, however late it is delivered", () => {
  const bench = new Bench(triggered).ready();
  trigger(bench, 100, "s1", 1);
  assert.deepEqual(frameOf(bench, 150, 1, 99), ["release 1"]);
  assert.deepEqual(frameOf(bench, 160, 2, 100), ["release 2"], "at the trigger is not after it");
  assert.deepEqual(frameOf(bench, 170, 3, 101), ["request 3"]);
  assert.equal(bench.machine.counters().skipped, 2);
});

test("a trigger whose frame has not come when the next part is in view has missed it", () => {
  const bench = new Bench(triggered).ready();
  trigger(bench, 10, "s1", 1);
  trigger(bench, 20, "s1", 2);
  assert.deepEqual(frameOf(bench, 25, 1, 15), ["request 1"], "a slow frame of part 1");
  trigger(bench, 30, "s1", 3);
  assert.deepEqual(frameOf(bench, 35, 2, 31), []);
  assert.deepEqual(bench.scored(40, 1, 1), ["release 1", "request 2", "s1:1 PASS", "s1:2 missed-acquisition"]);
  assert.deepEqual(bench.scored(45, 2, 3), ["release 2", "s1:3 FAIL", "plc 3"]);
});

test("a frame of a part that was too much for the station is no frame of the part before it", () => {
  const bench = new Bench({ ...triggered, maxPending: 1 }).ready();
  trigger(bench, 10, "s1", 1);
  trigger(bench, 20, "s1", 2);
  trigger(bench, 30, "s1", 3);
  assert.deepEqual(frameOf(bench, 40, 1, 35), [
    "release 1",
    "s1:1 missed-acquisition",
    "s1:2 missed-acquisition",
    "s1:3 overrun",
    "plc 3",
  ]);
});

test("a part that missed its frame for want of room blames the load, or the inference process, and not the camera", () => {
  for (const [lost, reason] of [
    [false, "overrun"],
    [true, "inference-lost"],
  ] as const) {
    const bench = new Bench(triggered).ready();
    if (lost) bench.at(1, { type: "inference-lost" });
    trigger(bench, 10, "s1", 1);
    bench.at(15, { type: "frame-dropped", captureSeq: 1 });
    trigger(bench, 20, "s1", 2);
    assert.ok(frameOf(bench, 25, 2, 21).includes(`s1:1 ${reason}`));
  }
});

test("a frame that its camera repeated shows no part, in any mode", () => {
  const repeated = { type: "frame", frameId: 1, captureSeq: 1, capturedAtMs: 11, repeated: true } as const;
  const triggers = new Bench(triggered).ready();
  trigger(triggers, 10, "s1", 1);
  assert.deepEqual(triggers.at(12, repeated), ["release 1", "s1:1 repeated-frame", "plc 3"]);
  const camera = new Bench({ ...triggered, mode: "camera" }).ready();
  assert.deepEqual(camera.at(12, repeated), ["release 1", "1 repeated-frame"]);
  const continuous = new Bench({ ...triggered, mode: "continuous" }).ready();
  assert.deepEqual(continuous.at(12, repeated), ["release 1", "1 repeated-frame"]);
  assert.equal(continuous.machine.counters().skipped, 0);
  continuous.at(13, { type: "pause" });
  assert.deepEqual(
    continuous.at(14, { ...repeated, frameId: 2, captureSeq: 2 }),
    ["release 2"],
    "skipped like any other",
  );
});

test("a trigger without a frame is late at its deadline, counted from the trigger", () => {
  const bench = new Bench(triggered).ready();
  trigger(bench, 10, "s1", 1);
  assert.equal(bench.machine.nextDeadlineMs(), 110);
  assert.deepEqual(bench.at(110, { type: "tick" }), ["s1:1 late", "plc 3"]);
});

test("a trigger that comes again is answered again, and with its stored outcome once it has one", () => {
  const bench = new Bench(triggered).ready();
  trigger(bench, 10, "s1", 1);
  assert.deepEqual(trigger(bench, 11, "s1", 1), ["answer s1 1 known"]);
  bench.at(110, { type: "tick" });
  assert.deepEqual(trigger(bench, 120, "s1", 1), ["answer s1 1 known", "again s1 1"]);
  assert.equal(bench.machine.counters().repeated, 2);
});

test("a seq that does not grow is refused, and so is a session that another one has followed", () => {
  const bench = new Bench(triggered).ready();
  trigger(bench, 10, "s1", 5);
  assert.deepEqual(trigger(bench, 11, "s1", 4), ["answer s1 4 seq-not-above"]);
  trigger(bench, 12, "s2", 1);
  assert.deepEqual(trigger(bench, 13, "s1", 6), ["answer s1 6 session-over"]);
  assert.deepEqual(bench.machine.counters().refused, { "seq-not-above": 1, "session-over": 1 });
});

test("a PLC that restarts at seq 1 with a new session gets no old part's result", () => {
  const bench = new Bench(triggered).ready();
  trigger(bench, 10, "s1", 1);
  frameOf(bench, 12, 1, 11);
  trigger(bench, 15, "s1", 2);
  assert.deepEqual(trigger(bench, 20, "s2", 1), ["answer s2 1 accepted", "s1:1 session-ended", "s1:2 session-ended"]);
  // The old part's score says nothing of the new part 1.
  assert.deepEqual(bench.scored(25, 1, 1), ["release 1", "late-score 1 1"]);
  assert.deepEqual(frameOf(bench, 30, 2, 29), ["request 2"]);
  assert.deepEqual(bench.scored(35, 2, 9), ["release 2", "s2:1 FAIL", "plc 3"]);
});

test("a part of the old session that was scored and held back behind another gets no verdict in the new one", () => {
  const bench = new Bench({ ...triggered, maxInFlight: 2 }).ready();
  trigger(bench, 10, "s1", 1);
  frameOf(bench, 12, 1, 11);
  trigger(bench, 15, "s1", 2);
  frameOf(bench, 17, 2, 16);
  assert.deepEqual(bench.scored(20, 2, 1), ["release 2"]);
  assert.deepEqual(trigger(bench, 21, "s2", 1), [
    "late-score 2 1",
    "answer s2 1 accepted",
    "s1:1 session-ended",
    "s1:2 session-ended",
  ]);
});

test("beyond maxPending a trigger is overrun at once, waiting triggers and waiting frames counted alike", () => {
  const bench = new Bench({ ...triggered, maxPending: 1 }).ready();
  trigger(bench, 10, "s1", 1);
  frameOf(bench, 12, 1, 11);
  // Part 1 is being scored, part 2 may wait, part 3 is one too many and leaves in its turn.
  trigger(bench, 20, "s1", 2);
  assert.deepEqual(trigger(bench, 21, "s1", 3), ["answer s1 3 accepted"]);
  assert.deepEqual(bench.scored(22, 1, 1), ["release 1", "s1:1 PASS"]);
  frameOf(bench, 23, 2, 20.5);
  assert.deepEqual(bench.scored(24, 2, 1), ["release 2", "s1:2 PASS", "s1:3 overrun", "plc 3"]);
});

test("a trigger to a station without camera, bank or in a pause gets its outcome at once", () => {
  const bench = new Bench(triggered);
  bench.at(0, { type: "start" });
  bench.at(0, { type: "bank-ready", bankId: "bank-a" });
  assert.deepEqual(trigger(bench, 1, "s1", 1), ["answer s1 1 accepted", "s1:1 warm-up"]);
  bench.ready();
  bench.at(2, { type: "camera-lost" });
  assert.deepEqual(trigger(bench, 3, "s1", 2), ["answer s1 2 accepted", "s1:2 camera-lost"]);
  bench.at(4, { type: "camera-playing" });
  bench.at(5, { type: "bank-unready", reason: "no-bank" });
  assert.deepEqual(trigger(bench, 6, "s1", 3), ["answer s1 3 accepted", "s1:3 no-bank"]);
  bench.at(7, { type: "bank-ready", bankId: "bank-a" });
  assert.deepEqual(bench.at(8, { type: "pause" }), ["plc 9"]);
  assert.deepEqual(trigger(bench, 9, "s1", 4), ["answer s1 4 accepted", "s1:4 paused"]);
  assert.deepEqual(bench.at(10, { type: "resume" }), ["plc 3"]);
});

test("in a pause every frame of mode camera is a part without a verdict, and mode continuous inspects none", () => {
  const camera = new Bench().ready();
  camera.at(1, { type: "pause" });
  assert.deepEqual(camera.frame(2, 1), ["release 1", "1 paused"]);
  const continuous = new Bench({ mode: "continuous" }).ready();
  continuous.at(1, { type: "pause" });
  assert.deepEqual(continuous.frame(2, 1), ["release 1"]);
});

test("a trigger in a mode that takes none is refused", () => {
  const bench = new Bench().ready();
  assert.deepEqual(trigger(bench, 1, "s1", 1), ["answer s1 1 trigger-unwanted"]);
  assert.deepEqual(bench.machine.counters().refused, { "trigger-unwanted": 1 });
});

test("what a former run accepted gets NO_VERDICT with flag 02 at the start, and what it answered is known", () => {
  const bench = new Bench(triggered);
  const recovered = {
    open: [{ session: "s1", seq: 3, part: "p3", recipe: "" }],
    answered: [{ session: "s1", seq: 2 }],
    challengedAtWallMs: null,
    challengePassed: false,
  };
  const effects = bench.machine.handle({ type: "start", recovered }, { monotonicMs: 1, wallMs: 1 });
  assert.deepEqual(effects.map(words), ["s1:3 restart", "plc 2"]);
  assert.equal(effects[0]?.type === "outcome" ? effects[0].outcome.flags : undefined, 0x02);
  assert.deepEqual(trigger(bench, 2, "s1", 2), ["answer s1 2 known", "again s1 2"]);
  assert.deepEqual(trigger(bench, 3, "s1", 3), ["answer s1 3 known", "again s1 3"]);
  assert.deepEqual(trigger(bench, 4, "s1", 1), ["answer s1 1 seq-not-above"]);
});

const challenge = { everyMs: 1_000, partId: "bad-1" };

function inspect(bench: Bench, nowMs: number, seq: number, part: string, score: number): readonly string[] {
  trigger(bench, nowMs, "s1", seq, part);
  frameOf(bench, nowMs + 2, seq, nowMs + 1);
  return bench.scored(nowMs + 3, seq, score).filter((word) => !/^(release|plc)/.test(word));
}

test("a known bad part that is due and not shown takes the verdicts away until one is recognised", () => {
  const bench = new Bench({ ...triggered, challenge }).ready();
  assert.deepEqual(inspect(bench, 10, 1, "", 1), ["s1:1 PASS"]);
  assert.equal(bench.machine.nextDeadlineMs(), 1_000);
  assert.deepEqual(bench.at(1_000, { type: "tick" }), ["faults challenge-due", "plc 8"]);
  assert.deepEqual(inspect(bench, 1_010, 2, "", 1), ["s1:2 challenge-due"]);
  assert.deepEqual(inspect(bench, 1_020, 3, "bad-1", 9), ["challenge met", "s1:3 FAIL", "faults none"]);
  assert.deepEqual(inspect(bench, 1_030, 4, "", 1), ["s1:4 PASS"]);
  assert.equal(bench.machine.nextDeadlineMs(), 2_023);
});

test("a known bad part that would PASS gets no PASS, and no other part does until one is recognised", () => {
  const bench = new Bench({ ...triggered, challenge: { everyMs: 0, partId: "" } }).ready();
  bench.at(1, { type: "challenge" });
  assert.deepEqual(inspect(bench, 10, 1, "", 1), [
    "challenge missed",
    "s1:1 challenge-passed",
    "faults challenge-passed",
  ]);
  assert.deepEqual(inspect(bench, 20, 2, "", 1), ["s1:2 challenge-passed"]);
  assert.deepEqual(inspect(bench, 30, 3, "", 9), ["s1:3 challenge-passed"], "nobody says that this one is bad");
  bench.at(40, { type: "challenge" });
  assert.deepEqual(inspect(bench, 41, 4, "", 9), ["challenge met", "s1:4 FAIL", "faults none"]);
});

test("when the last challenge was, a restart remembers; a wall clock set back does not put it off", () => {
  const bench = new Bench({ ...triggered, challenge });
  const start = (challengedAtWallMs: number) =>
    bench.machine.handle(
      { type: "start", recovered: { open: [], answered: [], challengedAtWallMs, challengePassed: false } },
      { monotonicMs: 5_000, wallMs: 70_000 },
    );
  start(69_400);
  assert.equal(bench.machine.nextDeadlineMs(), 5_400);
  start(99_000);
  assert.equal(bench.machine.nextDeadlineMs(), 6_000);
});

test("FAILs in a row ask for a line stop, with flag 20, until a person resumes", () => {
  const lineStop = { consecutiveFails: 2, failRate: 1, windowParts: 10 };
  const bench = new Bench({ ...triggered, lineStop }).ready();
  const flags: number[] = [];
  const part = (seq: number, score: number): void => {
    trigger(bench, seq * 10, "s1", seq);
    frameOf(bench, seq * 10 + 2, seq, seq * 10 + 1);
    const scored: StationEvent = { type: "scored", frameId: seq, score, threshold: 2, bankId: "bank-a" };
    for (const effect of bench.machine.handle(scored, { monotonicMs: seq * 10 + 3, wallMs: 0 })) {
      if (effect.type === "outcome") flags.push(effect.outcome.flags);
    }
  };
  for (const [seq, score] of [9, 1, 9, 9, 1].entries()) part(seq + 1, score);
  assert.deepEqual(flags, [0, 0, 0, 0x20, 0x20]);
  assert.deepEqual(
    bench.machine.faults().map(({ reason }) => reason),
    ["fail-streak"],
  );
  assert.equal(bench.machine.plcState, "3", "the station itself is well");
  bench.at(100, { type: "resume" });
  part(11, 9);
  assert.equal(flags.at(-1), 0);
});

test("a share of FAIL above its limit in a full window asks for a line stop", () => {
  const lineStop = { consecutiveFails: 0, failRate: 0.5, windowParts: 4 };
  const bench = new Bench({ ...triggered, lineStop }).ready();
  for (const [seq, score] of [9, 1, 9].entries()) inspect(bench, seq * 10 + 10, seq + 1, "", score);
  assert.deepEqual(bench.machine.faults(), [], "three of four are not there yet");
  // 2 of 4 is not above one half; 3 of the last 4 is.
  assert.deepEqual(inspect(bench, 50, 4, "", 1), ["s1:4 PASS"]);
  inspect(bench, 60, 5, "", 9);
  assert.deepEqual(bench.machine.faults(), []);
  assert.deepEqual(inspect(bench, 70, 6, "", 9), ["s1:6 FAIL", "faults fail-rate"]);
});

test("without a disk the station goes on, says so, and every outcome carries flag 10", () => {
  const bench = new Bench(triggered).ready();
  assert.deepEqual(bench.at(1, { type: "storage-lost" }), ["faults storage-failed"]);
  assert.equal(bench.machine.plcState, "3");
  trigger(bench, 10, "s1", 1);
  const effects = bench.machine.handle({ type: "tick" }, { monotonicMs: 200, wallMs: 0 });
  assert.equal(effects.flatMap((effect) => (effect.type === "outcome" ? [effect.outcome.flags] : []))[0], 0x10);
  assert.deepEqual(bench.at(201, { type: "storage-ready" }), ["faults none"]);
});

const live = { deadlineMs: 100, maxPending: 2, commissioning: false };

test("a new deadline holds from the next part on: a part that was accepted keeps its own", () => {
  const bench = new Bench().ready();
  bench.frame(0, 1);
  bench.at(10, { type: "configure", settings: { ...live, deadlineMs: 1_000 } });
  bench.frame(20, 2);
  // Part 1 is late at 100, part 2 at 20 + 1,000.
  const late = bench.at(100, { type: "tick" }).filter((word) => word.endsWith(" late"));
  assert.equal(late.length, 1);
  assert.equal(bench.machine.nextDeadlineMs(), 1_020);
});

test("what else may change at work holds at once: places to wait, flag 08, a line stop", () => {
  const bench = new Bench({ maxPending: 0 }).ready();
  bench.frame(0, 1);
  bench.frame(1, 2);
  const lineStop = { consecutiveFails: 1, failRate: 1, windowParts: 10 };
  bench.at(2, { type: "configure", settings: { ...live, maxPending: 1, commissioning: true, lineStop } });
  bench.frame(3, 3);
  // Part 2 found no place, part 3 has one since.
  const decided = bench.scored(4, 1, 3);
  assert.equal(decided.filter((word) => word.endsWith(" overrun")).length, 1);
  assert.ok(decided.includes("request 3"));
  assert.deepEqual(
    bench.machine.faults().map(({ reason }) => reason),
    ["fail-streak"],
  );
});

test("a challenge that is asked for at work is due one interval later, and not at once", () => {
  const bench = new Bench().ready();
  const hour = 3_600_000;
  bench.at(10 * hour, { type: "configure", settings: { ...live, challenge: { everyMs: hour, partId: "" } } });
  assert.deepEqual(bench.machine.faults(), []);
  bench.at(11 * hour, { type: "tick" });
  assert.deepEqual(
    bench.machine.faults().map(({ reason }) => reason),
    ["challenge-due"],
  );
  bench.at(12 * hour, { type: "configure", settings: live });
  assert.deepEqual(bench.machine.faults(), []);
});

test("while the CPU stands in for the accelerator verdicts go on with flag 10", () => {
  const bench = new Bench(triggered).ready();
  const flags: number[] = [];
  const part = (seq: number): void => {
    trigger(bench, seq * 10, "s1", seq);
    frameOf(bench, seq * 10 + 2, seq, seq * 10 + 1);
    const scored: StationEvent = { type: "scored", frameId: seq, score: 1, threshold: 2, bankId: "bank-a" };
    for (const effect of bench.machine.handle(scored, { monotonicMs: seq * 10 + 3, wallMs: 0 })) {
      if (effect.type === "outcome") flags.push(effect.outcome.flags);
    }
  };
  bench.at(1, { type: "provider", fallback: true });
  part(1);
  assert.deepEqual(
    bench.machine.faults().map(({ reason }) => reason),
    ["provider-fallback"],
  );
  assert.equal(bench.machine.plcState, "3");
  bench.at(20, { type: "provider", fallback: false });
  part(3);
  assert.deepEqual(flags, [0x10, 0]);
  assert.deepEqual(bench.machine.faults(), []);
});
