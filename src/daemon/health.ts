import type { BrokerStatus } from "../mqtt/broker-connection.ts";
import type { ReportedFault, StateDocument } from "../mqtt/state-document.ts";
import { jsonAnswer, type HttpAnswer } from "../ops/http-server.ts";
import { PLC_STATE_WORDS, type PlcState } from "../station/plc-state.ts";

/** A station, as far as it says whether it can work. */
export interface StationCondition {
  /** `line/name` */
  readonly id: string;
  readonly state: StateDocument;
  readonly broker: BrokerStatus;
}

/** One line of `/readyz`. */
export interface StationReadiness {
  readonly station: string;
  readonly ready: boolean;
  /** `plc/state` in words. */
  readonly state: string;
  readonly broker: BrokerStatus["state"];
  /** Why no verdict can be given or delivered, in words; empty when it is ready. */
  readonly because: readonly string[];
  readonly faults: readonly ReportedFault[];
}

const WORKING: readonly PlcState[] = ["3", "4", "5"];

/**
 * `/healthz`: whether the daemon itself goes on. Its loop does, or nothing would answer; the rest says `stuck`. A camera or
 * broker that is away is no matter of health: a new start would not bring it back.
 */
export function healthAnswer(stuck: string | null, boot: string): HttpAnswer {
  return stuck === null
    ? jsonAnswer(200, { status: "ok", boot })
    : jsonAnswer(503, { status: "stuck", boot, problem: stuck });
}

/** `/readyz`: whether every station can give verdicts and deliver them, and else which cannot, and why. */
export function readinessAnswer(conditions: readonly StationCondition[]): HttpAnswer {
  const stations = conditions.map(readinessOf);
  const ready = stations.every((station) => station.ready);
  return jsonAnswer(ready ? 200 : 503, { ready, stations });
}

/** A station that works may have faults all the same: those that stop nothing. */
export function readinessOf({ id, state, broker }: StationCondition): StationReadiness {
  const works = WORKING.includes(state.plcState);
  const isConnected = broker.state === "connected";
  const because = [
    ...(works ? [] : whyNot(state)),
    ...(isConnected ? [] : [`no connection to the broker: ${broker.problem?.message ?? broker.state}`]),
  ];
  return {
    station: id,
    ready: works && isConnected,
    state: PLC_STATE_WORDS[state.plcState],
    broker: broker.state,
    because,
    faults: state.faults,
  };
}

function whyNot({ plcState, paused, camera, faults }: StateDocument): readonly string[] {
  if (plcState === "8") {
    return faults.map(({ code, text, remedy, detail }) => {
      const found = detail === undefined ? "" : ` (${detail})`;
      return `${code} ${text}${found}. ${remedy}`;
    });
  }
  if (plcState === "9" && paused) return ["the station is paused: cmd/resume ends it"];
  if (plcState === "9" && camera.state === "ended") return ["the camera's source has ended: no more frames come"];
  return [`the station is ${PLC_STATE_WORDS[plcState]}`];
}
