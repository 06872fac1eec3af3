import type { ParseArgsConfig } from "node:util";
import type { CaptureSettings } from "../../capture/protocol.ts";
import type { DeviceConfig, StationConfig } from "../../config/config.ts";
import { loadConfig, parseConfig } from "../../config/load-config.ts";
import { captureSettingsOf, stationId } from "../../daemon/station-settings.ts";
import { runningDaemon } from "../../daemon/state-folder.ts";
import { ConfigError, DeviceError } from "../../shared/errors.ts";

/** Options that say which camera; the second group are keys of `camera` in the configuration. */
export const CAMERA_OPTIONS = {
  config: { type: "string" },
  station: { type: "string" },
  source: { type: "string" },
  device: { type: "string" },
  features: { type: "string" },
  url: { type: "string" },
  username: { type: "string" },
  "password-file": { type: "string" },
  pipeline: { type: "string" },
  path: { type: "string" },
  pattern: { type: "string" },
  width: { type: "string" },
  height: { type: "string" },
  framerate: { type: "string" },
} as const satisfies ParseArgsConfig["options"];

export type CameraArguments = Readonly<Partial<Record<keyof typeof CAMERA_OPTIONS, string>>>;

export interface ChosenCamera {
  readonly settings: Omit<CaptureSettings, "slotFolder">;
  readonly sharedMemoryFolder: string;
}

const NUMBERS: readonly string[] = ["width", "height", "framerate"];
/** What such a command does with the names that a configuration must have: nothing. */
const UNNAMED = { site: "site", device: "device" } as const;

export function cameraHelp(): string {
  return `CAMERA is one of
  --config FILE [--station LINE/NAME]   a station's camera, as the daemon would open it
  --source KIND …                       v4l2 --device /dev/video0, aravis --device NAME [--features …], csi --device 0,
                                        rtsp --url URL [--username NAME --password-file FILE], pipeline --pipeline TEXT,
                                        test [--pattern NAME], folder --path DIR
                                        with [--width N] [--height N] [--framerate N]`;
}

/**
 * @throws ConfigError for a wrong configuration, for values that no camera key takes, and "camera-not-chosen"
 * @throws DeviceError "camera-in-use" when a daemon has the station's camera
 */
export async function chooseCamera(values: CameraArguments): Promise<ChosenCamera> {
  const { config: file, station: name, ...camera } = values;
  if ((file === undefined) === (camera.source === undefined)) {
    throw new ConfigError("camera-not-chosen", "Expected either --config FILE or --source KIND");
  }
  const config = file === undefined ? madeConfig(camera) : (await loadConfig(file, process.env)).config;
  if (file !== undefined) await refuseRunningDaemon(config);
  const station = stationOf(config, name);
  const { maxRateHz: _, ...settings } = captureSettingsOf(station);
  return { settings, sharedMemoryFolder: config.sharedMemoryFolder };
}

/** The options as a configuration, so that the same rules and messages hold for both. */
function madeConfig(camera: CameraArguments): DeviceConfig {
  const keys = Object.entries(camera).map(([option, value]) => {
    const key = option.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
    const number = NUMBERS.includes(key) && value !== "" ? Number(value) : Number.NaN;
    // What is no number stays the text that it is, and is refused as such.
    return [key, Number.isFinite(number) ? number : value] as const;
  });
  const station = { line: "line", name: "camera", bank: "none", camera: Object.fromEntries(keys) };
  const text = JSON.stringify({ ...UNNAMED, stations: [station] });
  return parseConfig(text, "command-line.json", {}).config;
}

async function refuseRunningDaemon(config: DeviceConfig): Promise<void> {
  const pid = await runningDaemon(config.stateFolder);
  if (pid === null) return;
  throw new DeviceError(
    "camera-in-use",
    `Expected the cameras of this configuration to be free but the daemon with pid ${pid} holds them; stop it first`,
  );
}

function stationOf(config: DeviceConfig, name: string | undefined): StationConfig {
  const names = config.stations.map(stationId);
  const [first] = config.stations;
  if (name === undefined && names.length === 1 && first !== undefined) return first;
  const found = config.stations.find((station) => stationId(station) === name);
  if (found !== undefined) return found;
  throw new ConfigError(
    "camera-not-chosen",
    `Expected --station to be one of ${names.join(", ")} but received ${name === undefined ? "nothing" : JSON.stringify(name)}`,
  );
}
