import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { CaptureSource } from "../../src/capture/protocol.ts";
import { ConfigError, DeviceError } from "../../src/shared/errors.ts";
import { startRtspCamera } from "../support/rtsp-camera.ts";
import { until } from "../support/until.ts";
import { startCapture } from "./capture-rig.ts";
import { temporaryFolder } from "./pictures.ts";

const SECRET = "correct-horse";

function streamOf(url: string, login: { username: string; passwordFile: string } | null): CaptureSource {
  const { username, passwordFile } = login ?? { username: null, passwordFile: null };
  return { kind: "rtsp", url, username, passwordFile, transport: "tcp", bufferMs: 20 };
}

test("an IP camera delivers frames with a login from a file, which no launch string tells, until it dies", async (t) => {
  const passwordFile = join(await temporaryFolder(t), "password");
  await writeFile(passwordFile, `${SECRET}\n`);
  const camera = await startRtspCamera(t, { username: "viewer", password: SECRET });
  const { frames, lost, playing } = await startCapture(t, streamOf(camera.url, { username: "viewer", passwordFile }), {
    width: 320,
    onFrame: (frame, client) => client.release(frame),
  });
  await until("frames", () => frames.length >= 5 || lost.length > 0);
  assert.equal(lost.length, 0, lost[0]?.message);
  assert.deepEqual([frames[0]?.width, frames[0]?.height, frames[0]?.format], [320, 240, "RGB"]);
  assert.ok(playing[0]?.includes(camera.url) === true && !playing[0].includes(SECRET), playing[0]);

  await camera.unplug();
  await until("the loss", () => lost.length > 0);
  assert.ok(lost[0] instanceof DeviceError);
  assert.equal(lost[0].code, "camera-lost");
});

test("a stream that no installed plugin decodes names the decoder that is missing", async (t) => {
  const camera = await startRtspCamera(t);
  const environment = { GST_PLUGIN_FEATURE_RANK: "jpegdec:NONE,avdec_mjpeg:NONE" };
  const { lost } = await startCapture(t, streamOf(camera.url, null), { environment });
  await until("the loss", () => lost.length > 0);
  assert.equal(lost[0]?.code, "gstreamer-plugin-missing", lost[0]?.message);
  assert.match(lost[0].message, /Missing decoder: JPEG/i);
});

test("a refused login, a size that the stream has not and a camera that is not there are told apart", async (t) => {
  const folder = await temporaryFolder(t);
  const passwordFile = join(folder, "password");
  await writeFile(passwordFile, "wrong");
  const camera = await startRtspCamera(t, { username: "viewer", password: SECRET });
  const open = await startRtspCamera(t);
  for (const [source, width, type, code, message] of [
    [
      streamOf(camera.url, { username: "viewer", passwordFile }),
      320,
      ConfigError,
      "camera-login-refused",
      /Unauthorized/,
    ],
    [streamOf(camera.url, null), 320, ConfigError, "camera-login-refused", /camera\.username/],
    [
      streamOf(camera.url, { username: "viewer", passwordFile: join(folder, "none") }),
      ...([320, DeviceError, "camera-credential-file", /camera\.passwordFile but received .*none: ENOENT/] as const),
    ],
    [streamOf(open.url, null), 640, ConfigError, "caps-refused", /to give width=640/],
    [streamOf("rtsp://127.0.0.1:1/cam", null), 320, DeviceError, "camera-unavailable", /127\.0\.0\.1:1/],
  ] as const) {
    const { lost, frames, client } = await startCapture(t, source, { width });
    await until("the loss", () => lost.length > 0);
    assert.ok(lost[0] instanceof type, lost[0]?.message);
    assert.equal(lost[0].code, code, lost[0].message);
    assert.match(lost[0].message, message);
    assert.deepEqual(frames, []);
    await client.close();
  }
});
