import assert from "node:assert/strict";
import { test } from "node:test";
import { CaptureWatch } from "../../src/capture/capture-watch.ts";
import type { CaptureSettings } from "../../src/capture/protocol.ts";

const settings: Omit<CaptureSettings, "slotFolder"> = {
  station: "st1",
  source: { kind: "test", pattern: "ball" },
  delivery: "freshest",
  slotCount: 2,
  captureLatencyMs: 0,
  firstFrameTimeoutMs: 1_000,
  frameTimeoutMs: 300,
};
const limits = { silenceMs: 5_000, startMarginMs: 500, frameMarginMs: 100 };

function watchAt(more: Partial<typeof settings> = {}): { watch: CaptureWatch; at: (ms: number) => CaptureWatch } {
  let nowMs = 0;
  const clock = { monotonicMs: () => nowMs, wallMs: () => 0 };
  const watch = new CaptureWatch({ ...settings, ...more }, clock, limits);
  const at = (ms: number): CaptureWatch => {
    nowMs = ms;
    return watch;
  };
  return { watch, at };
}

test("a process that says nothing after its start hangs once the first frame and a margin are over", () => {
  const { at } = watchAt();
  // 1000 + 500
  assert.equal(at(1_500).hung(), null);
  assert.equal(at(1_501).hung(), "a word about its start within 1500 ms");
});

test("a start that takes long is no hang while the process speaks", () => {
  const { at } = watchAt();
  at(1_400).onMessage();
  assert.equal(at(2_900).hung(), null);
  assert.notEqual(at(2_901).hung(), null);
});

test("a pipeline that plays without a first frame hangs even if the process speaks", () => {
  const { at } = watchAt();
  at(100).onMessage();
  at(100).onPlaying();
  at(1_600).onMessage();
  assert.equal(at(1_600).hung(), null);
  assert.equal(at(1_601).hung(), "the first frame within 1500 ms");
});

test("frames that stop hang after the frame timeout and a margin, if a slot is free", () => {
  const { at } = watchAt();
  at(0).onPlaying();
  at(100).onFrame(1);
  at(500).onMessage();
  // 100 + 300 + 100
  assert.equal(at(500).hung(), null);
  assert.equal(at(501).hung(), "a frame within 400 ms");
});

test("no frame is due while all slots are taken, and the time begins with the credit", () => {
  const { at } = watchAt();
  at(0).onPlaying();
  at(100).onFrame(2);
  at(4_000).onMessage();
  assert.equal(at(4_000).hung(), null);
  at(4_000).onCredit(1);
  assert.equal(at(4_400).hung(), null);
  assert.notEqual(at(4_401).hung(), null);
});

test("a live source in every must tell its drops, so it is due even while all slots are taken", () => {
  const { at } = watchAt({ delivery: "every" });
  at(0).onPlaying();
  at(100).onFrame(2);
  assert.notEqual(at(501).hung(), null);
});

test("a rate that was asked for lengthens the wait for a frame", () => {
  const { at } = watchAt({ maxRateHz: 1 });
  at(0).onPlaying();
  at(100).onFrame(1);
  // 100 + 300 + 1000 + 100
  assert.equal(at(1_500).hung(), null);
  assert.notEqual(at(1_501).hung(), null);
});

test("a triggered camera may wait for hours, but its process must not fall silent", () => {
  const { at } = watchAt({ frameTimeoutMs: 0 });
  at(0).onPlaying();
  at(100).onFrame(1);
  at(3_600_000).onMessage();
  assert.equal(at(3_605_000).hung(), null);
  assert.equal(at(3_605_001).hung(), "any message within 5000 ms");
});

test("after the watcher itself was held up, every time begins anew", () => {
  const { at } = watchAt();
  at(0).onPlaying();
  at(100).onFrame(1);
  at(60_000).restart();
  assert.equal(at(60_400).hung(), null);
  assert.notEqual(at(60_401).hung(), null);
});
