import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { CaptureClient } from "../../src/capture/capture-client.ts";
import type { CaptureSource } from "../../src/capture/protocol.ts";
import { minimumRespawnDelayMs } from "../../src/capture/respawn-delay.ts";
import { removeStaleSlots } from "../../src/capture/slot-folder.ts";
import { childEntry } from "../../src/shared/child-process.ts";
import { ConfigError, DeviceError, InputError } from "../../src/shared/errors.ts";
import type { FrameReference } from "../../src/shared/image.ts";
import { residentOf } from "../support/resident-memory.ts";
import { isAlive, until } from "../support/until.ts";
import { smallTmpfs } from "../support/small-tmpfs.ts";
import { startCapture } from "./capture-rig.ts";
import { picture, pngChunk, temporaryFolder } from "./pictures.ts";
import type { Colour } from "./pictures.ts";

const RED: CaptureSource = { kind: "test", pattern: "red" };
const BALL: CaptureSource = { kind: "test", pattern: "ball" };

/** The frame's colour, if it is of one colour throughout. */
function colourOf(frame: FrameReference): number[] {
  const pixels = readFileSync(frame.path).subarray(0, frame.width * frame.height * 3);
  const first = [...pixels.subarray(0, 3)];
  assert.equal(pixels.length, frame.width * frame.height * 3);
  for (let at = 0; at < pixels.length; at += 3)
    assert.deepEqual([...pixels.subarray(at, at + 3)], first, `pixel ${at / 3}`);
  return first;
}

async function folderOf(t: TestContext, files: Readonly<Record<string, Buffer>>): Promise<string> {
  const folder = await temporaryFolder(t);
  for (const [name, data] of Object.entries(files)) await writeFile(join(folder, name), data);
  return folder;
}

/** Colours that PNG keeps exactly, each different. */
const COLOURS: readonly Colour[] = [
  [10, 20, 30],
  [200, 0, 0],
  [0, 200, 0],
  [0, 0, 200],
  [255, 255, 255],
  [1, 2, 3],
];

async function colourFolder(t: TestContext): Promise<string> {
  const pictures = await Promise.all(COLOURS.map((colour, index) => picture("png", 5 + index, 3, colour)));
  return folderOf(t, Object.fromEntries(pictures.map((data, index) => [`part ${index}.png`, data])));
}

test("frames of a test picture come with the right pixels, though their rows are padded on the way", async (t) => {
  const size = { width: 33, height: 7, framerate: 50 };
  const colours: number[][] = [];
  const { frames, lost } = await startCapture(t, RED, {
    ...size,
    captureLatencyMs: 20,
    onFrame: (frame, client) => {
      colours.push(colourOf(frame));
      client.release(frame);
    },
  });
  await until("frames", () => frames.length >= 8);
  assert.deepEqual(lost, []);
  for (const [index, frame] of frames.entries()) {
    assert.deepEqual(colours[index], [255, 0, 0]);
    assert.deepEqual([frame.width, frame.height, frame.format, frame.seq], [33, 7, "RGB", index + 1]);
    assert.ok(Math.abs(frame.deliveredAtMs - frame.capturedAtMs - 20) < 1e-6);
  }
});

test("all threads of the process share one arena of the allocator, so that none keeps what another could use", async (t) => {
  const { client, frames, lost } = await startCapture(t, BALL, {
    ...{ width: 640, height: 480, framerate: 50 },
    onFrame: (frame, capture) => capture.release(frame),
  });
  await until("frames", () => frames.length >= 20 || lost.length > 0);
  assert.deepEqual(lost, []);
  const resident = await residentOf(client.pid ?? 0);
  assert.ok(resident !== null && resident.mainArena > 1, JSON.stringify(resident));
  assert.equal(resident.threadArenaCount, 0, JSON.stringify(resident));
});

test("a folder once delivers every file in order, each of its own size, and ends", async (t) => {
  const path = await colourFolder(t);
  const colours: number[][] = [];
  const source = { kind: "folder", path, loop: false, paced: false } as const;
  const { frames, ended, lost, client, slotFolders } = await startCapture(t, source, {
    delivery: "every",
    slotCount: 2,
    onFrame: (frame, owner) => {
      colours.push(colourOf(frame));
      // Late: with two slots the source must wait for the credits.
      setTimeout(() => owner.release(frame), 20);
    },
  });
  await until("the end", () => ended.length > 0);
  assert.deepEqual(colours, COLOURS);
  assert.deepEqual(
    frames.map(({ width, seq }) => [seq, width]),
    COLOURS.map((_, index) => [index + 1, index + 5]),
  );
  assert.deepEqual(ended, [COLOURS.length]);
  await until("the end of the process and its slots", async () => (await slotFolders()).length === 0);
  assert.equal(await isAlive(client.pid ?? 0), false);
  assert.deepEqual(lost, []);
});

test("a paced folder in a loop begins again after its last file", async (t) => {
  const path = await colourFolder(t);
  const colours: number[][] = [];
  const source = { kind: "folder", path, loop: true, paced: true } as const;
  const { ended, lost, dropped } = await startCapture(t, source, {
    delivery: "every",
    framerate: 40,
    // Room for both rounds: on a busy machine the credits may come late.
    slotCount: 16,
    onFrame: (frame, owner) => {
      colours.push(colourOf(frame));
      owner.release(frame);
    },
  });
  await until("two rounds", () => colours.length + dropped.length >= 2 * COLOURS.length);
  assert.deepEqual(colours.slice(0, 12), [...COLOURS, ...COLOURS]);
  assert.deepEqual([ended, lost, dropped], [[], [], []]);
});

test("JPEG files come like PNG files", async (t) => {
  // Grey survives JPEG's colour space within rounding.
  const path = await folderOf(t, { "a.jpg": await picture("jpeg", 16, 16, [128, 128, 128]) });
  const colours: number[][] = [];
  const source = { kind: "folder", path, loop: false, paced: false } as const;
  const { ended } = await startCapture(t, source, {
    onFrame: (frame) => colours.push(colourOf(frame)),
  });
  await until("the end", () => ended.length > 0);
  assert.equal(colours.length, 1);
  for (const channel of colours[0] ?? []) assert.ok(Math.abs(channel - 128) <= 1);
});

test("frames that nobody releases take all slots and no more", async (t) => {
  const { client, frames, dropped } = await startCapture(t, BALL, { framerate: 100, slotCount: 2 });
  await until("the slots to be taken", () => frames.length === 2);
  await sleep(200);
  assert.equal(frames.length, 2);
  assert.equal(client.outstanding, 2);
  assert.deepEqual(dropped, []);
  const [first] = frames;
  assert.ok(first !== undefined);
  assert.equal(client.release(first), true);
  assert.equal(client.release(first), false);
  assert.equal(client.release({ ...first, path: "/dev/shm/other/0.raw" }), false);
  await until("the frame for the free slot", () => frames.length === 3);
  await sleep(200);
  assert.equal(frames.length, 3);
});

test("of a camera whose every frame is a part, frames that find no slot are told by their numbers", async (t) => {
  const { frames, dropped } = await startCapture(t, BALL, { framerate: 100, slotCount: 2, delivery: "every" });
  await until("drops", () => dropped.length >= 3);
  assert.deepEqual(
    frames.map(({ seq }) => seq),
    [1, 2],
  );
  assert.deepEqual(dropped.slice(0, 3), [3, 4, 5]);
});

test("a capture process that is killed is lost once, and its slots go when the last frame is released", async (t) => {
  const { client, frames, lost, slotFolders } = await startCapture(t, BALL);
  await until("a frame", () => frames.length > 0);
  process.kill(client.pid ?? 0, "SIGKILL");
  await until("the loss", () => lost.length > 0);
  assert.ok(lost[0] instanceof DeviceError);
  assert.equal(lost[0].code, "capture-exited");
  assert.match(lost[0].message, /st1 ended with SIGKILL/);
  assert.equal((await slotFolders()).length, 1);
  for (const frame of frames) client.release(frame);
  await until("the removal", async () => (await slotFolders()).length === 0);
  await client.close();
  assert.equal(lost.length, 1);
});

test("a capture process that is stopped is killed by the daemon's own watch", async (t) => {
  const { client, frames, lost } = await startCapture(t, BALL, {
    frameTimeoutMs: 3_000,
    watchLimits: { silenceMs: 60_000, startMarginMs: 30_000, frameMarginMs: 500 },
    onFrame: (frame, owner) => owner.release(frame),
  });
  await until("a frame", () => frames.length > 0);
  process.kill(client.pid ?? 0, "SIGSTOP");
  await until("the loss", () => lost.length > 0);
  assert.equal(lost[0]?.code, "capture-hung");
  assert.match(lost[0].message, /Expected a frame within 3500 ms/);
  assert.equal(await isAlive(client.pid ?? 0), false);
});

test("a stopped process of a triggered camera is found by its silence", async (t) => {
  const { client, frames, lost } = await startCapture(t, BALL, {
    frameTimeoutMs: 0,
    slotCount: 1,
    watchLimits: { silenceMs: 4_000, startMarginMs: 30_000, frameMarginMs: 0 },
  });
  await until("a frame", () => frames.length > 0);
  // All slots are taken: only the process's word every second tells that it lives.
  await sleep(4_500);
  assert.equal(lost.length, 0);
  process.kill(client.pid ?? 0, "SIGSTOP");
  await until("the loss", () => lost.length > 0);
  assert.equal(lost[0]?.code, "capture-hung");
  assert.match(lost[0].message, /any message within 4000 ms/);
});

test("close ends a stopped process, leaves no slot, is told no loss and may be called again", async (t) => {
  const { client, frames, lost, slotFolders } = await startCapture(t, BALL);
  await until("a frame", () => frames.length > 0);
  process.kill(client.pid ?? 0, "SIGSTOP");
  await Promise.all([client.close(), client.close()]);
  assert.equal(await isAlive(client.pid ?? 0), false);
  assert.deepEqual(await slotFolders(), []);
  await sleep(100);
  assert.deepEqual(lost, []);
});

test("close while the start is under way leaves neither a process nor a slot", async (t) => {
  const shared = await temporaryFolder(t);
  const rig = await startCapture(t, BALL, { sharedMemoryFolder: shared });
  await rig.client.close();
  const never = (): void => assert.fail("Nothing may be told");
  const client = new CaptureClient({
    settings: {
      station: "st2",
      source: BALL,
      delivery: "every",
      slotCount: 1,
      captureLatencyMs: 0,
      firstFrameTimeoutMs: 1,
      frameTimeoutMs: 1,
    },
    sharedMemoryFolder: shared,
    logger: { debug: never, info: never, warn: never, error: never },
    clock: { monotonicMs: () => 0, wallMs: () => 0 },
    onPlaying: never,
    onFrame: never,
    onDropped: never,
    onEnded: never,
    onLost: never,
  });
  const started = client.start();
  await client.close();
  await started;
  assert.equal(client.pid, undefined);
  assert.deepEqual(await rig.slotFolders(), []);
});

test("a camera that is not there is told with its device and the system's reason", async (t) => {
  const { lost, frames, slotFolders } = await startCapture(t, { kind: "v4l2", device: "/dev/video99" });
  await until("the loss", () => lost.length > 0);
  assert.ok(lost[0] instanceof DeviceError);
  assert.equal(lost[0].code, "camera-unavailable");
  assert.match(lost[0].message, /camera \/dev\/video99 but: .*No such file or directory/);
  assert.deepEqual(frames, []);
  await until("the removal", async () => (await slotFolders()).length === 0);
});

test("a pattern that GStreamer does not know, and a value that could add an element, are errors of the configuration", async (t) => {
  const unknown = await startCapture(t, { kind: "test", pattern: "rainbow" });
  await until("the loss", () => unknown.lost.length > 0);
  assert.ok(unknown.lost[0] instanceof ConfigError);
  assert.match(unknown.lost[0].message, /test source rainbow but: could not set property/);
  const forged = await startCapture(t, { kind: "test", pattern: "red ! fakesink" });
  await until("the loss", () => forged.lost.length > 0);
  assert.ok(forged.lost[0] instanceof ConfigError);
  assert.equal(forged.lost[0].code, "capture-settings");
});

test("a source that gives no frame in time is lost with that reason", async (t) => {
  // One frame in 1000 seconds: the first comes at once, the second is due after the test.
  const { lost, frames } = await startCapture(t, BALL, {
    framerate: 0.001,
    frameTimeoutMs: 300,
    onFrame: (frame, client) => client.release(frame),
  });
  await until("the loss", () => lost.length > 0);
  assert.equal(frames.length, 1);
  assert.equal(lost[0]?.code, "frame-timeout");
});

test("broken and mixed files of a folder are told by name", async (t) => {
  const png = await picture("png", 20, 20, [5, 5, 5]);
  for (const [files, code, message] of [
    [{ "a.png": png, "b.png": png.subarray(0, 50) }, "image-broken", /b\.png/],
    [{ "a.png": png, "b.jpg": png }, "folder-mixed-types", /a\.png.*b\.jpg/],
  ] as const) {
    const path = await folderOf(t, files);
    const { lost, frames } = await startCapture(t, { kind: "folder", path, loop: true, paced: true });
    await until("the loss", () => lost.length > 0);
    assert.ok(lost[0] instanceof InputError);
    assert.equal(lost[0].code, code);
    assert.match(lost[0].message, message);
    assert.deepEqual(frames, []);
  }
});

test("a file whose structure is whole but whose picture does not decode is told by the count", async (t) => {
  const whole = await picture("png", 20, 20, [5, 5, 5]);
  const path = await folderOf(t, { "a.png": whole, "b.png": withoutItsPalette(whole), "c.png": whole });
  const source = { kind: "folder", path, loop: false, paced: false } as const;
  const { lost, ended } = await startCapture(t, source, { onFrame: (frame, client) => client.release(frame) });
  await until("the loss", () => lost.length > 0);
  assert.ok(lost[0] instanceof InputError);
  assert.equal(lost[0].code, "folder-undecodable");
  assert.deepEqual(ended, []);
});

test("a capture process ends with a killed daemon, and the next daemon removes its slots", async (t) => {
  const shared = await temporaryFolder(t);
  const script = fileURLToPath(childEntry("orphan-capture", import.meta.url));
  const options = process.execArgv.filter((option) => !option.startsWith("--test"));
  const daemon = spawn(process.execPath, [...options, script, shared], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => daemon.kill("SIGKILL"));
  const [line] = (await once(daemon.stdout, "data")) as [Buffer];
  const pid = Number(line.toString());
  assert.equal(await isAlive(pid), true);
  assert.deepEqual(await removeStaleSlots(shared), { removed: 0, kept: 1, failed: 0 });
  daemon.kill("SIGKILL");
  await until("the end of the capture process", async () => !(await isAlive(pid)));
  assert.deepEqual(await removeStaleSlots(shared), { removed: 1, kept: 0, failed: 0 });
});

test("full shared memory is told with its folder, and leaves nothing behind", async (t) => {
  const shared = await smallTmpfs(t, "size=1m");
  if (shared === null) return;
  // 3 slots of 640 × 480 × 3 bytes are 2.6 MiB.
  const rig = await startCapture(t, BALL, { sharedMemoryFolder: shared, width: 640, height: 480 });
  await until("the loss", () => rig.lost.length > 0);
  assert.ok(rig.lost[0] instanceof DeviceError);
  assert.equal(rig.lost[0].code, "shared-memory-full");
  assert.match(rig.lost[0].message, /Expected room for 2764800 bytes/);
  assert.deepEqual(rig.frames, []);
  await until("the removal", async () => (await rig.slotFolders()).length === 0);
});

test("a missing shared-memory folder stops the start", async (t) => {
  const missing = join(await temporaryFolder(t), "missing");
  await assert.rejects(startCapture(t, BALL, { sharedMemoryFolder: missing }), { code: "shared-memory-unusable" });
});

test("only a GigE camera makes the next start wait", () => {
  assert.equal(minimumRespawnDelayMs(BALL), 0);
  // Its heartbeat is 3 s.
  assert.ok(minimumRespawnDelayMs({ kind: "aravis", camera: "a", features: "" }) > 3_000);
});

/** Calls its pixels indices into a palette, and carries none: no decoder can make a picture of it. */
function withoutItsPalette(png: Buffer): Buffer {
  // The header's data is 13 bytes at 16; the colour type is its tenth.
  const header = Buffer.from(png.subarray(16, 29));
  header.writeUInt8(3, 9);
  return Buffer.concat([png.subarray(0, 8), pngChunk("IHDR", header), png.subarray(33)]);
}
