import type { DeviceFigures, StationFigures } from "../../src/metrics/figures.ts";
import type { StateDocument } from "../../src/mqtt/state-document.ts";
import type { Outcome } from "../../src/station/outcome.ts";
import { REASONS } from "../../src/station/reasons.ts";

const STORE = { problem: null, setAside: null, waiting: 3, lost: 1, writes: 20, writeMs: 1_500 };
const LOOP = { p50Ms: 0.1, p99Ms: 2, maxMs: 40 };

/** A station that has seen a few parts. */
const HOST: StateDocument["host"] = {
  memory: { availableBytes: 2_000_000_000, totalBytes: 8_000_000_000, limitedBy: "machine", stalledPercent: 0 },
  disk: { freeBytes: 5_000_000_000, totalBytes: 30_000_000_000 },
  temperature: { celsius: 61.5, sensor: "cpu" },
  throttle: null,
  clockSync: "synchronised",
  faults: {},
};
const RUNS: StateDocument["runs"] = { unclean: 3, lastUncleanAt: "2026-01-01T00:00:00.000Z" };

export function stationFigures(id: string, changes: Partial<StateDocument> = {}): StationFigures {
  const [line = "", station = ""] = id.split("/");
  const state: StateDocument = {
    ...{ version: 1, at: "2026-01-01T00:00:00.000Z", site: "test", line, station, device: "bench", boot: "0badcafe" },
    ...{ mode: "continuous", commissioning: false, paused: false, plcState: "5", versions: {} },
    bank: {
      ...{ id: "washer-1a2b3c4d", rows: 2_500, dims: 152, backbone: "efficientnet-lite0", index: "exact" },
      ...{ threshold: 2.5, maskThreshold: 3 },
    },
    executionProvider: "cpu",
    admission: { verdict: "admitted", utilisation: 0.4, responseMs: 30, problems: [] },
    camera: { source: "test", state: "playing", launch: "videotestsrc", restarts: 4 },
    storage: { state: "ready", ...STORE },
    pushes: { allowUnsigned: false, trustedKeys: 0, problem: null },
    eventLoop: LOOP,
    counters: {
      ...{
        total: 16,
        pass: 10,
        fail: 3,
        noVerdict: { late: 2, overrun: 1 },
        skipped: 7,
        refused: { "session-over": 1 },
      },
      ...{ repeated: 2, lateScores: 1, deadlineMisses: 2, ignoredAnswers: 0 },
    },
    mqtt: {
      ...{ connects: 2, resultsOpen: 5, recordsOpen: 6, resultsLost: 0, recordsLost: 8, refused: 9, picturesSent: 1 },
      ...{ picturesDropped: 11, tagsDropped: 12, heartbeatsSkipped: 13, answersLost: 14 },
      inbox: {
        ...{ triggers: 1, acknowledgements: 0, ignored: { "ack-unknown": 1 } },
        commands: { answered: 0, failed: {}, repeated: 0, unnameable: 0 },
      },
    },
    host: HOST,
    runs: RUNS,
    wantedProvider: "cpu",
    faults: [
      {
        ...{ ...REASONS["fail-streak"], name: "fail-streak", since: "2026-01-01T00:00:00.000Z" },
        ...{ stops: false, see: "counters" },
      },
    ],
    ...changes,
  };
  return { id, ready: true, connected: true, state, openParts: 1, heldFrames: 2 };
}

export function deviceFigures(...stations: readonly StationFigures[]): DeviceFigures {
  return {
    ...{ site: "test", device: "bench", versions: { nominald: "0.1.0", node: "20.20.0" } },
    ...{ startedAtS: 1_700_000_000, cpuS: 12.5, inferenceRestarts: 1, host: HOST, runs: RUNS },
    processes: [
      { process: "daemon", station: "", residentBytes: 80_000_000 },
      { process: "inference", station: "", residentBytes: 400_000_000 },
      ...stations.map(({ id }) => ({ process: "capture" as const, station: id, residentBytes: 60_000_000 })),
    ],
    eventLoop: LOOP,
    store: { state: "ready", ...STORE },
    broker: { connected: true, connects: 1 },
    stations,
  };
}

/** A part that was triggered, captured 10 ms and decided 50 ms later, with score / threshold = 0.8. */
export function scoredOutcome(changes: Partial<Outcome> = {}): Outcome {
  return {
    ...{ ordinal: 1, session: "PLC-1", seq: 1, part: "", recipe: "", verdict: "PASS", reason: null },
    ...{ score: 2, threshold: 2.5, bankId: "washer-1a2b3c4d", triggeredAt: { monotonicMs: 1_000, wallMs: 5_000 } },
    ...{ capturedAtMs: 1_010, decidedAtMs: 1_050, decidedAtWallMs: 5_050, frameId: 1, captureSeq: 1, challenge: false },
    flags: 0,
    ...changes,
  };
}
