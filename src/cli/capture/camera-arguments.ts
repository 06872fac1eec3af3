import type { CaptureSettings } from "../../capture/protocol.ts";
import type { DeviceConfig, StationConfig } from "../../config/config.ts";
import { loadConfig, parseConfig } from "../../config/load-config.ts";
import { captureSettingsOf, stationId } from "../../daemon/station-settings.ts";
import { runningDaemon } from "../../daemon/state-folder.ts";
import { ConfigError, DeviceError } from "../../shared/errors.ts";
import type { CAMERA_OPTIONS } from "../commands/capture.ts";

export type CameraArguments = Readonly<Partial<Record<keyof typeof CAMERA_OPTIONS, string>>>;

export interface ChosenCamera {
  readonly settings: Omit<CaptureSettings, "slotFolder">;
  readonly sharedMemoryFolder: string;
}

const NUMBERS: readonly string[] = ["width", "height", "framerate"];
/** What such a command does with the names that a configuration must have: nothing. */
const UNNAMED = { site: "site", device: "device" } as const;

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
