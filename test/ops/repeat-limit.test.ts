import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { RepeatLimit } from "../../src/ops/repeat-limit.ts";
import { KeptLog } from "../support/kept-log.ts";

/** With timers and a clock of the test's own; `pass` lets time go by. */
function limited(t: TestContext, isUnlimited: () => boolean = () => false) {
  t.mock.timers.enable({ apis: ["setInterval"] });
  let nowMs = 1_000_000;
  const log = new KeptLog();
  const clock = { monotonicMs: () => nowMs, wallMs: () => nowMs };
  const limit = new RepeatLimit({ logger: log, clock, isUnlimited });
  const pass = (ms: number): void => {
    for (let passed = 0; passed < ms; passed += 1_000) {
      nowMs += 1_000;
      t.mock.timers.tick(1_000);
    }
  };
  const messages = (): string[] => log.lines.map(({ msg }) => msg);
  return { log, limit, pass, messages };
}

test("an event is logged at once, and its repeats once a minute with their number and the last fields", (t) => {
  const { log, limit, pass, messages } = limited(t);
  for (let i = 1; i <= 150; i++) {
    limit.warn({ station: "a", frameId: i }, `frame ${i} was not scored`);
    pass(1_000);
  }
  // Of 150 times; the third minute is not over.
  assert.deepEqual(messages(), [
    "frame 1 was not scored",
    "frame 60 was not scored (repeated 59 times more)",
    "frame 120 was not scored (repeated 60 times more)",
  ]);
  assert.deepEqual(log.lines[1], {
    ...{ level: "warn", station: "a", frameId: 60, repeated: 59, msg: messages()[1] },
  });
  limit.close();
  limit.close();
  assert.equal(messages().at(-1), "frame 150 was not scored (repeated 30 times more)");
  const told = log.lines.reduce((sum, { repeated }) => sum + (typeof repeated === "number" ? repeated : 1), 0);
  assert.equal(told, 150, "nothing is lost from the count");
});

test("what differs in level, words, station, code or any field that may matter is another event", (t) => {
  const { limit, messages } = limited(t);
  limit.warn({ station: "a" }, "lost");
  limit.error({ station: "a" }, "lost");
  limit.warn({ station: "b" }, "lost");
  limit.warn({ station: "a", code: "x" }, "lost");
  limit.warn({ station: "a" }, "lost, budget spent");
  limit.info({ version: 7 }, "pushed configuration: ok");
  limit.info({ version: 8 }, "pushed configuration: ok");
  limit.error({}, "bank washer-1a2b3c4d does not load");
  limit.error({}, "bank washer-9f8e7d6c does not load");
  assert.equal(messages().length, 9);
  limit.warn({ station: "a" }, "lost");
  assert.equal(messages().length, 9);
});

test("after a quiet minute the same event is news again", (t) => {
  const { limit, pass, messages } = limited(t);
  limit.error({}, "gone");
  pass(61_000);
  limit.error({}, "gone");
  assert.deepEqual(messages(), ["gone", "gone"]);
});

test("numbers and addresses of memory make no other event", (t) => {
  const { limit, messages } = limited(t);
  limit.warn({}, "child 17 ended at 0x7f12ab after 3.5 s");
  limit.warn({}, "child 18 ended at 0x7e000c after 12 s");
  assert.equal(messages().length, 1);
});

test("debug is not limited: it was asked for", (t) => {
  const { limit, messages } = limited(t);
  for (let i = 0; i < 5; i++) limit.debug({}, "a detail");
  assert.equal(messages().length, 5);
});

test("memory is bounded: beyond 1,000 events the oldest is told of and forgotten", (t) => {
  const { limit, messages } = limited(t);
  limit.warn({}, "first");
  limit.warn({}, "first");
  for (let i = 0; i < 1_000; i++) limit.warn({ code: `c${i}` }, "other");
  assert.equal(messages().at(-1), "first (repeated once more)");
  limit.warn({}, "first");
  assert.equal(messages().at(-1), "first");
  limit.close();
});

test("while somebody looks, every line is there, and what was held back before is told first", (t) => {
  let looks = false;
  const { limit, messages } = limited(t, () => looks);
  for (let i = 0; i < 3; i++) limit.info({ station: "a" }, "camera is playing");
  looks = true;
  for (let i = 0; i < 2; i++) limit.info({ station: "a" }, "camera is playing");
  const line = "camera is playing";
  assert.deepEqual(messages(), [line, `${line} (repeated 2 times more)`, line, line]);
});
