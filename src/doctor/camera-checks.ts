import { readFileSync, rmSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { elementsOf, findElements, packageOf } from "../capture/find-elements.ts";
import { isLive } from "../capture/launch-string.ts";
import { pipelineLogEnvironment, readPipelineLog, type PipelineLog } from "../capture/pipeline-log.ts";
import { sourceName } from "../capture/pipeline-fault.ts";
import type { CaptureSettings } from "../capture/protocol.ts";
import type { StationConfig } from "../config/config.ts";
import { captureSettingsOf } from "../daemon/station-settings.ts";
import { NominalError } from "../shared/errors.ts";
import type { FrameReference, RawImage } from "../shared/image.ts";
import type { Logger } from "../shared/logger.ts";
import type { Findings } from "./finding.ts";
import { LiveCamera } from "./live-camera.ts";

/** Frames that are looked at: so many, or for so long after the first, ms. */
const TRIAL_FRAMES = 60;
const TRIAL_MS = 3_000;
/** Below this share of the configured rate something holds frames back. */
const RATE_SHARE = 0.9;
/** Characters of what a camera offers that a line carries. */
const OFFERED_SHOWN = 600;

export interface CameraCheckOptions {
  readonly station: StationConfig;
  readonly sharedMemoryFolder: string;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** Elements of the pipeline. @returns whether all are there */
export async function checkElements(findings: Findings, options: CameraCheckOptions): Promise<boolean> {
  try {
    const names = elementsOf({ ...captureSettingsOf(options.station), slotFolder: "/" });
    const { missing, gstreamer } = await findElements(names, options.logger);
    if (missing.length === 0) {
      findings.ok("gstreamer", `GStreamer ${gstreamer ?? "of an unknown version"} has ${names.join(", ")}`);
      return true;
    }
    const packages = [...new Set(missing.map((name) => packageOf(name) ?? `the package that holds ${name}`))];
    findings.fail("gstreamer", `GStreamer has no ${missing.join(", ")}`, `install ${packages.join(", ")}`);
  } catch (error) {
    if (!(error instanceof NominalError)) throw error;
    findings.fail("gstreamer", error.message, "run the setup again: it compiles the binding for this Node");
  }
  return false;
}

/**
 * Opens the camera as the daemon would and looks at what comes.
 *
 * @returns its last frame; null when none came
 */
export async function checkCamera(findings: Findings, options: CameraCheckOptions): Promise<RawImage | null> {
  const { station } = options;
  const { maxRateHz: _, ...own } = captureSettingsOf(station);
  // Each frame the moment it comes: what else waits in the appsink would look like latency.
  const settings = isLive(own) ? { ...own, delivery: "newest" as const } : own;
  const folder = await mkdtemp(join(tmpdir(), "nominald-doctor-"));
  const log = join(folder, "gstreamer.log");
  const camera = new LiveCamera({ ...options, settings, environment: pipelineLogEnvironment(log) });
  try {
    await camera.start();
    const trial = await look(camera, options.signal);
    await camera.close();
    if (trial.image === null || trial.first === null || trial.last === null) {
      findings.fail("camera", `${sourceName(settings.source)} ended without a frame`, "check the source");
      return null;
    }
    const { width, height } = trial.image;
    findings.ok("camera", `${sourceName(settings.source)} delivers ${width} × ${height}`);
    if (isLive(settings)) {
      const pipelineLog = readPipelineLog(readFileSync(log, "utf8"));
      tellOffered(findings, pipelineLog);
      tellRate(findings, station, trial.first, trial.last);
      tellLatency(findings, station, pipelineLog);
    }
    return trial.image;
  } catch (error) {
    if (!(error instanceof NominalError)) throw error;
    findings.fail("camera", error.message, remedyOf(error.code, settings));
    return null;
  } finally {
    await camera.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Trial {
  readonly first: FrameReference | null;
  readonly last: FrameReference | null;
  readonly image: RawImage | null;
}

async function look(camera: LiveCamera, stop: AbortSignal): Promise<Trial> {
  let first: FrameReference | null = null;
  let last: FrameReference | null = null;
  let image: RawImage | null = null;
  let signal = stop;
  for (let frames = 0; frames < TRIAL_FRAMES; frames += 1) {
    const frame = await camera.next(signal);
    if (frame === null) break;
    if (first === null) signal = AbortSignal.any([stop, AbortSignal.timeout(TRIAL_MS)]);
    first ??= frame.reference;
    last = frame.reference;
    image = frame.image;
  }
  return { first, last, image: image === null ? null : { ...image, data: Uint8Array.from(image.data) } };
}

function tellOffered(findings: Findings, { offered }: PipelineLog): void {
  // A stream offers what it is; only sources that negotiate say more.
  if (offered === null) return;
  const shown = offered.length > OFFERED_SHOWN ? `${offered.slice(0, OFFERED_SHOWN)}…` : offered;
  findings.ok("caps", `it offers ${shown}`);
}

function tellRate(findings: Findings, station: StationConfig, first: FrameReference, last: FrameReference): void {
  const periods = last.seq - first.seq;
  const { framerate, frameTimeoutMs } = station.camera;
  if (periods < 1) {
    const found = `one frame came, and no other within ${TRIAL_MS} ms`;
    const remedy =
      "for a camera triggered by parts set camera.frameTimeoutMs to 0; else check light, trigger and cable";
    if (frameTimeoutMs === 0) findings.ok("rate", found);
    else findings.warn("rate", found, remedy);
    return;
  }
  const rate = (periods * 1_000) / (last.deliveredAtMs - first.deliveredAtMs);
  const found = `${rate.toFixed(1)} frames/s over ${periods + 1} frames`;
  if (framerate === null || rate >= RATE_SHARE * framerate) findings.ok("rate", found);
  else {
    const remedy = "check exposure time, cable, USB or network load, and the processor; or lower camera.framerate";
    findings.warn("rate", `${found}, of ${framerate} configured`, remedy);
  }
}

/**
 * What can be measured: from the time stamp that the source gives a frame to the arrival in the capture process. What
 * lies before the stamp (exposure, read-out, transfer, where the driver stamps late) nobody here sees.
 */
function tellLatency(findings: Findings, station: StationConfig, { latenciesMs }: PipelineLog): void {
  const sorted = [...latenciesMs].sort((a, b) => a - b);
  const longest = sorted.at(-1);
  const median = sorted[Math.floor(sorted.length / 2)];
  if (longest === undefined || median === undefined) {
    const remedy = "take exposure and transfer from the camera's data sheet for camera.captureLatencyMs";
    findings.warn("latency", "not measured: the source gives its frames no time stamps", remedy);
    return;
  }
  const found =
    `${median.toFixed(1)} ms (median), ${longest.toFixed(1)} ms (longest) from the source's time stamp to delivery, ` +
    `over ${sorted.length} frames; exposure and transfer before the stamp come on top`;
  const needed = Math.ceil(longest);
  if (station.mode !== "triggered" || station.camera.captureLatencyMs >= needed) findings.ok("latency", found);
  else {
    const remedy = `set camera.captureLatencyMs to ${needed} plus the exposure time at least: a frame from before its trigger would be taken for its part`;
    findings.warn("latency", `${found}; camera.captureLatencyMs is ${station.camera.captureLatencyMs}`, remedy);
  }
}

function remedyOf(code: string, settings: Pick<CaptureSettings, "source">): string {
  switch (code) {
    case "caps-refused":
      return "set camera.width, height, framerate and features to what the camera offers (nominald capture list, its manual)";
    case "camera-login-refused":
      return "correct camera.username and the content of camera.passwordFile";
    case "camera-credential-file":
      return "create the file, readable for nominald's user alone";
    case "frame-repeated":
      return "restart the camera; if it stays so, its driver hangs";
    case "shared-memory-full":
    case "shared-memory-unusable":
      return "make sharedMemoryFolder larger, or lower camera.slots";
    case "gstreamer-plugin-missing":
      return "install the plugin that decodes it; for H.264 and H.265 gstreamer1.0-libav";
    default:
      return settings.source.kind === "folder"
        ? "correct the folder's files"
        : "check the camera's power, cable and address, that no other program has it, and the rights of nominald's user to it";
  }
}
