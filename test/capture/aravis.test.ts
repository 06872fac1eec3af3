import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { arvTool, genicamCameras } from "../../src/capture/genicam-cameras.ts";
import type { CaptureSource } from "../../src/capture/protocol.ts";
import { minimumRespawnDelayMs } from "../../src/capture/respawn-delay.ts";
import { ConfigError, DeviceError } from "../../src/shared/errors.ts";
import { FakeCamera } from "../support/fake-camera.ts";
import { until } from "../support/until.ts";
import { startCapture } from "./capture-rig.ts";

// One test: the fake camera takes one controller after the other.
test("a GigE camera delivers frames end to end, refuses caps it has not, and is lost when it dies", async (t) => {
  const camera = new FakeCamera();
  t.after(() => camera.stop());
  await camera.start();
  const source: CaptureSource = { kind: "aravis", camera: camera.address, features: "PixelFormat=Mono8" };

  await t.test("it is found with its address, and not opened for that", async () => {
    const tool = arvTool(process.env["PATH"] ?? "");
    assert.ok(tool !== null);
    const found = await genicamCameras(tool);
    assert.deepEqual(
      found.filter(({ address }) => address === camera.address),
      [{ name: "Aravis-Fake-GV01", address: camera.address }],
    );
  });

  await t.test("caps that the camera has not are named", async (t) => {
    const { lost, frames, client } = await startCapture(t, source, { width: 9_999 });
    await until("the loss", () => lost.length > 0);
    assert.ok(lost[0] instanceof ConfigError);
    assert.equal(lost[0].code, "caps-refused");
    assert.match(lost[0].message, /GenICam camera 127\.0\.0\.1 to give width=9999/);
    assert.deepEqual(frames, []);
    await client.close();
  });
  await sleep(minimumRespawnDelayMs(source));

  await t.test("a feature that the camera has not is named", async (t) => {
    const { lost, client } = await startCapture(t, { ...source, features: "PixelFormat=Mono9" });
    await until("the loss", () => lost.length > 0);
    assert.ok(lost[0] instanceof ConfigError);
    assert.equal(lost[0].code, "caps-refused");
    assert.match(lost[0].message, /to give PixelFormat=Mono9 but it does not: .*'Mono9' not an entry/);
    await client.close();
  });
  await sleep(minimumRespawnDelayMs(source));

  await t.test("frames come grey, of the size that was asked for, until the camera's end", async (t) => {
    const sums: number[] = [];
    const { lost, frames, slotFolders } = await startCapture(t, source, {
      width: 511,
      height: 301,
      framerate: 25,
      delivery: "every",
      onFrame: (frame, client) => {
        const pixels = readFileSync(frame.path);
        assert.equal(pixels.length, 511 * 301 * 3);
        // Grey: the three channels are equal. The ramp's second pixel is one brighter than its first.
        const [r0, g0, b0, r1] = pixels;
        assert.ok(r0 !== undefined && r0 === g0 && g0 === b0);
        assert.equal(r1, (r0 + 1) % 256);
        sums.push(r0);
        client.release(frame);
      },
    });
    await until("frames", () => frames.length >= 10 || lost.length > 0);
    assert.equal(lost.length, 0);
    // The ramp moves on with each frame.
    assert.ok(new Set(sums).size > 5);
    await camera.unplug();
    await until("the loss", () => lost.length > 0);
    assert.ok(lost[0] instanceof DeviceError);
    assert.equal(lost[0].code, "camera-lost");
    assert.equal(lost.length, 1);
    await until("the removal", async () => (await slotFolders()).length === 0);
  });
});
