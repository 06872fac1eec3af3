import assert from "node:assert/strict";
import { test } from "node:test";
import type { CaptureClient } from "../../src/capture/capture-client.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import { FaultBoard } from "../../src/daemon/fault-board.ts";
import { StationCamera } from "../../src/daemon/station-camera.ts";
import { StationFrames } from "../../src/daemon/station-frames.ts";
import type { FrameReference } from "../../src/shared/image.ts";
import { silentLogger } from "../../src/shared/logger.ts";
import { systemClock } from "../../src/shared/system-clock.ts";

const DECISION = { delayMs: 0, exhausted: false, losses: 1 };
const STATION = { line: "line1", name: "st1", mode: "camera", bank: "none.bank", camera: { source: "test" } };

function frameOf(seq: number, repeated?: boolean): FrameReference {
  const place = { slot: 0, path: "/nowhere/0.raw", seq, width: 4, height: 4, format: "RGB" } as const;
  return { ...place, capturedAtMs: 10 * seq, deliveredAtMs: 10 * seq, ...(repeated === undefined ? {} : { repeated }) };
}

/** A camera whose process is not started: a test says what it brings. */
function cameraOf() {
  const document = { site: "test", device: "bench", stateFolder: "/nowhere", stations: [STATION] };
  const [station] = parseConfig(JSON.stringify(document), "config.json", {}).config.stations;
  assert.ok(station !== undefined);
  const told: unknown[] = [];
  const frames = new StationFrames();
  const camera: StationCamera = new StationCamera({
    ...{ station: () => station, sharedMemoryFolder: "/nowhere", clock: systemClock, logger: silentLogger, frames },
    faults: new FaultBoard({
      ...{ subject: "line1/st1", clock: systemClock, logger: silentLogger, onChange: () => undefined },
    }),
    handle: (event) => told.push(event),
    report: {
      cameraPlaying: (versions) => told.push(versions),
      cameraDown: ({ message }) => told.push(message),
      publishState: () => told.push(camera.state.state),
    },
    observer: { frame: () => told.push("a frame"), slotMissing: () => told.push("no slot") },
  });
  return { camera, told, frames, said: () => told.splice(0) };
}

test("what the camera does is an event of the machine, and in the state when that is told of it", () => {
  const { camera, said } = cameraOf();
  const shown = (): readonly unknown[] => [camera.state.state, camera.state.launch];
  assert.deepEqual(camera.state, { source: "test", state: "starting", launch: null, restarts: 0 });
  camera.cameraPlaying("videotestsrc ! appsink", { gstreamer: "1.22.0" });
  assert.deepEqual(said(), [{ gstreamer: "1.22.0" }, { type: "camera-playing" }, "playing"]);
  assert.deepEqual(shown(), ["playing", "videotestsrc ! appsink"]);
  camera.cameraDropped(7);
  assert.deepEqual(said(), ["no slot", { type: "frame-dropped", captureSeq: 7 }]);
  // Why it was lost is known before the machine makes a fault of it.
  camera.cameraDown(new Error("somebody pulled the plug"), DECISION);
  assert.deepEqual(said(), ["somebody pulled the plug", { type: "camera-lost" }, "lost"]);
  assert.deepEqual(shown(), ["lost", null]);
  camera.cameraPlaying("again", {});
  camera.cameraEnded(12);
  assert.deepEqual(said().slice(-2), [{ type: "camera-ended" }, "ended"]);
  assert.deepEqual(shown(), ["ended", "again"]);
});

test("a frame lies in its slot, under a name that no other has, until the station gives it up", () => {
  const { camera, frames, said } = cameraOf();
  const released: number[] = [];
  const client = { release: ({ seq }: FrameReference) => released.push(seq) } as unknown as CaptureClient;
  camera.cameraFrame(frameOf(1), client);
  camera.cameraFrame(frameOf(2, true), client);
  const [, first, , second] = said();
  assert.deepEqual(first, { type: "frame", frameId: 1, captureSeq: 1, capturedAtMs: 10, repeated: false });
  assert.deepEqual(second, { type: "frame", frameId: 2, captureSeq: 2, capturedAtMs: 20, repeated: true });
  assert.equal(frames.size, 2);
  frames.release(1);
  assert.deepEqual([released, frames.size], [[1], 1]);
});

test("a trial sees how often the camera began to play, the frames since, and that one whose source has ended played", () => {
  const { camera } = cameraOf();
  const client = { release: () => true } as unknown as CaptureClient;
  const before = camera.vitals;
  assert.deepEqual(before, { playing: false, starts: 0, frames: 0 });
  camera.cameraPlaying("first", {});
  camera.cameraFrame(frameOf(1), client);
  camera.cameraFrame(frameOf(2), client);
  assert.deepEqual(camera.vitals, { playing: true, starts: 1, frames: 2 });
  camera.cameraDown(new Error("lost"), DECISION);
  assert.equal(camera.vitals.playing, false);
  camera.cameraPlaying("second", {});
  assert.deepEqual(camera.vitals, { playing: true, starts: 2, frames: 0 });
  camera.cameraEnded(0);
  assert.deepEqual(camera.vitals, { playing: true, starts: 2, frames: 0 });
  assert.equal(before.starts, 0, "what was seen before is compared with, and stays as it was");
});
