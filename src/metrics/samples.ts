import { FAULT_NAMES } from "../station/faults.ts";
import { PLC_STATE_WORDS } from "../station/plc-state.ts";
import { REASON_NAMES, REASONS, type ReasonName } from "../station/reasons.ts";
import type { FamilyName } from "./families.ts";
import type { DeviceFigures, StationFigures } from "./figures.ts";

export interface Sample {
  readonly family: FamilyName;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const isOf = (...areas: readonly string[]) => {
  return (name: ReasonName): boolean => areas.some((area) => REASONS[name].code.startsWith(area));
};
/** See REASONS: 06 are answers to triggers, 07 faults that stop nothing. */
const PART_REASONS = REASON_NAMES.filter(isOf("01", "02", "03", "04", "05"));
const TRIGGER_REASONS = REASON_NAMES.filter(isOf("06"));

/** @returns every sample that follows from the figures; a reason that never occurred is there with 0 */
export function samplesOf(figures: DeviceFigures): readonly Sample[] {
  return [...deviceSamples(figures), ...figures.stations.flatMap(stationSamples)];
}

function deviceSamples(figures: DeviceFigures): readonly Sample[] {
  const { site, device, versions, eventLoop, store, broker, inferenceRestarts, host, runs } = figures;
  const one = (family: FamilyName, value: number, labels: Sample["labels"] = {}): Sample => ({ family, labels, value });
  return [
    one("info", 1, { site, device, version: versions["nominald"] ?? "", node: versions["node"] ?? "" }),
    one("startTime", figures.startedAtS),
    one("cpu", figures.cpuS),
    ...figures.processes.map(({ process, station, residentBytes }) =>
      one("memory", residentBytes, { process, station }),
    ),
    one("loop", eventLoop.p50Ms / 1_000, { percentile: "50" }),
    one("loop", eventLoop.p99Ms / 1_000, { percentile: "99" }),
    one("loop", eventLoop.maxMs / 1_000, { percentile: "100" }),
    one("storeReady", store.state === "ready" ? 1 : 0),
    one("storeWaiting", store.waiting),
    one("storeWrites", store.writes),
    one("storeSeconds", store.writeMs / 1_000),
    one("storeLost", store.lost),
    one("restarts", inferenceRestarts, { child: "inference", station: "" }),
    ...(host.memory === null ? [] : [one("hostMemory", host.memory.availableBytes)]),
    ...(host.disk === null ? [] : [one("hostDisk", host.disk.freeBytes)]),
    ...(host.temperature === null ? [] : [one("hostTemperature", host.temperature.celsius)]),
    one("uncleanEnds", runs.unclean),
    one("brokerConnected", broker.connected ? 1 : 0, { station: "_device" }),
    one("brokerConnects", broker.connects, { station: "_device" }),
  ];
}

function stationSamples({ id, ready, connected, state, openParts, heldFrames }: StationFigures): readonly Sample[] {
  const one = (family: FamilyName, value: number, labels: Sample["labels"] = {}): Sample => {
    return { family, labels: { station: id, ...labels }, value };
  };
  const { bank, camera, counters, mqtt, faults } = state;
  const faulty = new Set(faults.map(({ name }) => name));
  return [
    one("ready", ready ? 1 : 0),
    ...Object.entries(PLC_STATE_WORDS).map(([digit, word]) =>
      one("state", digit === state.plcState ? 1 : 0, { state: word }),
    ),
    ...FAULT_NAMES.map((fault) => one("fault", faulty.has(fault) ? 1 : 0, { code: REASONS[fault].code, fault })),
    one("camera", camera.state === "playing" ? 1 : 0),
    one("restarts", camera.restarts, { child: "capture" }),
    ...(bank === null
      ? []
      : [
          one("bankInfo", 1, {
            bank: bank.id,
            backbone: bank.backbone,
            index: bank.index,
            provider: state.executionProvider ?? "",
          }),
          one("bankRows", bank.rows),
          one("threshold", bank.threshold),
        ]),
    one("brokerConnected", connected ? 1 : 0),
    one("brokerConnects", mqtt.connects),
    one("verdicts", counters.pass, { verdict: "PASS", reason: "none" }),
    one("verdicts", counters.fail, { verdict: "FAIL", reason: "none" }),
    ...PART_REASONS.map((reason) =>
      one("verdicts", counters.noVerdict[reason] ?? 0, { verdict: "NO_VERDICT", reason }),
    ),
    one("deadlineMisses", counters.deadlineMisses),
    one("lateScores", counters.lateScores),
    ...TRIGGER_REASONS.map((reason) => one("triggersRefused", counters.refused[reason] ?? 0, { reason })),
    one("triggersRepeated", counters.repeated),
    ...Object.entries(mqtt.inbox.ignored).map(([why, count]) => one("messagesIgnored", count, { why })),
    one("queue", openParts, { queue: "part" }),
    one("queue", heldFrames, { queue: "frame" }),
    one("queue", mqtt.resultsOpen, { queue: "result" }),
    one("queue", mqtt.recordsOpen, { queue: "record" }),
    one("dropped", counters.skipped, { item: "frame" }),
    one("dropped", mqtt.resultsLost, { item: "result" }),
    one("dropped", mqtt.recordsLost, { item: "record" }),
    one("dropped", mqtt.picturesDropped, { item: "picture" }),
    one("dropped", mqtt.tagsDropped, { item: "tag" }),
    one("dropped", mqtt.heartbeatsSkipped, { item: "heartbeat" }),
    one("dropped", mqtt.answersLost, { item: "answer" }),
    one("refused", mqtt.refused),
  ];
}
