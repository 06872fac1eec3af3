/** One row of the documented list: why a part got no verdict, or why a station is in fault. */
export interface Reason {
  /** Four digits, as in `plc/result` and `plc/accepted`. `0000` is kept for "no reason": a PASS or a FAIL. */
  readonly code: string;
  readonly text: string;
  /** What a person at the line can do about it. */
  readonly remedy: string;
}

/** The code of an outcome that needs no reason. */
export const NO_REASON_CODE = "0000";

/**
 * Every reason of a NO_VERDICT, once. First digits: 01 camera and frame, 02 time, 03 bank, 04 inference,
 * 05 operation. 06 are no reasons of a part: a trigger that gets one of them in `plc/accepted` was not accepted, and no
 * result follows; 07 are faults that stop nothing. A code never changes its meaning; PLC programs and the documentation
 * derive from this table.
 */
export const REASONS = {
  "camera-lost": {
    code: "0101",
    text: "The camera delivers no frames",
    remedy: "Check power, cable and network of the camera; the station reconnects by itself",
  },
  "frame-unreadable": {
    code: "0102",
    text: "The frame could not be read or has the wrong size or format",
    remedy: "Compare the camera's format and size with the configuration",
  },
  "repeated-frame": {
    code: "0103",
    text: "A live camera delivered the same frame twice",
    remedy: "Restart the camera; check its driver",
  },
  "frame-dark": { code: "0104", text: "The frame is too dark", remedy: "Check the light and the exposure time" },
  "frame-saturated": {
    code: "0105",
    text: "The frame is overexposed",
    remedy: "Check the light, the exposure time and the gain",
  },
  "frame-blurred": { code: "0106", text: "The frame is blurred", remedy: "Check focus, exposure time and line speed" },
  "no-part": { code: "0107", text: "No part is in view", remedy: "Check the trigger's position and the feed" },
  "missed-acquisition": {
    code: "0108",
    text: "A frame was announced but never arrived",
    remedy: "Check the camera's link for lost packets; lower the frame rate",
  },
  late: {
    code: "0201",
    text: "The score was not ready before the deadline",
    remedy: "Raise deadlineMs, or lower the load: smaller input, fewer stations on this device",
  },
  overrun: {
    code: "0202",
    text: "Parts came faster than they can be scored",
    remedy: "Lower the part rate, raise maxPending, or give scoring more threads",
  },
  "no-bank": { code: "0301", text: "No memory bank is active", remedy: "Give the station a bank that loads" },
  "bank-mismatch": {
    code: "0302",
    text: "The score came from a bank that is not active",
    remedy: "None needed for a single part at a change of banks; report it when it repeats",
  },
  "self-test-failed": {
    code: "0303",
    text: "The self-test of bank, backbone or device failed",
    remedy: "See the log for the failed check; activate another bank",
  },
  "warm-up": {
    code: "0304",
    text: "The station is still starting: bank or inference is not ready yet",
    remedy: "Wait until plc/state is 3 or 5 before parts are sent",
  },
  "admission-refused": {
    code: "0305",
    text: "The station was refused: what it asks for cannot be met beside the others of this device",
    remedy:
      "See state.admission for figures; raise takt or deadline, take a smaller input, or move a station elsewhere",
  },
  "inference-fault": {
    code: "0401",
    text: "Scoring the frame failed or gave no finite score",
    remedy: "See the log; compare bank and backbone by `nominald models check`",
  },
  "inference-lost": {
    code: "0402",
    text: "The inference process ended or hung while it was needed",
    remedy: "It is started again by itself; see the log for the cause when it repeats",
  },
  paused: { code: "0501", text: "The station is paused", remedy: "Resume it" },
  restart: {
    code: "0502",
    text: "The daemon stopped or restarted before the part was decided",
    remedy: "None: the part counts as not inspected",
  },
  "session-ended": {
    code: "0503",
    text: "The PLC began a new session before the part was decided",
    remedy: "None: the part counts as not inspected",
  },
  "challenge-due": {
    code: "0504",
    text: "A known bad part is due and was not shown yet",
    remedy: "Show a known bad part: its part id, or cmd/challenge before it",
  },
  "challenge-passed": {
    code: "0505",
    text: "A known bad part was not recognised",
    remedy: "Check light, camera and bank, then show a known bad part again",
  },
  "seq-not-above": {
    code: "0601",
    text: "The trigger's seq is not above the last one of its session",
    remedy: "Count seq upwards; draw a new session at each start of the PLC",
  },
  "session-over": {
    code: "0602",
    text: "The trigger belongs to a session that another one has followed",
    remedy: "Draw a session at each start of the PLC that it did not have before",
  },
  "trigger-malformed": {
    code: "0603",
    text: "The trigger's part or recipe has characters or a length that do not fit their fields",
    remedy: "Use 0-9, A-Z, a-z, '.', '_' and '-': 32 of them for the part, 16 for the recipe at most",
  },
  "trigger-unwanted": {
    code: "0604",
    text: "The station's mode takes no triggers",
    remedy: "Set mode: triggered",
  },
  "storage-failed": {
    code: "0701",
    text: "Results cannot be written to the disk; they go on without it, with flag 10",
    remedy: "Free space on the disk of stateFolder, or make it writable",
  },
  overbooked: {
    code: "0704",
    text: "What is asked of this station and the others of this device cannot all be met; parts will be late",
    remedy:
      "See state.admission for figures; raise takt or deadline, take a smaller input, or move a station elsewhere",
  },
  "fail-streak": {
    code: "0702",
    text: "So many parts in a row FAIL that the process, not the parts, may be at fault; flag 20 asks for a line stop",
    remedy: "Check the line, the light and the camera, then send cmd/resume",
  },
  "fail-rate": {
    code: "0703",
    text: "The share of FAIL is above its limit; flag 20 asks for a line stop",
    remedy: "Check the line, the light and the camera, then send cmd/resume",
  },
  "memory-low": {
    code: "0711",
    text: "The computer has hardly any memory left",
    remedy: "End what else runs there, give the service more (MemoryMax), or add memory",
  },
  "disk-low": {
    code: "0712",
    text: "The disk of stateFolder is nearly full",
    remedy: "Free space on it: results and records of an outage are kept there",
  },
  "host-hot": {
    code: "0713",
    text: "The computer is too hot",
    remedy: "Check fans, filters and the cabinet's temperature",
  },
  "clock-throttled": {
    code: "0714",
    text: "The processor runs slower than it could, so frames take longer",
    remedy: "Cool it; check the power supply and the frequency's upper limit (cpufreq)",
  },
  "clock-unsynchronised": {
    code: "0715",
    text: "The computer's clock follows no reference, so times of records cannot be compared",
    remedy: "Let it follow a time server (timedatectl set-ntp true)",
  },
  "inference-unsteady": {
    code: "0723",
    text: "The inference process was lost so often that it is started again at long intervals only",
    remedy: "See the log for the cause; check memory, the backbone and the accelerator's driver",
  },
  "provider-fallback": {
    code: "0722",
    text: "The CPU stands in for the accelerator that was asked for; results carry flag 10",
    remedy:
      "Set the accelerator up (driver, CUDA, ONNX Runtime), then restart the service; or set inference.provider: cpu",
  },
  "camera-unsteady": {
    code: "0721",
    text: "The camera was lost so often that it is tried again at long intervals only",
    remedy: "Check power, cable and network of the camera, then take it off its power once",
  },
} as const satisfies Readonly<Record<string, Reason>>;

export type ReasonName = keyof typeof REASONS;

export const REASON_NAMES = Object.keys(REASONS) as readonly ReasonName[];

/** @returns the four digits of `reason`; `0000` without one */
export function codeOf(reason: ReasonName | null): string {
  return reason === null ? NO_REASON_CODE : REASONS[reason].code;
}

/** @returns the reason of a four-digit code, null for `0000`, undefined for a code that is not in the table */
export function reasonOfCode(code: string): ReasonName | null | undefined {
  if (code === NO_REASON_CODE) return null;
  return REASON_NAMES.find((name) => REASONS[name].code === code);
}
