import assert from "node:assert/strict";
import { test } from "node:test";
import { endsByItself, isLive, keepsOnlyNewest, launchString, requestedCaps } from "../../src/capture/launch-string.ts";
import type { CaptureSettings, CaptureSource } from "../../src/capture/protocol.ts";
import { ConfigError } from "../../src/shared/errors.ts";

const base: CaptureSettings = {
  station: "st1",
  source: { kind: "test", pattern: "ball" },
  delivery: "freshest",
  slotFolder: "/dev/shm/x",
  slotCount: 2,
  captureLatencyMs: 0,
  firstFrameTimeoutMs: 1_000,
  frameTimeoutMs: 1_000,
};
const folder = { kind: "folder", path: "/p", loop: false, paced: false } as const;
const staged = { folder: "/dev/shm/x/staged", type: "png" } as const;

function launch(source: CaptureSource, more: Partial<CaptureSettings> = {}): string {
  return launchString({ ...base, ...more, source }, staged);
}

test("a test source keeps only the newest frame where the freshest counts", () => {
  assert.equal(
    launch({ kind: "test", pattern: "ball" }, { width: 640, height: 480, framerate: 30 }),
    "videotestsrc is-live=true pattern=ball ! video/x-raw,format=RGB,width=640,height=480,framerate=30/1 ! videoconvert" +
      " ! video/x-raw,format=RGB ! appsink name=sink sync=false max-buffers=1 drop=true",
  );
});

test("a live source loses no frame in the pipeline where every frame is a part", () => {
  assert.match(launch({ kind: "v4l2", device: "/dev/video0" }, { delivery: "every" }), /max-buffers=4 drop=false$/);
});

test("a folder that waits for us loses no frame, whatever the delivery", () => {
  assert.match(launch(folder), /max-buffers=4 drop=false$/);
  assert.equal(keepsOnlyNewest({ source: folder, delivery: "freshest" }), false);
  assert.equal(keepsOnlyNewest({ source: { ...folder, paced: true }, delivery: "freshest" }), true);
});

test("a folder once, as fast as it goes, is read from its first file without a loop", () => {
  assert.equal(
    launch(folder),
    'multifilesrc location="/dev/shm/x/staged/%06d.png" index=0 start-index=0 caps="image/png,framerate=10/1" ! pngdec' +
      " ! videoconvert ! video/x-raw,format=RGB ! appsink name=sink sync=false max-buffers=4 drop=false",
  );
});

test("a paced folder in a loop is held to its framerate", () => {
  const text = launch({ ...folder, loop: true, paced: true }, { framerate: 20 });
  assert.match(text, / loop=true caps="image\/png,framerate=20\/1" /);
  assert.match(text, / ! identity sync=true ! appsink /);
});

test("a GenICam camera is asked for its features and caps, and for RGB after conversion", () => {
  assert.equal(
    launch(
      { kind: "aravis", camera: "Basler-acA1300 (22)", features: "TriggerMode=On  TriggerSource=Line0" },
      { width: 512 },
    ),
    'aravissrc camera-name="Basler-acA1300 (22)" features="TriggerMode=On TriggerSource=Line0" ! video/x-raw,width=512' +
      " ! videoconvert ! video/x-raw,format=RGB ! appsink name=sink sync=false max-buffers=1 drop=true",
  );
});

test("a stream's picture is decoded, whatever its coding, and its login never stands in the launch string", () => {
  const source = { kind: "rtsp", url: "rtsp://cam.local:554/s?ch=1", transport: "udp", bufferMs: 50 } as const;
  assert.equal(
    launch({ ...source, username: "u", passwordFile: "/secret" }, { width: 640 }),
    'rtspsrc name=source location="rtsp://cam.local:554/s?ch=1" protocols=udp latency=50 ! application/x-rtp,media=video' +
      " ! decodebin ! video/x-raw,width=640 ! videoconvert ! video/x-raw,format=RGB" +
      " ! appsink name=sink sync=false max-buffers=1 drop=true",
  );
});

test("a CSI camera is asked for its size in the GPU's memory", () => {
  assert.equal(
    launch({ kind: "csi", sensor: "1" }, { width: 1920, height: 1080, framerate: 30 }),
    "nvarguscamerasrc sensor-id=1 ! video/x-raw(memory:NVMM),width=1920,height=1080,framerate=30/1 ! nvvidconv" +
      " ! video/x-raw,format=BGRx ! videoconvert ! video/x-raw,format=RGB" +
      " ! appsink name=sink sync=false max-buffers=1 drop=true",
  );
});

test("a pipeline of the configuration's own stands as it was written", () => {
  assert.equal(launch({ kind: "pipeline", launch: "a ! appsink name=sink" }, { width: 9 }), "a ! appsink name=sink");
});

test("a framerate becomes a fraction, and the broadcast rates what cameras mean by them", () => {
  // 12.5 = 25/2; 29.97 ≈ 30000/1001 = 29.970029…; 0.5 = 1/2
  for (const [framerate, fraction] of [
    [25, "25/1"],
    [12.5, "25/2"],
    [29.97, "30000/1001"],
    [0.5, "1/2"],
  ] as const) {
    assert.equal(requestedCaps({ framerate }), `framerate=${fraction}`);
  }
});

test("no value of the configuration can add an element or a property", () => {
  const sources: CaptureSource[] = [
    { kind: "test", pattern: "ball ! filesink location=/tmp/x" },
    { kind: "test", pattern: "" },
    { kind: "v4l2", device: '/dev/video0" ! fakesink' },
    { kind: "v4l2", device: "video0" },
    { kind: "aravis", camera: 'a" num-buffers="1', features: "" },
    { kind: "aravis", camera: "a\nb", features: "" },
    { kind: "aravis", camera: "a", features: 'A=1" ! fakesink "' },
    { kind: "aravis", camera: "a", features: "TriggerMode" },
    { kind: "rtsp", url: 'rtsp://a" ! fakesink', username: null, passwordFile: null, transport: "tcp", bufferMs: 1 },
    { kind: "rtsp", url: "rtsp://u:p@a/b", username: null, passwordFile: null, transport: "tcp", bufferMs: 1 },
    { kind: "rtsp", url: "file:///etc/passwd", username: null, passwordFile: null, transport: "tcp", bufferMs: 1 },
    { kind: "csi", sensor: "0 ! fakesink" },
  ];
  for (const source of sources) {
    assert.throws(() => launch(source), { name: ConfigError.name, code: "capture-settings" }, JSON.stringify(source));
  }
  for (const caps of [{ width: 0 }, { width: 1.5 }, { height: 40_000 }, { framerate: 0 }, { framerate: Number.NaN }]) {
    assert.throws(() => launch(base.source, caps), { code: "capture-settings" }, JSON.stringify(caps));
  }
});

test("a percent sign, a quote and a backslash in the folder's own name stay what they are", () => {
  const text = launchString({ ...base, source: folder }, { folder: '/a%d"b\\c', type: "jpeg" });
  // Doubled for printf; escaped for the parser.
  assert.ok(text.includes('location="/a%%d\\"b\\\\c/%06d.jpeg"'), text);
  assert.throws(() => launchString({ ...base, source: folder }, { folder: "/a\nb", type: "png" }), {
    code: "capture-settings",
  });
});

test("only a folder that is not paced waits, and only one without a loop ends", () => {
  assert.equal(isLive(base), true);
  assert.equal(isLive({ source: folder }), false);
  assert.equal(isLive({ source: { ...folder, paced: true } }), true);
  assert.equal(endsByItself(base), false);
  assert.equal(endsByItself({ source: folder }), true);
  assert.equal(endsByItself({ source: { ...folder, loop: true } }), false);
});
