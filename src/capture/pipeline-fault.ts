import type { BusMessage } from "gstreamer-superficial";
import { ConfigError, DeviceError, InputError } from "../shared/errors.ts";
import type { NominalError } from "../shared/errors.ts";
import { requestedCaps } from "./launch-string.ts";
import type { CaptureSettings, CaptureSource } from "./protocol.ts";
import { withoutSecrets } from "../shared/secrets.ts";

/** Characters of GStreamer's own words that a message carries. */
const MAX_REASON = 400;

/** The source in words, for messages. */
export function sourceName(source: CaptureSource): string {
  switch (source.kind) {
    case "test":
      return `test source ${source.pattern}`;
    case "folder":
      return `folder ${source.path}`;
    case "v4l2":
      return `camera ${source.device}`;
    case "aravis":
      return `GenICam camera ${source.camera}`;
    case "rtsp":
      return `camera ${withoutSecrets(source.url)}`;
    case "csi":
      return `CSI camera ${source.sensor}`;
    case "pipeline":
      return "the pipeline of camera.pipeline";
    default:
      return source satisfies never;
  }
}

/** What a launch string that does not parse means for the one who has to act. */
export function launchFault(settings: CaptureSettings, report: string): NominalError {
  const reason = withoutSecrets(report);
  if (/no element|no such element/i.test(reason)) {
    return new DeviceError(
      "gstreamer-plugin-missing",
      `Expected GStreamer's plugins for ${sourceName(settings.source)} but: ${reason}`,
    );
  }
  if (/could not link/i.test(reason)) return capsFault(settings, reason);
  return new ConfigError(
    "pipeline-refused",
    `Expected GStreamer to take the pipeline of ${sourceName(settings.source)} but: ${reason}`,
  );
}

/**
 * What an error on the bus means.
 *
 * @param frames how many frames came before it
 */
export function busFault(settings: CaptureSettings, message: BusMessage, frames: number): NominalError {
  const { source } = settings;
  const reason = reasonOf(message);
  // The first is GStreamer's, the second aravissrc's, which sets size, format and features at once.
  if (/not-negotiated/.test(message.debug ?? "") || /could not set caps/i.test(message.message ?? "")) {
    return capsFault(settings, reason);
  }
  // decodebin says it in these words, and the kind of decoder after them.
  if (/missing a plug-in/i.test(reason)) {
    return new DeviceError(
      "gstreamer-plugin-missing",
      `Expected GStreamer's plugins for the stream of ${sourceName(source)} but: ${reason}`,
    );
  }
  if (source.kind === "rtsp" && /\(40[13]\)|unauthori[sz]ed/i.test(reason)) {
    return new ConfigError(
      "camera-login-refused",
      `Expected ${sourceName(source)} to take the login of camera.username and camera.passwordFile but: ${reason}`,
    );
  }
  if (source.kind === "folder") {
    return new InputError(
      "folder-undecodable",
      `Expected every image of ${source.path} to decode but after ${frames} frames: ${reason}`,
    );
  }
  return frames === 0
    ? new DeviceError("camera-unavailable", `Expected frames from ${sourceName(source)} but: ${reason}`)
    : new DeviceError("camera-lost", `Expected more frames from ${sourceName(source)} but after ${frames}: ${reason}`);
}

/** The stream ended, or gave nothing, without a word on the bus. */
export function silentFault(settings: CaptureSettings, frames: number): NominalError {
  const code = frames === 0 ? "camera-unavailable" : "camera-lost";
  return new DeviceError(
    code,
    `Expected frames from ${sourceName(settings.source)} but its stream ended after ${frames}`,
  );
}

function capsFault(settings: CaptureSettings, reason: string): NominalError {
  const { source } = settings;
  const features = source.kind === "aravis" ? source.features : "";
  const requested = [requestedCaps(settings), features].filter((text) => text !== "").join(" ");
  const asked = requested === "" ? "a picture that converts to RGB" : requested;
  return new ConfigError(
    "caps-refused",
    `Expected ${sourceName(settings.source)} to give ${asked} but it does not: ${reason}`,
  );
}

/** GStreamer's message, and of its debug text the lines that are about the cause and not about its source code. */
function reasonOf(message: BusMessage): string {
  const detail = (message.debug ?? "")
    .split("\n")
    .slice(1)
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .join(", ");
  const words = [message.message ?? "an error without a message", ...(detail === "" ? [] : [`(${detail})`])];
  const text = withoutSecrets(words.join(" "));
  return text.length > MAX_REASON ? `${text.slice(0, MAX_REASON)}…` : text;
}
