import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { v4l2Devices } from "../../src/capture/v4l2-devices.ts";
import { temporaryFolder } from "./pictures.ts";

test("cameras come in the order of their numbers, without their devices for metadata", async (t) => {
  const sys = await temporaryFolder(t);
  // As a kernel with two cameras shows them; a test machine has none.
  for (const [name, index, driver] of [
    ["video10", "0", "HD Webcam"],
    ["video2", "0", "Industrial USB3"],
    ["video3", "1", "Industrial USB3"],
    ["v4l-subdev0", "0", "sensor"],
  ] as const) {
    const folder = join(sys, "class/video4linux", name);
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "index"), `${index}\n`);
    await writeFile(join(folder, "name"), `${driver}\n`);
  }
  assert.deepEqual(await v4l2Devices(sys, "/dev"), [
    { device: "/dev/video2", name: "Industrial USB3" },
    { device: "/dev/video10", name: "HD Webcam" },
  ]);
});

test("a machine without any video driver has no cameras", async (t) => {
  assert.deepEqual(await v4l2Devices(await temporaryFolder(t), "/dev"), []);
});
