import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Watchdog } from "../../src/ops/watchdog.ts";
import { KeptLog } from "../support/kept-log.ts";

/** A watchdog on a clock of the test's own, with what it told the service manager. */
function makeWatchdog(t: TestContext, watchdogMs: number | null) {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const told: string[] = [];
  const log = new KeptLog();
  const daemon: { stuck: string | null } = { stuck: null };
  const watchdog = new Watchdog({
    manager: { watchdogMs, alive: () => told.push("alive"), status: (text) => told.push(text) },
    stuck: () => daemon.stuck,
    status: () => "line1/st1 ready",
    logger: log,
  });
  t.after(() => watchdog.close());
  return { watchdog, told, log, daemon, tick: (ms: number) => t.mock.timers.tick(ms) };
}

test("three signs of life come in the time that the watchdog gives", (t) => {
  const { watchdog, told, tick } = makeWatchdog(t, 3_000);
  watchdog.start();
  tick(3_000);
  // At once, and after 1, 2 and 3 s.
  assert.equal(told.filter((one) => one === "alive").length, 4);
  watchdog.close();
  tick(3_000);
  assert.equal(told.filter((one) => one === "alive").length, 4);
});

test("what is stuck gives no sign of life, stands in the state, and is logged once with its end", (t) => {
  const { watchdog, told, log, daemon, tick } = makeWatchdog(t, 3_000);
  watchdog.start();
  daemon.stuck = "the database has not answered for 61 s";
  told.length = 0;
  tick(2_000);
  assert.deepEqual(told, [daemon.stuck, daemon.stuck]);
  assert.deepEqual(
    log.lines.map(({ level, msg }) => `${level}: ${msg}`),
    [
      "error: the daemon makes no progress: the database has not answered for 61 s; without progress the service manager starts it anew",
    ],
  );
  daemon.stuck = null;
  tick(1_000);
  assert.deepEqual(told.slice(2), ["line1/st1 ready", "alive"]);
  assert.equal(log.lines.at(-1)?.msg, "the daemon makes progress again");
});

test("without a watchdog the state is told all the same, and no sign of life", (t) => {
  const { watchdog, told, tick } = makeWatchdog(t, null);
  watchdog.start();
  tick(5_000);
  assert.deepEqual(told, ["line1/st1 ready", "line1/st1 ready"]);
});
