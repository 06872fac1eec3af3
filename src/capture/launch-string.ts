import { ConfigError } from "../shared/errors.ts";
import type { CaptureSettings, CaptureSource } from "./protocol.ts";

/** A folder of numbered files of one type, as `folder-source.ts` lays it out. */
export interface StagedFolder {
  readonly folder: string;
  readonly type: "png" | "jpeg";
}

/** The name of the appsink in every launch string. */
export const SINK_NAME = "sink";

/** The name of the source element that is given a login, which never stands in a launch string. */
export const LOGIN_NAME = "source";

/** Digits of a staged file's number: `000000.png`. */
export const STAGED_DIGITS = 6;

/** Pace of a folder whose settings name none, frames per second. */
const FOLDER_FRAMERATE = 10;

/** Frames that may wait in the appsink when none may be lost; at 1080p RGB each takes 6 MB. */
const WAITING_FRAMES = 4;

/** A frame's edge at most, pixels; what the largest line cameras give. */
const MAX_EDGE = 32_767;

const PATTERN = /^[a-z0-9-]{1,32}$/;
const DEVICE = /^\/dev\/[\w./:-]{1,128}$/;
const CAMERA = /^[\w.:() -]{1,128}$/;
const URL_TEXT = /^rtsps?:\/\/[^\s"'!\\@]{1,512}$/;
const SENSOR = /^\d{1,2}$/;
const FEATURE = /^[A-Za-z_]\w*(\[\w+\])?=[\w.+:-]+$/;

/**
 * Frames come by themselves, whether we are ready or not: a camera, or a folder that is paced like one. Otherwise
 * the source waits for us, so that nothing is lost.
 */
export function isLive(settings: Pick<CaptureSettings, "source">): boolean {
  return settings.source.kind !== "folder" || settings.source.paced;
}

/** The source ends by itself after its last frame, and that is no fault. */
export function endsByItself(settings: Pick<CaptureSettings, "source">): boolean {
  return settings.source.kind === "folder" && !settings.source.loop;
}

/** The appsink throws frames away for newer ones: what counts is the newest, and the source does not wait. */
export function keepsOnlyNewest(settings: Pick<CaptureSettings, "source" | "delivery">): boolean {
  return settings.delivery !== "every" && isLive(settings);
}

/**
 * The pipeline as text. Everything is set here, since the binding cannot set enums and passes numbers through
 * float32. The result is always RGB: the backbones are trained on it, and a grey camera costs one conversion.
 * Values come from configuration; each is checked against what it may hold and quoted, so that none can add an
 * element or a property. Only a pipeline of the configuration's own stands as it was written.
 *
 * @param staged the numbered files; only for a folder
 * @throws ConfigError "capture-settings" naming the value that cannot stand in a launch string
 */
export function launchString(settings: CaptureSettings, staged?: StagedFolder): string {
  const { source } = settings;
  if (source.kind === "pipeline") return source.launch;
  const elements = sourceElements(settings, source, staged);
  return [...elements, "video/x-raw,format=RGB", ...pacing(settings), appsink(settings)].join(" ! ");
}

/** What was asked of the source, for messages: "width=640,height=480,framerate=30/1"; empty when nothing was. */
export function requestedCaps(settings: Pick<CaptureSettings, "width" | "height" | "framerate">): string {
  const fields: string[] = [];
  if (settings.width !== undefined) fields.push(`width=${edge("width", settings.width)}`);
  if (settings.height !== undefined) fields.push(`height=${edge("height", settings.height)}`);
  if (settings.framerate !== undefined) fields.push(`framerate=${fraction(settings.framerate)}`);
  return fields.join(",");
}

type BuiltSource = Exclude<CaptureSource, { kind: "pipeline" }>;

function sourceElements(settings: CaptureSettings, source: BuiltSource, staged: StagedFolder | undefined): string[] {
  switch (source.kind) {
    case "test":
      // The pattern is made in RGB at once: a conversion would shift its colours.
      return [
        `videotestsrc is-live=true pattern=${checked("pattern", source.pattern, PATTERN, "a name of videotestsrc's patterns")}`,
        rawCaps(settings, "RGB"),
        "videoconvert",
      ];
    case "folder":
      return folderElements(settings, source.loop, staged);
    case "v4l2":
      return [
        `v4l2src device=${quoted(checked("device", source.device, DEVICE, "a path such as /dev/video0"))}`,
        rawCaps(settings),
        "videoconvert",
      ];
    case "aravis":
      return [aravis(source.camera, source.features), rawCaps(settings), "videoconvert"];
    case "rtsp":
      return rtsp(source, rawCaps(settings));
    case "csi":
      return csi(source.sensor, requestedCaps(settings));
    default:
      return source satisfies never;
  }
}

function folderElements(settings: CaptureSettings, loop: boolean, staged: StagedFolder | undefined): string[] {
  if (staged === undefined) throw new ConfigError("capture-settings", "Expected a staged folder for a folder source");
  // multifilesrc prints the number into the path, so a percent sign of the folder's own name is doubled.
  const location = `${staged.folder.replaceAll("%", "%%")}/%0${STAGED_DIGITS}d.${staged.type}`;
  const caps = `image/${staged.type},framerate=${fraction(settings.framerate ?? FOLDER_FRAMERATE)}`;
  return [
    `multifilesrc location=${quoted(location)} index=0 start-index=0${loop ? " loop=true" : ""} caps=${quoted(caps)}`,
    staged.type === "png" ? "pngdec" : "jpegdec",
    "videoconvert",
  ];
}

function aravis(camera: string, features: string): string {
  const name = quoted(checked("camera", camera, CAMERA, "a camera's name, serial number or IP address"));
  const words = features.split(" ").filter((word) => word !== "");
  for (const word of words) checked("features", word, FEATURE, "Name=Value, separated by spaces");
  return `aravissrc camera-name=${name}${words.length > 0 ? ` features=${quoted(words.join(" "))}` : ""}`;
}

/**
 * The stream's picture may come beside its sound, and in any coding that a decoder is installed for. What was asked for
 * is asked of the decoded picture: the size is set in the camera.
 */
function rtsp(source: Extract<CaptureSource, { kind: "rtsp" }>, caps: string): string[] {
  const location = quoted(checked("url", source.url, URL_TEXT, "rtsp:// or rtsps:// without user and password"));
  return [
    `rtspsrc name=${LOGIN_NAME} location=${location} protocols=${source.transport} latency=${Math.round(source.bufferMs)}`,
    "application/x-rtp,media=video",
    "decodebin",
    caps,
    "videoconvert",
  ];
}

/** Argus delivers into the GPU's memory; nvvidconv copies to ours and knows no RGB. */
function csi(sensor: string, requested: string): string[] {
  const id = checked("device", sensor, SENSOR, "a sensor's number such as 0");
  const asked = requested === "" ? "" : `,${requested}`;
  return [
    `nvarguscamerasrc sensor-id=${id}`,
    `video/x-raw(memory:NVMM)${asked}`,
    "nvvidconv",
    "video/x-raw,format=BGRx",
    "videoconvert",
  ];
}

function rawCaps(settings: CaptureSettings, format?: string): string {
  const requested = requestedCaps(settings);
  return [
    "video/x-raw",
    ...(format === undefined ? [] : [`format=${format}`]),
    ...(requested === "" ? [] : [requested]),
  ].join(",");
}

/** A folder in step with the clock: `identity` holds each frame until its time. */
function pacing(settings: CaptureSettings): string[] {
  return settings.source.kind === "folder" && settings.source.paced ? ["identity sync=true"] : [];
}

function appsink(settings: CaptureSettings): string {
  const queue = keepsOnlyNewest(settings) ? "max-buffers=1 drop=true" : `max-buffers=${WAITING_FRAMES} drop=false`;
  return `appsink name=${SINK_NAME} sync=false ${queue}`;
}

function checked(name: string, value: string, allowed: RegExp, expected: string): string {
  if (allowed.test(value)) return value;
  throw new ConfigError("capture-settings", `Expected ${expected} for ${name} but received ${JSON.stringify(value)}`);
}

function edge(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= MAX_EDGE) return value;
  throw new ConfigError(
    "capture-settings",
    `Expected whole pixels from 1 to ${MAX_EDGE} for ${name} but received ${value}`,
  );
}

/** Inside double quotes the parser of launch strings knows one escape, the backslash. */
function quoted(value: string): string {
  if ([...value].some((character) => character.charCodeAt(0) < 0x20 || character.charCodeAt(0) === 0x7f)) {
    throw new ConfigError("capture-settings", `Expected no control characters but received ${JSON.stringify(value)}`);
  }
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

/** Frames per second as GStreamer's fraction; 29.97 and its like become what cameras mean by them, 30000/1001. */
function fraction(framerate: number): string {
  if (!(framerate > 0 && framerate <= 10_000)) {
    throw new ConfigError(
      "capture-settings",
      `Expected frames per second, above 0 and up to 10000, but received ${framerate}`,
    );
  }
  const whole = Math.round(framerate);
  if (whole > 0 && framerate !== whole && Math.abs(framerate - (whole * 1_000) / 1_001) < 0.005)
    return `${whole * 1_000}/1001`;
  const thousandths = Math.max(1, Math.round(framerate * 1_000));
  const divisor = greatestCommonDivisor(thousandths, 1_000);
  return `${thousandths / divisor}/${1_000 / divisor}`;
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
