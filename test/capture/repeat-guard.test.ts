import assert from "node:assert/strict";
import { test } from "node:test";
import { RepeatGuard } from "../../src/capture/repeat-guard.ts";

test("the same picture twice in a row is seen, and only then", () => {
  const guard = new RepeatGuard();
  const [a, b] = [Buffer.from([1, 2, 3]), Buffer.from([1, 2, 4])];
  assert.deepEqual(
    [a, b, Buffer.from(b), a].map((frame) => guard.isRepeated(frame)),
    [false, false, true, false],
  );
});

test("a wholly dark or overexposed picture may repeat", () => {
  const guard = new RepeatGuard();
  const frames = [Buffer.alloc(9), Buffer.alloc(9), Buffer.alloc(9, 255), Buffer.alloc(9, 255)];
  assert.deepEqual(
    frames.map((frame) => guard.isRepeated(frame)),
    [false, false, false, false],
  );
});
