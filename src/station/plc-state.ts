/**
 * `triggered`: the PLC announces each part, the first frame captured after its trigger counts. `camera`: every frame is
 * a part. `continuous`: the freshest frame is scored, others are skipped.
 */
export type StationMode = "triggered" | "camera" | "continuous";

/** What each digit of `plc/state` says, as the documentation shows it. */
export const PLC_STATES = {
  "1": "preoperational: the daemon has just started",
  "2": "initialising: bank, inference or camera are on their way",
  "3": "ready for a part",
  "4": "busy: a part is open; further ones may be triggered",
  "5": "continuous: frames are inspected without triggers",
  "8": "error: no verdicts; `state` and the codes say why",
  "9": "halted: paused, stopped, or the source has ended",
} as const;

/**
 * `plc/state`, after the states of OPC 40100-1 (machine vision): 1 preoperational, 2 initialising, 3 ready,
 * 4 busy (SingleExecution), 5 continuous (ContinuousExecution), 8 error, 9 halted.
 */
export type PlcState = keyof typeof PLC_STATES;

/** What a person reads for each state. */
export const PLC_STATE_WORDS = {
  "1": "preoperational",
  "2": "initialising",
  "3": "ready",
  "4": "busy",
  "5": "continuous",
  "8": "error",
  "9": "halted",
} as const satisfies Readonly<Record<PlcState, string>>;

export interface PlcConditions {
  readonly mode: StationMode;
  readonly started: boolean;
  readonly stopped: boolean;
  readonly faulty: boolean;
  readonly starting: boolean;
  readonly paused: boolean;
  /** The source delivered its last frame. */
  readonly ended: boolean;
  /** Frames are accepted and not decided. */
  readonly busy: boolean;
}

/**
 * A trigger, and a hardware-triggered camera, starts one job a part, so the modes `triggered` and `camera` show Ready
 * between parts and SingleExecution while a part is open. Mode `continuous` is one job that runs until it is stopped:
 * ContinuousExecution throughout. A source that has ended brings no more parts, and
 * a paused station inspects none: Halted. Faults outrank all but
 * a stop, so that no PLC reads "ready" from a station without camera, bank or inference.
 */
export function plcStateOf(conditions: PlcConditions): PlcState {
  if (conditions.stopped) return "9";
  if (!conditions.started) return "1";
  if (conditions.faulty) return "8";
  if (conditions.starting) return "2";
  if ((conditions.ended || conditions.paused) && !conditions.busy) return "9";
  if (conditions.mode === "continuous") return "5";
  return conditions.busy ? "4" : "3";
}
