import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { carryOutLogLevel } from "../../src/daemon/log-level-command.ts";
import { LogLevelSwitch } from "../../src/ops/log-level.ts";
import { KeptLog } from "../support/kept-log.ts";

function levels(t: TestContext) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const applied: string[] = [];
  const log = new KeptLog();
  const clock = { monotonicMs: () => 0, wallMs: () => Date.UTC(2026, 0, 1) };
  const level = new LogLevelSwitch({ configured: "info", apply: (to) => applied.push(to), clock, logger: log });
  return { level, applied, log };
}

test("a level that is set for a time holds so long, then the configured one again", (t) => {
  const { level, applied, log } = levels(t);
  level.setFor("debug", 60_000);
  assert.deepEqual(level.status(), { level: "debug", configured: "info", until: "2026-01-01T00:01:00.000Z" });
  t.mock.timers.tick(59_999);
  assert.deepEqual(applied, ["debug"]);
  t.mock.timers.tick(1);
  assert.deepEqual(applied, ["debug", "info"]);
  assert.deepEqual(level.status(), { level: "info", configured: "info", until: null });
  assert.deepEqual(
    log.lines.map(({ msg }) => msg),
    ["the level of the log is debug, for 60 s", "the level of the log is info, as configured"],
  );
});

test("the last word counts: of two commands, and of a command and a configuration after it", (t) => {
  const { level, applied } = levels(t);
  level.setFor("debug", 60_000);
  level.setFor("error", 120_000);
  t.mock.timers.tick(60_000);
  assert.equal(level.status().level, "error");
  level.configure("warn");
  assert.deepEqual(level.status(), { level: "warn", configured: "warn", until: null });
  t.mock.timers.tick(120_000);
  assert.deepEqual(applied, ["debug", "error", "warn"]);
});

test("cmd/log-level: a level for 600 s, or for so many as it says; without one it only tells", (t) => {
  const { level } = levels(t);
  assert.equal(carryOutLogLevel(level, { level: "debug" }).until, "2026-01-01T00:10:00.000Z");
  assert.equal(carryOutLogLevel(level, { level: "debug", forS: 3_600 }).until, "2026-01-01T01:00:00.000Z");
  assert.equal(carryOutLogLevel(level, {}).level, "debug");
  for (const args of [{ level: "trace" }, { level: null }, { level: 20 }, { level: "info", forS: 0 }]) {
    assert.throws(() => carryOutLogLevel(level, args), { code: "command-arguments" }, JSON.stringify(args));
  }
  for (const forS of [3_601, 1.5, "60", null]) {
    assert.throws(() => carryOutLogLevel(level, { level: "info", forS }), /forS/);
  }
  assert.equal(level.status().level, "debug", "what is wrong changes nothing");
  level.close();
});
