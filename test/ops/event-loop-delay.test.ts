import assert from "node:assert/strict";
import { test } from "node:test";
import { EventLoopDelay } from "../../src/ops/event-loop-delay.ts";

test("a loop that is held up for 200 ms shows it as its largest delay, and an idle one does not", async (t) => {
  const delay = new EventLoopDelay();
  t.after(() => delay.close());
  assert.deepEqual(delay.read(), { p50Ms: 0, p99Ms: 0, maxMs: 0 });
  delay.start();
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (const endMs = performance.now() + 200; performance.now() < endMs;);
  await new Promise((resolve) => setTimeout(resolve, 50));
  const { p50Ms, p99Ms, maxMs } = delay.read();
  // A sample of 10 ms may have been due at any moment of the 200 ms.
  assert.ok(maxMs >= 180, `${maxMs} ms`);
  assert.ok(p50Ms <= p99Ms && p99Ms <= maxMs);
});
