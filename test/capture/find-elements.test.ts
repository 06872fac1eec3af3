import assert from "node:assert/strict";
import { test } from "node:test";
import { elementsOf, findElements, packageOf } from "../../src/capture/find-elements.ts";
import type { CaptureSettings, CaptureSource } from "../../src/capture/protocol.ts";
import { silentLogger } from "../../src/shared/logger.ts";

const SETTINGS: Omit<CaptureSettings, "source"> = {
  station: "st1",
  delivery: "freshest",
  slotFolder: "/",
  slotCount: 2,
  captureLatencyMs: 0,
  firstFrameTimeoutMs: 1_000,
  frameTimeoutMs: 1_000,
};

test("the elements of a pipeline are read from its launch string, caps and quoted texts left out", () => {
  const cases: readonly (readonly [CaptureSource, string])[] = [
    [{ kind: "v4l2", device: "/dev/video0" }, "v4l2src videoconvert appsink"],
    [
      { kind: "folder", path: "/p", loop: true, paced: true },
      "multifilesrc pngdec videoconvert identity appsink jpegdec",
    ],
    [
      { kind: "rtsp", url: "rtsp://c/s", username: null, passwordFile: null, transport: "tcp", bufferMs: 1 },
      "rtspsrc decodebin videoconvert appsink",
    ],
    [{ kind: "csi", sensor: "0" }, "nvarguscamerasrc nvvidconv videoconvert appsink"],
    [
      { kind: "pipeline", launch: 'a-src x="b ! c" ! video/x-raw,format=RGB ! tee0. ! d ! d ! appsink name=sink' },
      "a-src d appsink",
    ],
  ];
  for (const [source, elements] of cases) {
    const found = elementsOf({ ...SETTINGS, source, framerate: 5 });
    assert.equal(found.join(" "), elements);
    if (source.kind !== "pipeline") for (const name of found) assert.notEqual(packageOf(name), null, name);
  }
});

test("what GStreamer has not is named, and sinks and sources alike count as there", async () => {
  const { missing, gstreamer } = await findElements(
    ["videotestsrc", "nosuchsrc", "appsink", "videoconvert", "nosuchsink"],
    silentLogger,
  );
  assert.deepEqual(missing, ["nosuchsrc", "nosuchsink"]);
  assert.match(gstreamer ?? "", /^1\.\d+\.\d+$/);
});
