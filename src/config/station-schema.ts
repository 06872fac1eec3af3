import type { StationConfig } from "./config.ts";
import { key, requiredKey } from "./key.ts";
import type { KeyTree } from "./key.ts";
import {
  choiceRule,
  flagRule,
  integerRule,
  nullable,
  numberRule,
  pathRule,
  regionRule,
  segmentRule,
  textRule,
} from "./rule.ts";

/** Names of videotestsrc's patterns (GStreamer 1.22). */
const PATTERNS = [
  ...[
    "smpte",
    "snow",
    "black",
    "white",
    "red",
    "green",
    "blue",
    "checkers-1",
    "checkers-2",
    "checkers-4",
    "checkers-8",
  ],
  ...["circular", "blink", "smpte75", "zone-plate", "gamut", "chroma-zone-plate", "solid-color", "ball", "smpte100"],
  ...["bar", "pinwheel", "spokes", "gradient", "colors", "smpte-rp-219"],
];

/** These texts go into a GStreamer launch string, so nothing that could end a property or add an element may pass. */
const DEVICE = /^[^"'!\\\p{Cc}]+$/u;
const FEATURES = /^([A-Za-z_]\w*(\[\w+\])?=[\w.+:-]+( +[A-Za-z_]\w*(\[\w+\])?=[\w.+:-]+)*)?$/;

/** In a launch string too; an "@" would be a login. */
const RTSP_URL = /^rtsps?:\/\/[^\s"'!\\@/]+(\/[^\s"'!\\@]*)?$/;

/** The binding ends the process at a launch string of one element; which element is `sink`, GStreamer itself shows. */
const pipelineRule = textRule(
  "a launch string of at least two elements with an appsink named sink, in one line",
  /^(?=[^\p{Cc}]+$)(?=[^!]+!).*\bappsink\b(?=[^!]*\bname=["']?sink\b)/u,
);

const PART_ID = /^[0-9A-Za-z._-]{0,32}$/;

const edge = nullable(integerRule({ minimum: 16, maximum: 16_384 }));
const score = nullable(numberRule({ exclusiveMinimum: 0 }));

/** What holds for one station: one camera, one bank, one MQTT identity. */
export const stationSchema: KeyTree<StationConfig> = {
  line: requiredKey(segmentRule, {
    doc: "Name of the production line: a segment of every topic.",
    env: "LINE",
    apply: "local",
  }),
  name: requiredKey(segmentRule, { doc: "Name of the station, unique within its line.", env: "NAME", apply: "local" }),
  mode: key(choiceRule("triggered", "camera", "continuous"), "continuous", {
    doc: "triggered: MQTT triggers. camera: a triggered camera, every frame is a part. continuous: the freshest frame.",
    env: "MODE",
    apply: "local",
  }),
  bank: requiredKey(pathRule, {
    doc: "The memory bank, a file written by nominald fit.",
    env: "BANK",
    apply: "local",
    isPath: true,
  }),
  index: key(choiceRule("auto", "exact", "hnsw"), "auto", {
    doc: "How nearest neighbours are searched; auto decides by the bank's size.",
    env: "INDEX",
    apply: "restart",
  }),
  threshold: key(score, null, {
    doc: "Image scores above it are FAIL; null: the bank's calibrated threshold.",
    env: "THRESHOLD",
    apply: "live",
  }),
  maskThreshold: key(score, null, {
    doc: "Pixels of the anomaly map above it belong to the mask; null: the bank's.",
    env: "MASK_THRESHOLD",
    apply: "live",
  }),
  region: key(nullable(regionRule), null, {
    doc: "The part of the frame that is inspected, in pixels before rotation; null: the bank's.",
    env: "REGION",
    apply: "restart",
  }),
  rotation: key(nullable(choiceRule(0, 90, 180, 270)), null, {
    doc: "Degrees clockwise, after the region is cut out; null: the bank's.",
    env: "ROTATION",
    apply: "restart",
  }),
  deadlineMs: key(integerRule({ minimum: 10, maximum: 600_000 }), 1_000, {
    doc: "From a trigger, or a frame's capture, to the verdict; past it the outcome is NO_VERDICT, late.",
    env: "DEADLINE_MS",
    apply: "live",
  }),
  taktMs: key(nullable(numberRule({ exclusiveMinimum: 0, maximum: 86_400_000 })), null, {
    doc: "Shortest time between two parts, to judge what the device can do; null: camera.framerate in mode camera.",
    env: "TAKT_MS",
    apply: "live",
  }),
  maxPending: key(integerRule({ minimum: 1, maximum: 256 }), 4, {
    doc: "Parts that may wait for their frame or for scoring; beyond it the outcome is NO_VERDICT, overrun.",
    env: "MAX_PENDING",
    apply: "live",
  }),
  maxRateHz: key(numberRule({ exclusiveMinimum: 0, maximum: 1_000 }), 10, {
    doc: "Mode continuous: at most this many frames a second are scored.",
    env: "MAX_RATE_HZ",
    apply: "restart",
  }),
  commissioning: key(flagRule, false, {
    doc: "Every result carries flag 08: not for control.",
    env: "COMMISSIONING",
    apply: "live",
  }),
  validity: {
    check: key(flagRule, true, {
      doc: "Frames that are dark, overexposed, blurred or without a part, as no good one was, get NO_VERDICT.",
      env: "VALIDITY_CHECK",
      apply: "live",
    }),
    minBrightness: key(nullable(numberRule({ minimum: 0, maximum: 255 })), null, {
      doc: "Mean luminance below which a frame is dark; null: the bank's, half of its darkest image.",
      env: "VALIDITY_MIN_BRIGHTNESS",
      apply: "live",
    }),
    maxSaturated: key(nullable(numberRule({ minimum: 0, maximum: 1 })), null, {
      doc: "Share of white pixels above which a frame is overexposed; null: the bank's.",
      env: "VALIDITY_MAX_SATURATED",
      apply: "live",
    }),
    minSharpness: key(nullable(numberRule({ minimum: 0 })), null, {
      doc: "Sharpness below which a frame is blurred; null: the bank's, half of its softest image.",
      env: "VALIDITY_MIN_SHARPNESS",
      apply: "live",
    }),
  },
  challenge: {
    everyHours: key(numberRule({ minimum: 0, maximum: 10_000 }), 0, {
      doc: "A known bad part must be shown and FAIL so often, or the station gives no verdicts; 0: never.",
      env: "CHALLENGE_EVERY_HOURS",
      apply: "live",
    }),
    partId: key(textRule("up to 32 characters of 0-9, A-Z, a-z, '.', '_' and '-', or nothing", PART_ID), "", {
      doc: "A trigger with this part id shows a known bad part; without one, cmd/challenge announces it.",
      env: "CHALLENGE_PART_ID",
      apply: "live",
    }),
  },
  lineStop: {
    consecutiveFails: key(integerRule({ minimum: 0, maximum: 10_000 }), 0, {
      doc: "So many FAILs in a row ask for a line stop, flag 20, until cmd/resume; 0: never.",
      env: "LINE_STOP_CONSECUTIVE_FAILS",
      apply: "live",
    }),
    failRate: key(numberRule({ minimum: 0, maximum: 1 }), 1, {
      doc: "A larger share of FAIL among the last windowParts asks for a line stop; 1: never.",
      env: "LINE_STOP_FAIL_RATE",
      apply: "live",
    }),
    windowParts: key(integerRule({ minimum: 1, maximum: 10_000 }), 100, {
      doc: "Parts with a verdict over which failRate is taken.",
      env: "LINE_STOP_WINDOW_PARTS",
      apply: "live",
    }),
  },
  camera: {
    source: requiredKey(choiceRule("test", "folder", "v4l2", "aravis", "rtsp", "csi", "pipeline"), {
      doc: "test: a picture; folder: files; v4l2: USB; aravis: GenICam; rtsp: IP; csi: Jetson; pipeline: your own.",
      env: "CAMERA_SOURCE",
      apply: "local",
    }),
    pattern: key(choiceRule<string>(...PATTERNS), "ball", {
      doc: "test: which of videotestsrc's pictures.",
      env: "CAMERA_PATTERN",
      apply: "restart",
    }),
    path: key(nullable(pathRule), null, {
      doc: "folder: a folder of PNG files or one of JPEG files, taken in the order of their names; sizes may differ.",
      env: "CAMERA_PATH",
      apply: "local",
      isPath: true,
    }),
    loop: key(flagRule, false, {
      doc: "folder: begin again after the last file.",
      env: "CAMERA_LOOP",
      apply: "restart",
    }),
    paced: key(flagRule, false, {
      doc: "folder: deliver at framerate, like a camera; else as fast as frames are taken.",
      env: "CAMERA_PACED",
      apply: "restart",
    }),
    device: key(nullable(textRule("a device, without quotes, backslashes and exclamation marks", DEVICE)), null, {
      doc: "v4l2: /dev/video0. aravis: the camera's name, serial number or IP address. csi: the sensor's number.",
      env: "CAMERA_DEVICE",
      apply: "local",
    }),
    features: key(textRule("GenICam features as Name=Value, separated by spaces, or nothing", FEATURES), "", {
      doc: "aravis: GenICam features, such as TriggerMode=On TriggerSource=Line0 ExposureTime=5000.",
      env: "CAMERA_FEATURES",
      apply: "restart",
    }),
    url: key(nullable(textRule("rtsp:// or rtsps:// with a host, without user and password", RTSP_URL)), null, {
      doc: "rtsp: the stream's URL; user and password have keys of their own.",
      env: "CAMERA_URL",
      apply: "local",
    }),
    username: key(nullable(textRule("a user name, not empty")), null, {
      doc: "rtsp: user name at the camera.",
      env: "CAMERA_USERNAME",
      apply: "local",
    }),
    passwordFile: key(nullable(pathRule), null, {
      doc: "rtsp: file with the password, or credential:NAME for one of systemd; the password itself never stands here.",
      env: "CAMERA_PASSWORD_FILE",
      apply: "local",
      isPath: true,
    }),
    transport: key(choiceRule("tcp", "udp"), "tcp", {
      doc: "rtsp: how the stream travels; udp loses packets where the network does.",
      env: "CAMERA_TRANSPORT",
      apply: "restart",
    }),
    bufferMs: key(integerRule({ minimum: 0, maximum: 10_000 }), 100, {
      doc: "rtsp: how long packets are held to put them in order; a part of captureLatencyMs.",
      env: "CAMERA_BUFFER_MS",
      apply: "restart",
    }),
    pipeline: key(nullable(pipelineRule), null, {
      doc: "Source pipeline: a GStreamer launch string that ends in appsink name=sink and delivers RGB.",
      env: "CAMERA_PIPELINE",
      apply: "local",
    }),
    width: key(edge, null, {
      doc: "Pixels asked of the camera, or of every file of a folder; null: what it offers.",
      env: "CAMERA_WIDTH",
      apply: "restart",
    }),
    height: key(edge, null, {
      doc: "Pixels asked of the camera, or of every file of a folder; null: what it offers.",
      env: "CAMERA_HEIGHT",
      apply: "restart",
    }),
    framerate: key(nullable(numberRule({ exclusiveMinimum: 0, maximum: 1_000 })), null, {
      doc: "Frames a second asked of the camera; null: what it offers.",
      env: "CAMERA_FRAMERATE",
      apply: "restart",
    }),
    slots: key(integerRule({ minimum: 2, maximum: 64 }), 4, {
      doc: "Frames that can lie in shared memory at once.",
      env: "CAMERA_SLOTS",
      apply: "restart",
    }),
    captureLatencyMs: key(numberRule({ minimum: 0, maximum: 60_000 }), 0, {
      doc: "The longest time from exposure to delivery; a frame counts as captured that long before it came.",
      env: "CAMERA_CAPTURE_LATENCY_MS",
      apply: "restart",
    }),
    firstFrameTimeoutMs: key(integerRule({ minimum: 100, maximum: 600_000 }), 10_000, {
      doc: "From the start of the camera to its first frame; past it the capture process is started again.",
      env: "CAMERA_FIRST_FRAME_TIMEOUT_MS",
      apply: "restart",
    }),
    frameTimeoutMs: key(integerRule({ minimum: 0, maximum: 86_400_000 }), 2_000, {
      doc: "From frame to frame; past it the camera counts as lost. 0: no limit, for a camera triggered by parts.",
      env: "CAMERA_FRAME_TIMEOUT_MS",
      apply: "restart",
    }),
  },
  pictures: {
    mask: key(flagRule, true, { doc: "Publish the mask, a PNG.", env: "PICTURES_MASK", apply: "live" }),
    overlay: key(flagRule, true, {
      doc: "Publish the frame with the anomaly map over it.",
      env: "PICTURES_OVERLAY",
      apply: "live",
    }),
    overlayFormat: key(choiceRule("jpeg", "webp"), "jpeg", {
      doc: "Format of the overlay; webp is smaller and takes several times longer.",
      env: "PICTURES_OVERLAY_FORMAT",
      apply: "live",
    }),
    overlayQuality: key(integerRule({ minimum: 1, maximum: 100 }), 80, {
      doc: "Quality of the overlay.",
      env: "PICTURES_OVERLAY_QUALITY",
      apply: "live",
    }),
    size: key(integerRule({ minimum: 16, maximum: 2_048 }), 320, {
      doc: "Longer side of the pictures in pixels.",
      env: "PICTURES_SIZE",
      apply: "live",
    }),
  },
};
