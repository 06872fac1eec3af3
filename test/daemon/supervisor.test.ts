import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { RestartPolicy } from "../../src/daemon/restart-policy.ts";
import { Supervisor } from "../../src/daemon/supervisor.ts";
import { silentLogger } from "../../src/shared/logger.ts";
import { systemClock } from "../../src/shared/system-clock.ts";
import { until } from "../support/until.ts";

class Instance {
  closed = 0;
  readonly lose: (error: Error) => void;
  constructor(lose: (error: Error) => void) {
    this.lose = lose;
  }
  async close(): Promise<void> {
    this.closed += 1;
  }
}

function supervise(open: (lost: (error: Error) => void, signal: AbortSignal) => Promise<Instance>) {
  const events: string[] = [];
  const waiting: { text: string; resolve: () => void }[] = [];
  const say = (text: string): void => {
    events.push(text);
    for (const one of waiting.filter((candidate) => candidate.text === text)) one.resolve();
  };
  const supervisor = new Supervisor<Instance>({
    name: "part",
    policy: new RestartPolicy({ firstDelayMs: 1, largestDelayMs: 5, budget: 3, windowMs: 60_000 }, 0),
    clock: systemClock,
    logger: silentLogger,
    open,
    onUp: () => say("up"),
    onDown: (error) => say(`down: ${error.message}`),
  });
  const heard = (text: string): Promise<void> => new Promise((resolve) => waiting.push({ text, resolve }));
  return { supervisor, events, heard };
}

test("a lost instance is closed before the next one is opened", async () => {
  const instances: Instance[] = [];
  const { supervisor, events, heard } = supervise(async (lost) => {
    assert.ok(instances.every((instance) => instance.closed === 1));
    const instance = new Instance(lost);
    instances.push(instance);
    return instance;
  });
  const first = heard("up");
  supervisor.start();
  await first;
  const second = heard("up");
  instances[0]?.lose(new Error("dead"));
  await second;
  assert.deepEqual(events, ["up", "down: dead", "up"]);
  assert.equal(supervisor.restarts, 1);
  await supervisor.close();
  assert.deepEqual(
    instances.map((instance) => instance.closed),
    [1, 1],
  );
});

test("an instance that does not come up is tried again", async () => {
  let tries = 0;
  const { supervisor, events, heard } = supervise(async (lost) => {
    tries += 1;
    if (tries < 3) throw new Error(`no ${tries}`);
    return new Instance(lost);
  });
  const up = heard("up");
  supervisor.start();
  await up;
  assert.deepEqual(events, ["down: no 1", "down: no 2", "up"]);
  await supervisor.close();
});

test("lives that are over, and the waits between them, leave nothing behind", async () => {
  const heard: number[] = [];
  const { supervisor } = supervise(async (lost, signal) => {
    heard.push(getEventListeners(signal, "abort").length);
    const instance = new Instance(lost);
    // One loss in two is a refusal to come up.
    if (heard.length % 2 === 0) throw new Error("refused");
    queueMicrotask(() => lost(new Error("dead")));
    return instance;
  });
  supervisor.start();
  await until("many lives", () => heard.length > 12);
  await supervisor.close();
  assert.ok(
    heard.every((listeners) => listeners === heard[0]),
    heard.join(),
  );
});

test("closing ends an opening that hangs, by its signal, and nothing is opened afterwards", async () => {
  let opened = 0;
  const { supervisor, events } = supervise((_lost, signal) => {
    opened += 1;
    return new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("aborted")));
    });
  });
  supervisor.start();
  await supervisor.close();
  await supervisor.close();
  assert.equal(opened, 1);
  assert.deepEqual(events, []);
});

test("a renewed instance is no loss: the next one comes at once, and a wait for a next try ends", async () => {
  const instances: Instance[] = [];
  let refuse = false;
  const events: string[] = [];
  const policy = new RestartPolicy({ firstDelayMs: 3_600_000, largestDelayMs: 3_600_000, budget: 3, windowMs: 1 }, 0);
  const supervisor = new Supervisor<Instance>({
    name: "part",
    policy,
    clock: systemClock,
    logger: silentLogger,
    open: async (lost) => {
      if (refuse) throw new Error("refused");
      const instance = new Instance(lost);
      instances.push(instance);
      return Promise.resolve(instance);
    },
    onUp: () => events.push("up"),
    onDown: (error, { losses }) => events.push(`down: ${error.message}, ${losses} losses`),
  });
  supervisor.start();
  await until("the first", () => instances.length === 1 && events.length === 1);
  refuse = true;
  supervisor.renew("changed", "new settings");
  // The next one does not come up: it waits for an hour.
  await until("the refusal", () => events.length === 3);
  refuse = false;
  supervisor.renew("changed", "newer settings");
  await until("the second", () => instances.length === 2 && events.length === 4);
  assert.deepEqual(events, ["up", "down: new settings, 0 losses", "down: refused, 1 losses", "up"]);
  assert.equal(instances[0]?.closed, 1);
  await supervisor.close();
});

test("once the budget is spent it is mended before each wait and told, until it has lived for the window", async () => {
  let refuse = true;
  const events: string[] = [];
  const limits = { firstDelayMs: 1, largestDelayMs: 1, budget: 1, windowMs: 300 };
  const supervisor = new Supervisor<Instance>({
    ...{ name: "part", policy: new RestartPolicy(limits, 0), clock: systemClock, logger: silentLogger },
    open: async (lost) => {
      if (refuse) throw new Error("refused");
      return Promise.resolve(new Instance(lost));
    },
    onUp: () => events.push("up"),
    onDown: () => events.push("down"),
    onUnsteady: (found) => events.push(found ?? "steady"),
    mend: async (signal) => {
      assert.equal(signal.aborted, false);
      events.push("mend");
      refuse = false;
      return Promise.resolve();
    },
  });
  supervisor.start();
  await until("a steady instance", () => events.includes("steady"));
  const unsteady = "tried again each 0 s; last loss: refused";
  assert.deepEqual(events, ["down", "down", unsteady, "mend", "up", "steady"]);
  await supervisor.close();
});

test("closing ends the mending", async () => {
  let mending = false;
  const supervisor = new Supervisor<Instance>({
    name: "part",
    policy: new RestartPolicy({ firstDelayMs: 1, largestDelayMs: 3_600_000, budget: 0, windowMs: 60_000 }, 0),
    ...{ clock: systemClock, logger: silentLogger, onUp: () => undefined, onDown: () => undefined },
    open: () => Promise.reject(new Error("refused")),
    mend: (signal) => {
      mending = true;
      return new Promise((resolve) => signal.addEventListener("abort", () => resolve()));
    },
  });
  supervisor.start();
  await until("the mending", () => mending);
  await supervisor.close();
});
