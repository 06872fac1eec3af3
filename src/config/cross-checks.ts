import type { CameraConfig, DeviceConfig, StationConfig } from "./config.ts";
import { describe } from "./problem.ts";

/** A value that is right by itself and wrong beside another. */
export interface CrossProblem {
  /** Where it is reported. */
  readonly path: string;
  readonly expected: string;
  readonly actual: string;
  /** The keys it was judged by: it is left out when one of them has a problem of its own. */
  readonly involves: readonly string[];
}

/** What no single key can tell about the device-wide part. */
export function checkDevice(device: DeviceConfig): CrossProblem[] {
  const { url, username, passwordFile, caFile, certFile, keyFile } = device.broker;
  const problems: CrossProblem[] = [];
  const add = (path: string, expected: string, actual: string, ...others: string[]): void => {
    problems.push({ path, expected, actual, involves: [path, ...others] });
  };
  const port = /:(\d+)\/?$/.exec(url)?.[1];
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) {
    add("broker.url", "a port from 1 to 65535", `port ${port}`);
  }
  if (certFile !== null && keyFile === null)
    add("broker.keyFile", "the private key of broker.certFile", "null", "broker.certFile");
  if (keyFile !== null && certFile === null)
    add("broker.certFile", "the certificate of broker.keyFile", "null", "broker.keyFile");
  if (!url.startsWith("mqtts:") && (caFile !== null || certFile !== null)) {
    const given = caFile === null ? "broker.certFile" : "broker.caFile";
    add("broker.url", `mqtts://, since ${given} is given`, describe(url), given);
  }
  if (passwordFile !== null && username === null) {
    add("broker.username", "a user name, since broker.passwordFile is given", "null", "broker.passwordFile");
  }
  return problems;
}

/** Line and name make the station's topics, so two stations must differ in them. */
export function checkStationNames(stations: readonly Pick<StationConfig, "line" | "name">[]): CrossProblem[] {
  const problems: CrossProblem[] = [];
  const first = new Map<string, number>();
  for (const [index, { line, name }] of stations.entries()) {
    const identity = `${line}/${name}`;
    const earlier = first.get(identity);
    if (earlier === undefined) {
      first.set(identity, index);
      continue;
    }
    const involves = [
      `stations[${index}].line`,
      `stations[${index}].name`,
      `stations[${earlier}].line`,
      `stations[${earlier}].name`,
    ];
    problems.push({
      path: `stations[${index}].name`,
      expected: "a line and name that no other station has",
      actual: `${identity}, as stations[${earlier}] has`,
      involves,
    });
  }
  return problems;
}

/** What no single key can tell about a station. Paths are relative to the station. */
export function checkStation(station: StationConfig): CrossProblem[] {
  const problems: CrossProblem[] = [];
  const add = (path: string, expected: string, actual: string, ...others: string[]): void => {
    problems.push({ path, expected, actual, involves: [path, ...others] });
  };
  const { camera, region } = station;
  // The device's own topics live at that place (nominal/v1/<site>/_device/<device>).
  if (station.line === "_device") add("line", "a line other than _device, which is reserved", describe(station.line));
  if (station.mode === "camera" && camera.source === "folder" && camera.loop) {
    add("camera.loop", "false in mode camera, where each file is one part", "true", "mode", "camera.source");
  }
  if (station.mode === "triggered" && camera.source === "folder" && !(camera.loop && camera.paced)) {
    const key = camera.loop ? "camera.paced" : "camera.loop";
    add(key, "true in mode triggered, where frames have to come by themselves", "false", "mode", "camera.source");
  }
  checkSource(camera, add);
  if (region !== null && camera.width !== null && region.x + region.width > camera.width) {
    add("region", `a right edge within camera.width, ${camera.width}`, String(region.x + region.width), "camera.width");
  }
  if (region !== null && camera.height !== null && region.y + region.height > camera.height) {
    add(
      "region",
      `a lower edge within camera.height, ${camera.height}`,
      String(region.y + region.height),
      "camera.height",
    );
  }
  return problems;
}

type Add = (path: string, expected: string, actual: string, ...others: string[]) => void;

function checkSource(camera: CameraConfig, add: Add): void {
  const { source, path, paced, device, framerate, frameTimeoutMs, features } = camera;
  const hasDevice = source === "v4l2" || source === "aravis" || source === "csi";
  if (source === "folder" && path === null)
    add("camera.path", "a folder, since camera.source is folder", "null", "camera.source");
  if (hasDevice && device === null) {
    add("camera.device", `a device, since camera.source is ${source}`, "null", "camera.source");
  }
  if (features !== "" && source !== "aravis") {
    add("camera.features", `nothing, since camera.source is ${source}`, describe(features), "camera.source");
  }
  checkStream(camera, add);
  if (source === "folder" && paced && framerate === null) {
    add("camera.framerate", "a rate, since camera.paced is true", "null", "camera.source", "camera.paced");
  }
  const comesByItself = source !== "folder" || paced;
  if (comesByItself && framerate !== null && frameTimeoutMs !== 0 && frameTimeoutMs <= 1_000 / framerate) {
    const expected = `more than the ${Math.ceil(1_000 / framerate)} ms between two frames at camera.framerate, or 0`;
    add("camera.frameTimeoutMs", expected, String(frameTimeoutMs), "camera.framerate", "camera.source", "camera.paced");
  }
}

/** Sources whose size and rate are set elsewhere, and keys that only they have. */
function checkStream(camera: CameraConfig, add: Add): void {
  const { source, url, username, passwordFile, pipeline, width, height, framerate } = camera;
  if (source === "rtsp" && url === null)
    add("camera.url", "a URL, since camera.source is rtsp", "null", "camera.source");
  if (source === "pipeline" && pipeline === null) {
    add("camera.pipeline", "a launch string, since camera.source is pipeline", "null", "camera.source");
  }
  if (passwordFile !== null && username === null) {
    add("camera.username", "a user name, since camera.passwordFile is given", "null", "camera.passwordFile");
  }
  for (const [key, value, owner] of [
    ["url", url, "rtsp"],
    ["username", username, "rtsp"],
    ["passwordFile", passwordFile, "rtsp"],
    ["pipeline", pipeline, "pipeline"],
  ] as const) {
    if (value !== null && source !== owner)
      add(`camera.${key}`, `null, since camera.source is ${source}`, describe(value), "camera.source");
  }
  const own = source === "pipeline" ? { width, height, framerate } : source === "rtsp" ? { framerate } : {};
  const where = source === "pipeline" ? "camera.pipeline itself sets it" : "it is set in the camera";
  for (const [key, value] of Object.entries(own)) {
    if (value !== null) add(`camera.${key}`, `null, since ${where}`, describe(value), "camera.source");
  }
}
