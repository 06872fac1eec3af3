import assert from "node:assert/strict";
import { test } from "node:test";
import { PendingRequests } from "../../src/shared/pending-requests.ts";

test("a request that nobody answers is rejected at its deadline, after the hook", async () => {
  const pending = new PendingRequests();
  const steps: string[] = [];
  const { answer } = pending.open("the answer to everything", 10, () => steps.push("deadline"));
  const message = "Expected an answer to the answer to everything within 10 ms but none came";
  await assert.rejects(answer, { code: "request-deadline", message });
  assert.deepEqual(steps, ["deadline"]);
  assert.equal(pending.size, 0);
});

test("an answer that lay unread while this process was held up still counts", async () => {
  const pending = new PendingRequests();
  let deadlines = 0;
  const { id, answer } = pending.open<string>("a frame", 10, () => deadlines++);
  // The loop stands still past the deadline; messages are read only after timers.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
  setImmediate(() => pending.resolve(id, "scored"));
  assert.equal(await answer, "scored");
  assert.equal(deadlines, 0);
});

test("a process that was held up still gives up on an answer that never comes", async () => {
  const pending = new PendingRequests();
  const { answer } = pending.open("a frame", 10);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
  await assert.rejects(answer, { code: "request-deadline" });
});

test("a rejection of all leaves nothing open, and a late answer finds nobody", async () => {
  const pending = new PendingRequests();
  const { id, answer } = pending.open("a frame", 60_000);
  pending.rejectAll(new Error("gone"));
  await assert.rejects(answer, /gone/);
  assert.equal(pending.resolve(id, 1), false);
});
