import { existsSync } from "node:fs";
import { join } from "node:path";
import type { CaptureSettings, CaptureSource } from "../capture/protocol.ts";
import type { CameraConfig, DeliveryConfig, DeviceConfig, StationConfig } from "../config/config.ts";
import type { GateLimits, LoadBank } from "../inference/protocol.ts";
import { BugError } from "../shared/errors.ts";
import type { StationSettings } from "../station/events.ts";

/** What the station's capture process is told, out of its configuration. */
export function captureSettingsOf(station: StationConfig): Omit<CaptureSettings, "slotFolder"> {
  const { camera, mode } = station;
  return {
    station: stationId(station),
    source: sourceOf(camera),
    ...(camera.width === null ? {} : { width: camera.width }),
    ...(camera.height === null ? {} : { height: camera.height }),
    ...(camera.framerate === null ? {} : { framerate: camera.framerate }),
    delivery: mode === "camera" ? "every" : mode === "triggered" ? "newest" : "freshest",
    // A trigger takes the first frame after it, so every frame is looked at.
    ...(mode === "continuous" ? { maxRateHz: station.maxRateHz } : {}),
    slotCount: camera.slots,
    captureLatencyMs: camera.captureLatencyMs,
    firstFrameTimeoutMs: camera.firstFrameTimeoutMs,
    frameTimeoutMs: camera.frameTimeoutMs,
  };
}

/** How the station's machine is to work, out of its configuration. */
export function machineSettingsOf(station: StationConfig): StationSettings {
  const { mode, deadlineMs, maxPending, commissioning, challenge, lineStop } = station;
  return {
    mode,
    deadlineMs,
    maxPending,
    commissioning,
    challenge: { everyMs: challenge.everyHours * 3_600_000, partId: challenge.partId },
    lineStop,
  };
}

/** @returns the shortest time between two parts, ms; null: nobody says, as where the freshest frame is taken when there is time */
export function taktOf({ mode, taktMs, camera }: StationConfig): number | null {
  if (taktMs !== null) return taktMs;
  return mode === "camera" && camera.framerate !== null ? 1_000 / camera.framerate : null;
}

/** Names a station on this device: in logs, in slot folders, towards the inference process. */
export function stationId({ line, name }: Pick<StationConfig, "line" | "name">): string {
  return `${line}/${name}`;
}

/** Where backbones lie that came over the broker. */
export function pushedModelsFolder({ stateFolder }: Pick<DeviceConfig, "stateFolder">): string {
  return join(stateFolder, "models");
}

/** Where backbones are looked for; that none has been pushed yet is no news for a message. */
function modelsFoldersOf(device: DeviceConfig): readonly string[] {
  const pushed = pushedModelsFolder(device);
  return existsSync(pushed) ? [...device.modelsFolders, pushed] : device.modelsFolders;
}

/** What the inference process is told of the station's bank. */
export function loadBankOf(device: DeviceConfig, station: StationConfig): LoadBank {
  const { threshold, maskThreshold, region, rotation, validity } = station;
  return {
    station: stationId(station),
    bankPath: station.bank,
    modelsFolders: modelsFoldersOf(device),
    index: station.index,
    ...(threshold === null ? {} : { threshold }),
    ...(maskThreshold === null ? {} : { maskThreshold }),
    ...(region === null ? {} : { region }),
    ...(rotation === null ? {} : { rotation }),
    validity,
    pictures: station.pictures,
    budgetMs: Math.min(station.deadlineMs, taktOf(station) ?? Infinity),
  };
}

/** Within what the golden frames of a bank have to come out before a push of it is taken. */
export function gateLimitsOf(
  { maxDrift, maxMemoryMebibytes }: Pick<DeliveryConfig, "maxDrift" | "maxMemoryMebibytes">,
  deadlineMs: number,
): GateLimits {
  return { largestDrift: maxDrift, medianMs: deadlineMs / 2, memoryBytes: maxMemoryMebibytes * 2 ** 20 };
}

function sourceOf(camera: CameraConfig): CaptureSource {
  switch (camera.source) {
    case "test":
      return { kind: "test", pattern: camera.pattern };
    case "folder":
      return { kind: "folder", path: needed(camera.path, "camera.path"), loop: camera.loop, paced: camera.paced };
    case "v4l2":
      return { kind: "v4l2", device: needed(camera.device, "camera.device") };
    case "aravis":
      return { kind: "aravis", camera: needed(camera.device, "camera.device"), features: camera.features };
    case "rtsp":
      return {
        kind: "rtsp",
        url: needed(camera.url, "camera.url"),
        username: camera.username,
        passwordFile: camera.passwordFile,
        transport: camera.transport,
        bufferMs: camera.bufferMs,
      };
    case "csi":
      return { kind: "csi", sensor: needed(camera.device, "camera.device") };
    case "pipeline":
      return { kind: "pipeline", launch: needed(camera.pipeline, "camera.pipeline") };
    default:
      return camera.source satisfies never;
  }
}

/** The configuration's own check has made sure of it; this tells the compiler. */
function needed(value: string | null, key: string): string {
  if (value === null)
    throw new BugError("config-unchecked", `Expected ${key} to have been checked when the configuration was loaded`);
  return value;
}
