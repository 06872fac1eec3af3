import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { processStartTicks } from "../../src/shared/process-identity.ts";

test("a process has one start time, and none when it is gone", async () => {
  const child = spawn("sleep", ["60"]);
  assert.ok(child.pid !== undefined);
  const ticks = await processStartTicks(child.pid);
  assert.match(String(ticks), /^\d+$/);
  assert.equal(await processStartTicks(child.pid), ticks);
  assert.ok(Number(ticks) >= Number(await processStartTicks(process.pid)));
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
  assert.equal(await processStartTicks(child.pid), null);
});
