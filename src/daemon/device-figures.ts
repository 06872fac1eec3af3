import type { DeviceConfig } from "../config/config.ts";
import type { DeviceFigures, ProcessFigures, StationFigures } from "../metrics/figures.ts";
import type { DeviceSession } from "../mqtt/device-session.ts";
import type { StationSession } from "../mqtt/station-session.ts";
import { residentBytes } from "../ops/process-memory.ts";
import type { DeviceView } from "./device-view.ts";
import { readinessOf } from "./health.ts";
import type { InferencePool } from "./inference-pool.ts";
import type { StationRunner } from "./station-runner.ts";

/** The parts of the daemon, as far as metrics look at them. */
export interface FigureSources {
  readonly config: DeviceConfig;
  readonly view: DeviceView;
  readonly inference: InferencePool;
  readonly deviceSession: DeviceSession;
  readonly stations: readonly {
    readonly id: string;
    readonly runner: StationRunner;
    readonly session: StationSession;
  }[];
}

const MICROSECONDS_PER_SECOND = 1_000_000;

/** What all of them count, at this moment. */
export async function deviceFigures(sources: FigureSources): Promise<DeviceFigures> {
  const { config, view, inference, deviceSession, stations } = sources;
  const { user, system } = process.cpuUsage();
  const memory = await Promise.all([
    processFigures("daemon", "", process.pid),
    ...inference.pids.map((pid) => processFigures("inference", "", pid)),
    ...stations.map(({ id, runner }) => processFigures("capture", id, runner.load.capturePid)),
  ]);
  return {
    site: config.site,
    device: config.device,
    versions: view.versions,
    startedAtS: performance.timeOrigin / 1_000,
    cpuS: (user + system) / MICROSECONDS_PER_SECOND,
    processes: memory.flat(),
    eventLoop: view.eventLoop(),
    store: view.storage(),
    inferenceRestarts: inference.restarts,
    host: view.health.host,
    runs: view.health.runs,
    broker: { connected: deviceSession.status().state === "connected", connects: deviceSession.connects },
    stations: stations.map(stationFigures),
  };
}

function stationFigures({ id, runner, session }: FigureSources["stations"][number]): StationFigures {
  const state = runner.state();
  const broker = session.status();
  const { openParts, heldFrames } = runner.load;
  const connected = broker.state === "connected";
  return { id, ready: readinessOf({ id, state, broker }).ready, connected, state, openParts, heldFrames };
}

/** @returns nothing for a process that is not there */
async function processFigures(
  process: ProcessFigures["process"],
  station: string,
  pid: number | undefined,
): Promise<readonly ProcessFigures[]> {
  const bytes = pid === undefined ? null : await residentBytes(pid);
  return bytes === null ? [] : [{ process, station, residentBytes: bytes }];
}
