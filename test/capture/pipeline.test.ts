import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, DeviceError } from "../../src/shared/errors.ts";
import { until } from "../support/until.ts";
import { startCapture } from "./capture-rig.ts";

const PICTURE = "videotestsrc is-live=true pattern=ball ! video/x-raw,width=64,height=48,framerate=20/1";
const RGB = "videoconvert ! video/x-raw,format=RGB";

test("a pipeline of one's own delivers frames, and its secrets stay out of what is logged", async (t) => {
  // A name that looks like a stream with a login; nothing connects anywhere.
  const launch = `${PICTURE} ! identity name=rtsp://user:secret@cam ! ${RGB} ! appsink name=sink sync=false`;
  const { frames, lost, playing } = await startCapture(
    t,
    { kind: "pipeline", launch },
    { onFrame: (frame, client) => client.release(frame) },
  );
  await until("frames", () => frames.length >= 3 || lost.length > 0);
  assert.equal(lost.length, 0, lost[0]?.message);
  assert.deepEqual([frames[0]?.width, frames[0]?.height], [64, 48]);
  assert.equal(playing[0], launch.replace("user:secret@", "…@"));
});

test("a pipeline without its sink, without RGB, with an unknown element or with a typing error is told as such", async (t) => {
  for (const [launch, type, code, message] of [
    [`${PICTURE} ! ${RGB} ! appsink name=other`, ConfigError, "pipeline-without-sink", /no element has that name/],
    [`${PICTURE} ! identity name=sink ! fakesink`, ConfigError, "pipeline-without-sink", /is no appsink/],
    [
      `${PICTURE},format=GRAY8 ! appsink name=sink sync=false`,
      ...([DeviceError, "frame-unreadable", /an RGB frame but received .*GRAY8/] as const),
    ],
    [`nosuchsrc ! ${RGB} ! appsink name=sink`, DeviceError, "gstreamer-plugin-missing", /nosuchsrc/],
    [`videotestsrc patern=1 ! ${RGB} ! appsink name=sink`, ConfigError, "pipeline-refused", /patern/],
  ] as const) {
    const { lost, client } = await startCapture(t, { kind: "pipeline", launch });
    await until("the loss", () => lost.length > 0);
    assert.ok(lost[0] instanceof type, lost[0]?.message);
    assert.equal(lost[0].code, code, lost[0].message);
    assert.match(lost[0].message, message);
    await client.close();
  }
});

test("a pipeline that shows one picture for ever is taken for a camera that hangs", async (t) => {
  const launch = `videotestsrc is-live=true pattern=gradient ! video/x-raw,width=64,height=48,framerate=20/1 ! ${RGB} ! appsink name=sink`;
  const { lost } = await startCapture(
    t,
    { kind: "pipeline", launch },
    { onFrame: (frame, client) => client.release(frame) },
  );
  await until("the loss", () => lost.length > 0);
  assert.equal(lost[0]?.code, "frame-repeated");
});
