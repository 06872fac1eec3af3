import { command } from "../command-line/command-spec.ts";

export const DEMO = command({
  name: "demo",
  summary: "parts pass a synthetic camera: the whole program on this machine",
  usage: ["[options]"],
  about:
    "Parts pass a synthetic camera: renders parts, fits a memory bank, runs the real daemon with its capture and inference processes on a " +
    "GStreamer pipeline, and shows what a subscriber of its own hears on MQTT. While parts pass, a configuration is pushed, signed by a key that " +
    "is made on the spot.",
  options: {
    parts: { value: "N", help: "parts that pass the camera, default 60" },
    out: { value: "DIR", help: "where overlays, the page and the daemon's log go, default demo-out" },
    broker: { value: "URL", help: "your broker instead of an embedded one" },
    images: {
      value: "DIR",
      help: "your own parts in MVTec layout (train/good, test/<defect>) instead of rendered ones",
    },
    seed: { value: "N", help: "default 1" },
  },
  operand: null,
  closing: "Exit code 0 only if every part got its verdict, in order, and the verdicts are worth something; else 6.",
});
