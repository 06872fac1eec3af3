/**
 * Loaded into the daemon's processes by NODE_OPTIONS: gives the capture process another camera. Frames carry the moment at
 * which they were taken in their first bytes, lie in a queue of the GStreamer pipeline for a while, and are noted down as
 * they are delivered: DELAYED_CAMERA holds the delay in ms and the file for the notes, one line a frame: its number, and
 * when it was taken (CLOCK_MONOTONIC, ms).
 */
import { appendFileSync } from "node:fs";
import { createRequire } from "node:module";

const WIDTH = 64;
const HEIGHT = 64;
const PERIOD_MS = 20;

const monotonicMs = () => Number(process.hrtime.bigint()) / 1e6;

function launchWith(delayMs, launch) {
  const sink = launch.slice(launch.lastIndexOf("appsink"));
  const caps = `video/x-raw,format=RGB,width=${WIDTH},height=${HEIGHT},framerate=${1_000 / PERIOD_MS}/1`;
  const queue = "queue max-size-buffers=0 max-size-bytes=0 max-size-time=0";
  return [
    `appsrc name=camera is-live=true do-timestamp=true format=time caps="${caps}"`,
    `${queue} min-threshold-time=${delayMs * 1_000_000}`,
    sink,
  ].join(" ! ");
}

function takeFrames(source) {
  setInterval(() => {
    const frame = Buffer.alloc(WIDTH * HEIGHT * 3, 100);
    frame.writeDoubleBE(monotonicMs(), 0);
    source.push(frame);
  }, PERIOD_MS);
}

function notingSink(sink, file) {
  let seq = 0;
  return {
    pull: (callback) =>
      sink.pull((frame, caps) => {
        if (frame) appendFileSync(file, `${(seq += 1)} ${frame.readDoubleBE(0)}\n`);
        callback(frame, caps);
      }),
  };
}

if (process.argv[1]?.includes("capture.child")) {
  const [delayMs, file] = (process.env.DELAYED_CAMERA ?? "").split(" ");
  const addon = createRequire(import.meta.url)("gstreamer-superficial");
  const { Pipeline } = addon;
  addon.Pipeline = class {
    constructor(launch) {
      this.pipeline = new Pipeline(launchWith(Number(delayMs), launch));
    }
    set ["auto-flush-bus"](value) {
      this.pipeline["auto-flush-bus"] = value;
    }
    play() {
      this.pipeline.play();
      takeFrames(this.pipeline.findChild("camera"));
    }
    pollBus(callback) {
      this.pipeline.pollBus(callback);
    }
    findChild(name) {
      return notingSink(this.pipeline.findChild(name), file);
    }
  };
}
