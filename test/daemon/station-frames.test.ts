import assert from "node:assert/strict";
import { test } from "node:test";
import type { CaptureClient } from "../../src/capture/capture-client.ts";
import { StationFrames } from "../../src/daemon/station-frames.ts";
import type { FrameReference } from "../../src/shared/image.ts";

function framesOf() {
  const released: number[] = [];
  const client = { release: ({ seq }: FrameReference) => released.push(seq) } as unknown as CaptureClient;
  const frames = new StationFrames();
  const take = (seq: number): number => frames.take({ seq } as FrameReference, client);
  return { frames, released, take };
}

test("a frame that somebody borrowed goes back when both he and the station are through with it, whoever is first", async () => {
  const { frames, released, take } = framesOf();
  const first = frames.borrow();
  const second = frames.borrow();
  const id = take(1);
  const [one, other] = [await first, await second];
  assert.deepEqual([one.frame.seq, other.frame.seq], [1, 1]);
  one.giveBack();
  frames.release(id);
  assert.deepEqual([released, frames.size, frames.get(id)], [[], 0, undefined]);
  other.giveBack();
  assert.deepEqual(released, [1]);
  // Who asks once is lent one frame; a name that was given up changes nothing.
  const next = take(2);
  frames.release(id);
  frames.release(next);
  frames.release(next);
  assert.deepEqual(released, [1, 2]);
});

test("who waits for a frame of a silent camera is told so, and the next frame is not kept for him", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { frames, released, take } = framesOf();
  const borrowed = frames.borrow();
  t.mock.timers.tick(10_000);
  await assert.rejects(borrowed, { code: "camera-silent", message: /^Expected a frame within 10000 ms but none came/ });
  frames.release(take(1));
  assert.deepEqual(released, [1]);
});
