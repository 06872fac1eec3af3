import assert from "node:assert/strict";
import { test } from "node:test";
import { readPipelineLog } from "../../src/capture/pipeline-log.ts";

const BASE =
  "0:00:01.000000000  9 0x1 DEBUG GST_CLOCK gstelement.c:502:gst_element_set_base_time:<pipeline0> set base_time=1:15:32.132585004, old 0:00:00.000000000";
const OFFERED =
  "0:00:01.010000000  9 0x2 DEBUG basesrc gstbasesrc.c:3374:gst_base_src_default_negotiate:<v4l2src0> caps of src: video/x-raw, format=(string)YUY2, width=(int)640, framerate=(fraction)30/1";

function arrival(at: string, start: string): string {
  return `${at}  9 0x2 DEBUG basesink gstbasesink.c:3826:gst_base_sink_chain_unlocked:<sink> got times start: ${start}, end: 0:00:09.000000000`;
}

test("latency is the time since the base time less the frame's own time", () => {
  const { latenciesMs, offered } = readPipelineLog(
    [
      // Before the pipeline plays nothing can be told.
      arrival("0:00:00.900000000", "0:00:00.000000000"),
      BASE,
      OFFERED,
      // 1.5 − 1.0 − 0.48 s = 20 ms; 61.0 − 1.0 − 59.995 s = 5 ms
      arrival("0:00:01.500000000", "0:00:00.480000000"),
      arrival("0:01:01.000000000", "0:00:59.995000000"),
      // GStreamer's way to write that a frame has no time.
      arrival("0:00:02.000000000", "99:99:99.999999999"),
      "something else",
    ].join("\n"),
  );
  assert.deepEqual(
    latenciesMs.map((ms) => Number(ms.toFixed(6))),
    [20, 5],
  );
  assert.equal(offered, "video/x-raw, format=YUY2, width=640, framerate=30/1");
});

test("a log with other words tells nothing", () => {
  assert.deepEqual(readPipelineLog("0:00:01.0 whatever\n"), { offered: null, latenciesMs: [] });
});
