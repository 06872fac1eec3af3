import assert from "node:assert/strict";
import { test } from "node:test";
import { gstreamerVersion } from "../../src/capture/gstreamer-version.ts";
import { until } from "../support/until.ts";
import { startCapture } from "./capture-rig.ts";

const line = (file: string): string => `7f4c8c5a7000-7f4c8c65e000 r-xp 00030000 fe:00 326496     ${file}\n`;

test("the version follows from the file of the library that was loaded", () => {
  const others = line("/usr/lib/libgstapp-1.0.so.0.1234.0") + line("/usr/lib/node");
  assert.equal(gstreamerVersion(`${others}${line("/usr/lib/libgstreamer-1.0.so.0.2205.0")}`), "1.22.5");
  assert.equal(gstreamerVersion(line("/opt/gst/libgstreamer-1.0.so.0.2610.0")), "1.26.10");
  assert.equal(gstreamerVersion(line("/opt/gst/libgstreamer-1.0.so.0")), null);
  assert.equal(gstreamerVersion(others), null);
});

test("this process has loaded none, and a capture process tells its own", async (t) => {
  assert.equal(gstreamerVersion(), null);
  const { versions } = await startCapture(t, { kind: "test", pattern: "ball" });
  await until("the pipeline to play", () => versions.length > 0);
  assert.match(versions[0]?.["gstreamer"] ?? "", /^1\.\d+\.\d+$/);
});
