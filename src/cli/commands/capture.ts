import { command, type GroupSpec } from "../command-line/command-spec.ts";

/** Options that say which camera; from `device` on they are keys of `camera` in the configuration. */
export const CAMERA_OPTIONS = {
  config: { value: "FILE", help: "a station's camera, as the daemon would open it" },
  station: { value: "LINE/NAME", help: "the station in it; needed when it has several" },
  source: {
    value: "KIND",
    choices: ["v4l2", "aravis", "csi", "rtsp", "pipeline", "test", "folder"],
    help: "instead of --config: v4l2, aravis, csi, rtsp, pipeline, test or folder, with the options of that kind",
  },
  device: { value: "NAME", help: "v4l2: /dev/video0; aravis: name or address; csi: the sensor's number" },
  features: { value: "TEXT", help: "aravis: GenICam features" },
  url: { value: "URL", help: "rtsp: the stream" },
  username: { value: "NAME", help: "rtsp: the login" },
  "password-file": { value: "FILE", help: "rtsp: holds the password" },
  pipeline: { value: "TEXT", help: "pipeline: a GStreamer launch string that ends in appsink name=sink" },
  path: { value: "DIR", help: "folder: the pictures" },
  pattern: { value: "NAME", help: "test: the pattern of videotestsrc" },
  width: { value: "N", help: "pixels" },
  height: { value: "N", help: "pixels" },
  framerate: { value: "N", help: "frames a second" },
} as const;

const CAMERA_USAGE = "(--config FILE | --source KIND …)";

export const CAPTURE_LIST = command({
  name: "capture list",
  summary: "cameras of this machine: V4L2 devices, and GenICam cameras where aravis is installed",
  usage: [""],
  about: "Cameras of this machine: V4L2 devices, and GenICam cameras where aravis is installed.",
  options: {},
  operand: null,
});

export const CAPTURE_SAVE = command({
  name: "capture save",
  summary: "writes frames as PNG files: so a set of nominal images is made",
  usage: [`${CAMERA_USAGE} --out DIR --count N [--every SECONDS]`],
  about:
    "Writes frames as PNG files into DIR, numbered after those that lie there: so a set of nominal images is made.",
  options: {
    ...CAMERA_OPTIONS,
    out: { value: "DIR", help: "where the frames go" },
    count: { value: "N", help: "how many frames" },
    every: { value: "SECONDS", help: "between two frames at least, default 0" },
  },
  operand: null,
});

export const CAPTURE_WATCH = command({
  name: "capture watch",
  summary: "frames a second, light, sharpness and dropped frames, once a second until Ctrl-C",
  usage: [`${CAMERA_USAGE} [--seconds N] [--json]`],
  about:
    "Frames a second, light, sharpness and dropped frames, once a second until Ctrl-C; sharpness grows as the lens comes into focus.",
  options: {
    ...CAMERA_OPTIONS,
    seconds: { value: "N", help: "end by itself after this" },
    json: { help: "one JSON object a line" },
  },
  operand: null,
});

export const CAPTURE: GroupSpec = {
  name: "capture",
  summary: "cameras without a bank",
  about:
    "A camera is --config FILE [--station LINE/NAME], as the daemon would open it, or --source KIND with the options of that kind: v4l2 --device " +
    "/dev/video0, aravis --device NAME [--features TEXT], csi --device 0, rtsp --url URL [--username NAME --password-file FILE], pipeline " +
    "--pipeline TEXT, test [--pattern NAME], folder --path DIR; with [--width N] [--height N] [--framerate N].",
  commands: [CAPTURE_LIST, CAPTURE_SAVE, CAPTURE_WATCH],
};
