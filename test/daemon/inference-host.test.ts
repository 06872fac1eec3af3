import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceConfig } from "../../src/config/config.ts";
import { InferenceHost } from "../../src/daemon/inference-host.ts";
import { systemClock } from "../../src/shared/system-clock.ts";
import { KeptLog } from "../support/kept-log.ts";
import { until } from "../support/until.ts";

const SETTINGS: DeviceConfig["inference"] = {
  ...{ processes: 1, threads: 1, spinning: false, provider: "cpu", allowCpuFallback: false },
  ...{ startTimeoutMs: 120_000, frameTimeoutMs: 60_000 },
};

test("an inference process that restarts do not help is told to be unsteady, to who comes later too, until it lives on", async (t) => {
  const told: (string | null)[] = [];
  const pids: number[] = [];
  const host = new InferenceHost({
    ...{ name: "inference", settings: SETTINGS, clock: systemClock, logger: new KeptLog() },
    limits: { firstDelayMs: 10, largestDelayMs: 10, budget: 1, windowMs: 20_000 },
  });
  t.after(() => host.close());
  host.attach({
    inferenceUp: ({ pid = 0 }) => {
      pids.push(pid);
      // Both in the window, so that the second is beyond the budget of one.
      if (pids.length <= 2) process.kill(pid, "SIGKILL");
    },
    inferenceDown: () => undefined,
    inferenceUnsteady: (found) => told.push(found),
  });
  host.start();
  await until("the second loss", () => told.length === 2);
  assert.equal(told[0], null, "at first it is not");
  assert.match(told[1] ?? "", /^tried again each 0 s; last loss: .*SIGKILL/);
  const later: (string | null)[] = [];
  host.attach({
    inferenceUp: () => undefined,
    inferenceDown: () => undefined,
    inferenceUnsteady: (found) => later.push(found),
  });
  assert.deepEqual(later, [told[1]]);
  await until("a steady process", () => told.at(-1) === null && later.at(-1) === null);
  assert.equal(new Set(pids).size, 3);
});
