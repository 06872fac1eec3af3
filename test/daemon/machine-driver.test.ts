import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { MachineDriver } from "../../src/daemon/machine-driver.ts";
import type { Effect, StationEvent } from "../../src/station/events.ts";
import type { Instant } from "../../src/station/instant.ts";

const RELEASE: Effect = { type: "release", frameId: 1 };
const PLC_STATE: Effect = { type: "plc-state", state: "4" };

/** A machine that writes down what it is told, at a clock of its own. */
function driverOf(t: TestContext, carryOut: (effect: Effect, driver: MachineDriver) => void = () => undefined) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const told: string[] = [];
  const clock = { nowMs: 100.25 };
  const machine = {
    dueMs: null as number | null,
    effects: [] as Effect[],
    handle({ type }: StationEvent, { monotonicMs, wallMs }: Instant): readonly Effect[] {
      told.push(`${type} at ${monotonicMs}, ${wallMs}`);
      return machine.effects.splice(0);
    },
    nextDeadlineMs: () => machine.dueMs,
  };
  const driver: MachineDriver = new MachineDriver({
    machine,
    clock: { monotonicMs: () => clock.nowMs, wallMs: () => 7 },
    carryOut: (effect) => {
      told.push(effect.type);
      carryOut(effect, driver);
    },
  });
  const pass = (ms: number): void => {
    clock.nowMs += ms;
    t.mock.timers.tick(ms);
  };
  return { driver, machine, told, pass };
}

test("an event is handled with the time of now, and its effects are carried out in their order", (t) => {
  const { driver, machine, told } = driverOf(t);
  machine.effects.push(RELEASE, PLC_STATE);
  driver.handle({ type: "pause" });
  assert.deepEqual(told, ["pause at 100.25, 7", "release", "plc-state"]);
});

test("an event that an effect brings is handled before the effects that are left", (t) => {
  const { driver, machine, told } = driverOf(t, (effect, own) => {
    if (effect === RELEASE) own.handle({ type: "resume" });
  });
  machine.effects.push(RELEASE, PLC_STATE);
  driver.handle({ type: "pause" });
  assert.deepEqual(told, ["pause at 100.25, 7", "release", "resume at 100.25, 7", "plc-state"]);
});

test("at a deadline, and not before it, the machine is told that time has passed; each event may move it", (t) => {
  const { driver, machine, told, pass } = driverOf(t);
  machine.dueMs = 110;
  driver.handle({ type: "pause" });
  // 9.75 ms are left; timers know whole ones, and a tick before its time would decide nothing.
  pass(9);
  assert.equal(told.length, 1);
  machine.dueMs = 150;
  driver.handle({ type: "resume" });
  pass(1);
  assert.equal(told.length, 2);
  machine.dueMs = null;
  pass(40);
  assert.deepEqual(told.slice(2), ["tick at 150.25, 7"]);
  pass(1_000);
  assert.equal(told.length, 3, "without a deadline nothing is waited for");
});

test("a deadline that is over already is told at once; after the end none is", (t) => {
  const { driver, machine, told, pass } = driverOf(t);
  machine.dueMs = 50;
  driver.handle({ type: "pause" });
  machine.dueMs = 200;
  pass(0);
  assert.deepEqual(told, ["pause at 100.25, 7", "tick at 100.25, 7"]);
  driver.close();
  pass(1_000);
  assert.equal(told.length, 2);
});
