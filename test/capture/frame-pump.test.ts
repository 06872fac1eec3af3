import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { AppSink, Caps } from "gstreamer-superficial";
import { FramePump } from "../../src/capture/frame-pump.ts";
import type { CaptureSettings, FromCapture } from "../../src/capture/protocol.ts";
import { Slots } from "../../src/capture/slots.ts";
import { NominalError } from "../../src/shared/errors.ts";
import { until } from "../support/until.ts";
import { temporaryFolder } from "./pictures.ts";

const CAPS: Caps = { format: "RGB", width: 4, height: 1 };

interface Rig {
  readonly pump: FramePump;
  readonly messages: FromCapture[];
  readonly faults: unknown[];
  /** Pulls that wait for a frame; never more than one. */
  readonly pulls: ((buffer: Buffer | null, caps: Caps) => void)[];
  readonly deliver: (value: number) => void;
  readonly setTime: (ms: number) => void;
  ends: number;
}

async function rig(t: TestContext, more: Partial<CaptureSettings> = {}): Promise<Rig> {
  const slotFolder = await temporaryFolder(t);
  const settings: CaptureSettings = {
    station: "st1",
    source: { kind: "test", pattern: "ball" },
    delivery: "freshest",
    slotFolder,
    slotCount: 2,
    captureLatencyMs: 40,
    firstFrameTimeoutMs: 60_000,
    frameTimeoutMs: 0,
    ...more,
  };
  const [messages, faults, pulls]: [FromCapture[], unknown[], Rig["pulls"]] = [[], [], []];
  let nowMs = 1_000;
  const sink: AppSink = { pull: (callback) => pulls.push(callback) };
  const slots = new Slots(slotFolder, settings.slotCount);
  const pump = new FramePump({
    settings,
    sink,
    slots,
    clock: { monotonicMs: () => nowMs, wallMs: () => 0 },
    send: (message) => messages.push(message),
    onNothing: () => (self.ends += 1),
    onFault: (error) => faults.push(error),
  });
  t.after(() => {
    pump.stop();
    slots.close();
  });
  const self: Rig = {
    pump,
    messages,
    faults,
    pulls,
    deliver: (value) => pulls.shift()?.(Buffer.alloc(12, value), CAPS),
    setTime: (ms) => (nowMs = ms),
    ends: 0,
  };
  return self;
}

const kinds = (messages: readonly FromCapture[]): string[] =>
  messages.map((message) =>
    message.type === "frame"
      ? `frame ${message.frame.seq}`
      : message.type === "dropped"
        ? `dropped ${message.seq}`
        : message.type,
  );
const codes = (faults: readonly unknown[]): unknown[] =>
  faults.map((fault) => (fault instanceof NominalError ? fault.code : fault));

test("in freshest nothing is pulled while all slots are taken", async (t) => {
  const { pump, pulls, messages, deliver } = await rig(t);
  pump.start(0);
  deliver(1);
  deliver(2);
  assert.equal(pulls.length, 0);
  pump.credit(0);
  assert.equal(pulls.length, 1);
  deliver(3);
  assert.deepEqual(kinds(messages), ["frame 1", "frame 2", "frame 3"]);
});

test("a live source in every is pulled without a free slot, and each lost frame is told by its number", async (t) => {
  const { pump, pulls, messages, deliver } = await rig(t, { delivery: "every" });
  pump.start(0);
  for (const value of [1, 2, 3, 4]) deliver(value);
  pump.credit(1);
  deliver(5);
  assert.equal(pulls.length, 1);
  assert.deepEqual(kinds(messages), ["frame 1", "frame 2", "dropped 3", "dropped 4", "frame 5"]);
});

test("a folder that waits for us is pulled only with a free slot, so nothing of it is lost", async (t) => {
  const { pump, pulls, deliver } = await rig(t, {
    delivery: "every",
    source: { kind: "folder", path: "/p", loop: false, paced: false },
  });
  pump.start(0);
  deliver(1);
  deliver(2);
  assert.equal(pulls.length, 0);
});

test("a frame is stamped when it comes, and taken as captured earlier by the capture latency", async (t) => {
  const { pump, messages, deliver, setTime } = await rig(t);
  pump.start(0);
  setTime(5_000);
  deliver(1);
  const [message] = messages;
  assert.equal(message?.type, "frame");
  assert.equal(message.frame.deliveredAtMs, 5_000);
  assert.equal(message.frame.capturedAtMs, 4_960);
});

test("a credit while a pull is outstanding starts no second one", async (t) => {
  const { pump, pulls, deliver } = await rig(t);
  pump.start(0);
  deliver(1);
  pump.credit(0);
  assert.equal(pulls.length, 1);
});

test("with a highest rate the next frame is pulled when it is due", async (t) => {
  const { pump, pulls, deliver, setTime } = await rig(t, { maxRateHz: 50 });
  pump.start(0);
  deliver(1);
  assert.equal(pulls.length, 0);
  // 1000 + 1000 / 50 = 1020: the pump's timer looks at this clock.
  setTime(1_020);
  await until("the next pull", () => pulls.length === 1);
});

test("a sink that gives nothing is told, and not asked again", async (t) => {
  const self = await rig(t);
  self.pump.start(0);
  self.pulls.shift()?.(null, {});
  assert.equal(self.ends, 1);
  assert.equal(self.pulls.length, 0);
});

test("no first frame in time is a fault, and so is no frame after the last", async (t) => {
  const first = await rig(t, { firstFrameTimeoutMs: 1 });
  first.pump.start(0);
  await until("the fault", () => first.faults.length > 0);
  assert.deepEqual(codes(first.faults), ["first-frame-timeout"]);
  const later = await rig(t, { frameTimeoutMs: 1 });
  later.pump.start(0);
  later.deliver(1);
  await until("the fault", () => later.faults.length > 0);
  assert.deepEqual(codes(later.faults), ["frame-timeout"]);
});

test("the frame watchdog rests while nothing is pulled for want of a slot", async (t) => {
  const { pump, faults, deliver, pulls } = await rig(t, { frameTimeoutMs: 1 });
  pump.start(0);
  deliver(1);
  deliver(2);
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(faults, []);
  pump.credit(0);
  assert.equal(pulls.length, 1);
  await until("the fault", () => faults.length > 0);
});

test("a frame that a live camera repeats is marked, the fifth repeat in a row is a fault, and a test source may", async (t) => {
  const camera = await rig(t, { source: { kind: "v4l2", device: "/dev/video0" }, slotCount: 16 });
  camera.pump.start(0);
  const deliver = (text: string): void => camera.pulls.shift()?.(Buffer.from(text), CAPS);
  const marks = (): boolean[] =>
    camera.messages.map((message) => message.type === "frame" && message.frame.repeated === true);
  for (const text of ["abcdefghijkl", "abcdefghijkl", "mnopqrstuvwx"]) deliver(text);
  assert.deepEqual(marks(), [false, true, false]);
  for (let repeat = 0; repeat < 4; repeat += 1) deliver("mnopqrstuvwx");
  assert.deepEqual(marks().slice(3), [true, true, true, true]);
  assert.deepEqual(camera.faults, []);
  deliver("mnopqrstuvwx");
  assert.equal(camera.messages.length, 7);
  assert.deepEqual(codes(camera.faults), ["frame-repeated"]);
  assert.equal(camera.pulls.length, 0);
  const picture = await rig(t);
  picture.pump.start(0);
  for (let frame = 0; frame < 2; frame += 1) picture.pulls.shift()?.(Buffer.from("abcdefghijkl"), CAPS);
  assert.deepEqual(kinds(picture.messages), ["frame 1", "frame 2"]);
});

test("a frame that is not as long or not of the format that its caps say is a fault", async (t) => {
  const short = await rig(t);
  short.pump.start(0);
  short.pulls.shift()?.(Buffer.alloc(11), CAPS);
  assert.deepEqual(codes(short.faults), ["frame-length"]);
  const other = await rig(t);
  other.pump.start(0);
  other.pulls.shift()?.(Buffer.alloc(12), { ...CAPS, format: "BGR" });
  assert.deepEqual(codes(other.faults), ["frame-unreadable"]);
  assert.deepEqual([...short.messages, ...other.messages], []);
});
