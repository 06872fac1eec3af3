import assert from "node:assert/strict";
import { test } from "node:test";
import type { Effect, StationEvent, StationSettings } from "../../src/station/events.ts";
import { StationMachine } from "../../src/station/machine.ts";

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
      return `${effect.outcome.seq} ${effect.outcome.reason ?? effect.outcome.verdict}`;
    case "late-score":
      return `late-score ${effect.seq} ${effect.score}`;
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
