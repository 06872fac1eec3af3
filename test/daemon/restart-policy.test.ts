import assert from "node:assert/strict";
import { test } from "node:test";
import { RestartPolicy } from "../../src/daemon/restart-policy.ts";

const limits = { firstDelayMs: 100, largestDelayMs: 1_000, budget: 3, windowMs: 10_000 };

test("the delay doubles with each loss inside the window", () => {
  const policy = new RestartPolicy(limits, 0);
  assert.deepEqual(
    [0, 1, 2].map((nowMs) => policy.lost(nowMs).delayMs),
    [100, 200, 400],
  );
});

test("past the budget the delay is the largest and the loss is a fault of its own", () => {
  const policy = new RestartPolicy(limits, 0);
  for (const nowMs of [0, 1, 2]) assert.equal(policy.lost(nowMs).exhausted, false);
  assert.deepEqual(policy.lost(3), { delayMs: 1_000, exhausted: true, losses: 4 });
});

test("losses in a row use the budget up however long each try took, until it has worked", () => {
  const policy = new RestartPolicy({ ...limits, budgetInARow: 2 }, 0);
  // Each after a quiet window.
  const lost = (nth: number) => policy.lost(nth * 20_000);
  assert.deepEqual(
    [1, 2, 3].map((nth) => lost(nth).exhausted),
    [false, false, true],
  );
  policy.worked();
  assert.deepEqual(lost(4), { delayMs: 100, exhausted: false, losses: 1 });
});

test("a loss after a quiet window begins anew", () => {
  const policy = new RestartPolicy(limits, 0);
  policy.lost(0);
  policy.lost(1);
  assert.equal(policy.lost(10_001).delayMs, 100);
});

test("the source's own least delay is kept however small the back-off is", () => {
  assert.equal(new RestartPolicy(limits, 3_000).lost(0).delayMs, 3_000);
});
