import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Effect, Recovered, StationEvent, StationSettings, TriggerFields } from "../../src/station/events.ts";
import type { Instant } from "../../src/station/instant.ts";
import { StationMachine } from "../../src/station/machine.ts";
import type { Outcome } from "../../src/station/outcome.ts";

/*
 * Mode `triggered` under any interleaving of triggers, frames, scores, deaths, deadlines and restarts, against a model
 * of the disk: what the machine asks for is queued, becomes durable and visible in order, and a SIGKILL loses what is
 * still queued. Taken out one at a time, each of these guards makes a property below fail (tried):
 * - TriggerIntake.frame: the comparison of capture and trigger (a frame from before counts), findLastIndex (a frame shows
 *   the next part), the check for a repeated frame, decided parts among the announced (a frame of an overrun part counts for the one before; the first
 *   version had this bug), the bound of the capture time; #endSession, and Ledger.withdrawAll in it (a part of a
 *   session that is over gets a verdict; the first version lacked the second);
 * - SeenTriggers.look: the check of the remembered triggers (accepted twice), of a growing seq, of sessions that are
 *   over; TriggerIntake.recover, each half (accepted again after a restart);
 * - StationMachine: the outcome of recovered triggers (none at all), #scoring.expire (late PASS), #giveUpAll at
 *   "camera-lost" (a frame of the dead camera passes);
 * - Scoring: withdrawOverdue in expire (late PASS), the check of the bank, `#inFlight.clear()` in loseInference and the
 *   check of #inFlight in giveUp (frames released twice), the bound in freePlaces;
 * - judge's check for finite numbers; Ledger.takeDecided's stop at the first undecided part (out of order);
 * - Challenge.judge's NO_VERDICT for a known bad part that would PASS; Oversight.#underChallenge.
 */

type Step =
  /** `back`: how many triggers ago this one was sent first; 0 a new one; -1 a seq, -2 a session that is over. */
  | { readonly kind: "trigger"; readonly back: number; readonly newSession: boolean; readonly challenge: boolean }
  | { readonly kind: "frame"; readonly ageMs: number; readonly repeated: boolean }
  | { readonly kind: "answer"; readonly pick: number; readonly score: number; readonly foreignBank: boolean }
  | { readonly kind: "failed"; readonly pick: number }
  | { readonly kind: "flush"; readonly count: number }
  | { readonly kind: "kill" }
  | { readonly kind: "plain"; readonly event: StationEvent };

const THRESHOLD = 2;
const BANK = "bank-a";
/** A long run, with other seeds: NOMINALD_PROPERTY_RUNS=100000. */
const RUNS = Number(process.env["NOMINALD_PROPERTY_RUNS"] ?? 3_000);
const BAD_PART = "bad";

const ready: readonly StationEvent[] = [
  { type: "bank-ready", bankId: BANK },
  { type: "inference-ready" },
  { type: "camera-playing" },
];
const plainEvents: readonly StationEvent[] = [
  ...ready,
  ...ready,
  { type: "tick" },
  { type: "tick" },
  { type: "bank-unready", reason: "no-bank" },
  { type: "inference-lost" },
  { type: "camera-lost" },
  { type: "camera-lost" },
  { type: "camera-lost" },
  { type: "camera-ended" },
  { type: "pause" },
  { type: "resume" },
  { type: "resume" },
  { type: "storage-lost" },
  { type: "storage-ready" },
];

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("trigger" as const),
      back: fc.constantFrom(0, 0, 0, 0, 0, 0, 1, 2, 9, -1, -2),
      newSession: fc.constantFrom(false, false, false, false, true),
      challenge: fc.constantFrom(false, false, true),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("frame" as const),
      ageMs: fc.constantFrom(0, 0, 1, 5, 20, 70, 150, -30),
      repeated: fc.constantFrom(false, false, false, false, false, false, true),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant("answer" as const),
      pick: fc.nat(3),
      // 2 is the threshold itself, the others lie beside it or are no scores at all.
      score: fc.constantFrom(0, 1, 1.999, 2, 2.001, 50, -1, NaN, Infinity),
      foreignBank: fc.constantFrom(false, false, false, false, true),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("failed" as const), pick: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("flush" as const), count: fc.integer({ min: 1, max: 9 }) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "kill" as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("plain" as const), event: fc.constantFrom(...plainEvents) }) },
);
const steps = fc.array(fc.tuple(fc.constantFrom(0, 1, 1, 10, 30, 60, 120), step), { maxLength: 80, size: "max" });

const mostlyFalse = fc.constantFrom(false, false, false, false, true);

const settings: fc.Arbitrary<StationSettings> = fc.record({
  mode: fc.constant("triggered" as const),
  deadlineMs: fc.constant(100),
  maxPending: fc.integer({ min: 1, max: 3 }),
  maxInFlight: fc.constantFrom(1, 1, 2),
  commissioning: fc.boolean(),
  challenge: fc.constantFrom({ everyMs: 0, partId: BAD_PART }, { everyMs: 900, partId: BAD_PART }),
  lineStop: fc.constantFrom(
    { consecutiveFails: 0, failRate: 1, windowParts: 1 },
    { consecutiveFails: 2, failRate: 0.5, windowParts: 3 },
  ),
});

const keyOf = ({ session, seq }: { readonly session: string | null; readonly seq: number }): string =>
  `${session};${seq}`;

/** A frame of the present run, as the world knows it. */
interface WorldFrame {
  readonly capturedAtMs: number;
  readonly repeated: boolean;
  /** The one good answer of the inference process, if it gave one while its verdict could count. */
  score: number | null;
}

/** The station's surroundings: a PLC, a camera, an inference process, a disk, and a subscriber that sees it all. */
class World {
  readonly settings: StationSettings;
  machine: StationMachine;
  nowMs = 1_000;
  session = 1;
  seq = 0;
  readonly sent: TriggerFields[] = [];
  /** Of this run. */
  readonly frames = new Map<number, WorldFrame>();
  nextFrameId = 1;
  unanswered: number[] = [];
  released: number[] = [];
  arrived: number[] = [];
  /** When each trigger of this run arrived and was accepted, in order. */
  readonly acceptedAt = new Map<string, number>();
  usedFrames = new Set<number>();

  /** What is asked for and neither durable nor visible yet. */
  queue: Effect[] = [];
  readonly disk = {
    accepted: new Map<string, TriggerFields>(),
    outcomes: new Map<string, Outcome>(),
    challengedAtWallMs: null as number | null,
    challengePassed: false,
  };
  /** A known bad part was not recognised. */
  blind = false;
  /** Seen by the subscriber, in order. */
  readonly visibleAccepted: string[] = [];
  readonly visibleOutcomes: Outcome[] = [];

  /** @param challengePassed whether the run before missed a known bad part */
  constructor(stationSettings: StationSettings, challengePassed: boolean) {
    this.settings = stationSettings;
    this.disk.challengePassed = challengePassed;
    this.machine = this.boot();
  }

  now(): Instant {
    return { monotonicMs: this.nowMs, wallMs: 1_700_000_000_000 + this.nowMs };
  }

  boot(): StationMachine {
    const answered = [...this.disk.accepted.values()].filter((trigger) => this.disk.outcomes.has(keyOf(trigger)));
    const open = [...this.disk.accepted.values()].filter((trigger) => !this.disk.outcomes.has(keyOf(trigger)));
    const { challengedAtWallMs, challengePassed } = this.disk;
    const recovered: Recovered = { open, answered, challengedAtWallMs, challengePassed };
    this.blind = challengePassed;
    this.machine = new StationMachine(this.settings, this.now());
    this.handle({ type: "start", recovered });
    return this.machine;
  }

  /** SIGKILL: what is not durable is gone, and so are camera, frames and inference process. */
  kill(): void {
    this.queue = [];
    this.frames.clear();
    this.unanswered = [];
    this.released = [];
    this.arrived = [];
    this.acceptedAt.clear();
    this.usedFrames.clear();
    this.boot();
  }

  run(dtMs: number, action: Step): void {
    this.nowMs += dtMs;
    switch (action.kind) {
      case "trigger":
        this.trigger(action);
        return;
      case "frame": {
        const frameId = this.nextFrameId++;
        this.arrived.push(frameId);
        const { ageMs, repeated } = action;
        this.frames.set(frameId, { capturedAtMs: Math.min(this.nowMs, this.nowMs - ageMs), repeated, score: null });
        this.handle({ type: "frame", frameId, captureSeq: frameId, capturedAtMs: this.nowMs - ageMs, repeated });
        return;
      }
      case "answer":
        this.answer(action);
        return;
      case "failed": {
        const frameId = this.unanswered[action.pick] ?? -1;
        this.unanswered = this.unanswered.filter((other) => other !== frameId);
        this.handle({ type: "score-failed", frameId, reason: "frame-unreadable" });
        return;
      }
      case "flush":
        for (const effect of this.queue.splice(0, action.count)) this.makeVisible(effect);
        return;
      case "kill":
        this.kill();
        return;
      case "plain":
        if (action.event.type === "inference-lost") this.unanswered = [];
        // What was scored before was read before; the slot of any other frame may be written again.
        if (action.event.type === "camera-lost") {
          for (const [frameId, { score }] of this.frames) if (score === null) this.frames.delete(frameId);
        }
        this.handle(action.event);
        return;
      default:
        action satisfies never;
    }
  }

  trigger({ back, newSession, challenge }: Extract<Step, { kind: "trigger" }>): void {
    const before = back > 0 ? this.sent.at(-back) : undefined;
    if (before !== undefined) {
      this.handle({ type: "trigger", ...before });
      return;
    }
    if (back < 0) {
      const session = `s${back === -1 ? this.session : this.session - 1}`;
      this.handle({
        type: "trigger",
        session,
        seq: back === -1 ? this.seq - 1 : this.seq + 1_001,
        part: "",
        recipe: "",
      });
      return;
    }
    if (newSession) {
      this.session++;
      this.seq = 0;
    }
    // Odd numbers are left for triggers that come when their turn is over.
    this.seq += 2;
    // Each part has a name of its own, so that a mix-up of parts is seen.
    const part = challenge ? BAD_PART : `p${this.sent.length}`;
    const trigger = { session: `s${this.session}`, seq: this.seq, part, recipe: `r${this.sent.length}` };
    this.sent.push(trigger);
    this.handle({ type: "trigger", ...trigger });
  }

  answer({ pick, score, foreignBank }: Extract<Step, { kind: "answer" }>): void {
    const frameId = this.unanswered[pick] ?? -1;
    this.unanswered = this.unanswered.filter((other) => other !== frameId);
    const frame = this.frames.get(frameId);
    if (frame !== undefined && !foreignBank) frame.score = score;
    const bankId = foreignBank ? "bank-b" : BANK;
    this.handle({ type: "scored", frameId, score, threshold: THRESHOLD, bankId });
  }

  handle(event: StationEvent): void {
    for (const effect of this.machine.handle(event, this.now())) this.see(effect);
    const next = this.machine.nextDeadlineMs();
    assert.ok(next === null || next > this.nowMs, "what is due has been done");
  }

  see(effect: Effect): void {
    switch (effect.type) {
      case "request-score":
        assert.ok(!this.released.includes(effect.frameId), "a released slot may hold another frame by now");
        this.unanswered.push(effect.frameId);
        assert.ok(this.unanswered.length <= (this.settings.maxInFlight ?? 1));
        return;
      case "release":
        assert.ok(!this.released.includes(effect.frameId), "a frame is released once");
        this.released.push(effect.frameId);
        return;
      case "trigger-answer":
        if (effect.isNew) this.acceptedAt.set(keyOf(effect.trigger), this.nowMs);
        this.queue.push(effect);
        return;
      case "outcome":
        this.judge(effect.outcome);
        this.queue.push(effect);
        return;
      case "outcome-again":
        this.queue.push(effect);
        return;
      case "challenge-done":
        this.blind = !effect.met;
        this.queue.push(effect);
        return;
      case "late-score":
      case "faults-changed":
        return;
      case "plc-state":
        assert.equal(effect.state, this.machine.plcState);
        return;
      default:
        effect satisfies never;
    }
  }

  /** What must hold when an outcome is said, of this very run. */
  judge(outcome: Outcome): void {
    assert.equal(outcome.reason === null, outcome.verdict !== "NO_VERDICT");
    assert.equal((outcome.flags & 0x08) !== 0, this.settings.commissioning);
    assert.equal((outcome.flags & 0x02) !== 0, outcome.reason === "restart");
    if (outcome.verdict === "NO_VERDICT") {
      assert.equal(outcome.score, null);
      return;
    }
    const triggeredAtMs = this.acceptedAt.get(keyOf(outcome));
    assert.ok(triggeredAtMs !== undefined, "a verdict needs a trigger of this run");
    assert.ok(this.nowMs < triggeredAtMs + this.settings.deadlineMs, "a verdict leaves before its deadline");
    assert.ok(outcome.frameId !== null && !this.usedFrames.has(outcome.frameId), "a frame counts for one part");
    this.usedFrames.add(outcome.frameId);
    const frame = this.frames.get(outcome.frameId);
    assert.ok(frame !== undefined, "a verdict needs a frame of the camera that is there");
    assert.ok(!frame.repeated, "a verdict needs a frame that its camera took for it");
    assert.ok(frame.capturedAtMs > triggeredAtMs, "a verdict needs a frame from after its trigger");
    const nextAtMs = [...this.acceptedAt.values()].find((atMs) => atMs > triggeredAtMs);
    const arrivedBefore = nextAtMs === undefined || frame.capturedAtMs <= nextAtMs;
    assert.ok(arrivedBefore, "a frame from after the next trigger shows the next part");
    const { score } = frame;
    assert.ok(score !== null && Number.isFinite(score) && score >= 0, "a verdict needs a good answer");
    assert.equal(outcome.verdict, score <= THRESHOLD ? "PASS" : "FAIL");
    assert.ok(outcome.part !== BAD_PART || outcome.verdict !== "PASS", "a known bad part never passes");
    assert.ok(outcome.challenge || !this.blind, "a station that missed a bad part gives no verdicts");
    assert.equal(outcome.capturedAtMs, frame.capturedAtMs);
    const current = [...this.acceptedAt.keys()].at(-1)?.split(";")[0];
    assert.equal(outcome.session, current, "a session that is over gets no verdict");
  }

  /** The disk has it, then the subscriber. */
  makeVisible(effect: Effect): void {
    switch (effect.type) {
      case "trigger-answer": {
        const key = keyOf(effect.trigger);
        if (effect.isNew) {
          assert.ok(!this.disk.accepted.has(key), "a trigger is accepted once");
          const last = [...this.disk.accepted.values()].at(-1);
          if (last?.session === effect.trigger.session) assert.ok(effect.trigger.seq > last.seq, "seq grows");
          const begun = [...this.disk.accepted.values()].some(({ session }) => session === effect.trigger.session);
          assert.ok(last?.session === effect.trigger.session || !begun, "a session that is over does not come back");
          this.disk.accepted.set(key, effect.trigger);
          this.visibleAccepted.push(key);
        } else if (effect.refusal === null) {
          assert.ok(this.disk.accepted.has(key), "only an accepted trigger is answered as one");
        } else {
          assert.ok(!this.disk.accepted.has(key), "an accepted trigger is not refused later");
        }
        return;
      }
      case "outcome": {
        const key = keyOf(effect.outcome);
        assert.ok(!this.disk.outcomes.has(key), "one outcome for one trigger");
        const trigger = this.disk.accepted.get(key);
        assert.ok(trigger !== undefined, "no outcome without an accepted trigger");
        assert.equal(effect.outcome.part, trigger.part);
        assert.equal(effect.outcome.recipe, trigger.recipe);
        this.disk.outcomes.set(key, effect.outcome);
        this.visibleOutcomes.push(effect.outcome);
        return;
      }
      case "outcome-again":
        assert.ok(this.disk.outcomes.has(keyOf(effect)), "what is sent again is stored");
        return;
      case "challenge-done":
        if (effect.met) this.disk.challengedAtWallMs = effect.at.wallMs;
        this.disk.challengePassed = !effect.met;
        return;
      default:
        throw new Error(`unexpected ${effect.type} in the queue`);
    }
  }

  flushAll(): void {
    for (const effect of this.queue.splice(0)) this.makeVisible(effect);
  }
}

function play(
  stationSettings: StationSettings,
  script: readonly (readonly [number, Step])[],
  challengePassed = false,
): World {
  const world = new World(stationSettings, challengePassed);
  // Most scripts begin with a station that is ready, else almost all outcomes would be "no bank".
  if (script.length % 4 !== 0) for (const event of ready) world.handle(event);
  for (const [dtMs, action] of script) world.run(dtMs, action);
  return world;
}

test("any interleaving, kills included, gives each accepted trigger one outcome, in order, and no PASS that nobody earned", () => {
  fc.assert(
    fc.property(settings, steps, fc.boolean(), mostlyFalse, (stationSettings, script, killed, challengePassed) => {
      const world = play(stationSettings, script, challengePassed);
      if (killed) world.kill();
      else world.handle({ type: "stop" });
      world.flushAll();
      assert.deepEqual(world.visibleOutcomes.map(keyOf), world.visibleAccepted);
      if (!killed)
        assert.deepEqual(
          [...world.released].sort((a, b) => a - b),
          world.arrived,
        );
    }),
    { numRuns: RUNS },
  );
});

test("any interleaving keeps the counters true", () => {
  fc.assert(
    fc.property(settings, steps, (stationSettings, script) => {
      const world = play(
        stationSettings,
        script.filter(([, action]) => action.kind !== "kill"),
      );
      world.handle({ type: "stop" });
      world.flushAll();
      const { total, pass, fail, refused, repeated } = world.machine.counters();
      const count = (verdict: string): number =>
        world.visibleOutcomes.filter((outcome) => outcome.verdict === verdict).length;
      assert.deepEqual([total, pass, fail], [world.visibleOutcomes.length, count("PASS"), count("FAIL")]);
      const refusals = Object.values(refused).reduce((sum, times) => sum + times, 0);
      const triggers = script.filter(([, action]) => action.kind === "trigger").length;
      assert.equal(total + refusals + repeated, triggers);
    }),
    { numRuns: RUNS },
  );
});
