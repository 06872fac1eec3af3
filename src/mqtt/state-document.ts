import type { Fault, StationCounters } from "../station/events.ts";
import { FAULTS, type FaultName } from "../station/faults.ts";
import type { PlcState, StationMode } from "../station/plc-state.ts";
import { REASONS } from "../station/reasons.ts";
import type { SessionCounters } from "./session-counters.ts";
import type { StationIdentity } from "./topics.ts";

/** A fault as a person reads it. `since` is ISO 8601, UTC. */
export interface ReportedFault {
  readonly code: string;
  readonly name: FaultName;
  readonly text: string;
  readonly remedy: string;
  /** No verdicts while it stands. */
  readonly stops: boolean;
  /** Key of this document that says more. */
  readonly see: string;
  readonly since: string;
  /** What was found this time: the error's own words. Absent when nothing more is known. */
  readonly detail?: string;
}

/** JSON of `state`, retained: what the station is and how it does. */
export interface StateDocument extends StationIdentity {
  readonly version: 1;
  /** ISO 8601, UTC: when this document was made. */
  readonly at: string;
  readonly device: string;
  readonly boot: string;
  readonly mode: StationMode;
  readonly commissioning: boolean;
  readonly paused: boolean;
  readonly plcState: PlcState;
  /** nominald, node, onnxruntime, gstreamer … */
  readonly versions: Readonly<Record<string, string>>;
  readonly bank: {
    readonly id: string;
    readonly rows: number;
    readonly dims: number;
    readonly backbone: string;
    readonly threshold: number;
    readonly maskThreshold: number;
    readonly index: string;
  } | null;
  /** The provider that is really in use; null while there is no inference process. */
  readonly executionProvider: string | null;
  /** The one that was asked for: another where the CPU stands in for it. */
  readonly wantedProvider: string | null;
  /** Whether what the station asks for can be met beside the others; null before its bank was loaded. */
  readonly admission: {
    readonly verdict: "admitted" | "overbooked" | "refused";
    /** Share of the time that the frames of all stations of its inference process take, where their takt is known. */
    readonly utilisation: number;
    /** The longest that a part of it waits for its score, ms; null: without bound. */
    readonly responseMs: number | null;
    readonly problems: readonly string[];
  } | null;
  readonly camera: {
    readonly source: string;
    readonly state: "starting" | "playing" | "lost" | "ended";
    /** The pipeline, once it plays. */
    readonly launch: string | null;
    readonly restarts: number;
  };
  /** The outbox on the disk. */
  readonly storage: {
    readonly state: string;
    readonly problem: string | null;
    /** A damaged file was moved there since the start. */
    readonly setAside: string | null;
    /** Changes that wait for the disk. */
    readonly waiting: number;
    /** Changes that could not be written. */
    readonly lost: number;
    readonly writes: number;
    /** ms that the disk took for all writes. */
    readonly writeMs: number;
  };
  /** Whether this device takes configurations and memory banks from afar. */
  readonly pushes: {
    /** Even those that nobody signed. */
    readonly allowUnsigned: boolean;
    readonly trustedKeys: number;
    /** Why every push is refused; null: those of trusted keys are accepted. */
    readonly problem: string | null;
  };
  /** How late the daemon's event loop was in the last full minute, ms. */
  readonly eventLoop: { readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number };
  /** The computer, looked at every 5 s; what it does not tell is null. */
  readonly host: {
    readonly memory: {
      /** Of the machine, or of the control group that limits the daemon, whichever has less left. */
      readonly availableBytes: number;
      readonly totalBytes: number;
      readonly limitedBy: "machine" | "control-group";
      /** Share of the last minute in which some process waited for memory, percent. */
      readonly stalledPercent: number | null;
    } | null;
    /** Of stateFolder. */
    readonly disk: { readonly freeBytes: number; readonly totalBytes: number } | null;
    /** The hottest sensor. */
    readonly temperature: { readonly celsius: number; readonly sensor: string } | null;
    readonly throttle: {
      /** Times that cores were slowed down because of heat since the computer's start. */
      readonly count: number | null;
      /** Largest frequency that is allowed now, as a share of the processor's largest. */
      readonly allowedShare: number | null;
    } | null;
    readonly clockSync: string;
    /** How often each fault of the computer has come since the start of the daemon, by name. */
    readonly faults: Readonly<Partial<Record<FaultName, number>>>;
  };
  /** Runs of the daemon that did not end in order (killed, crashed, ended by the watchdog, power lost), ever. */
  readonly runs: { readonly unclean: number; readonly lastUncleanAt: string | null };
  readonly counters: StationCounters;
  readonly mqtt: SessionCounters;
  readonly faults: readonly ReportedFault[];
}

/** @returns faults with their code, text and remedy from the tables; `details` has what was found where the fault itself does not */
export function reportedFaults(
  faults: readonly (Fault & { readonly detail?: string })[],
  details: ReadonlyMap<FaultName, string> = new Map(),
): readonly ReportedFault[] {
  return faults.map(({ reason, since, detail }) => ({
    code: REASONS[reason].code,
    name: reason,
    text: REASONS[reason].text,
    remedy: REASONS[reason].remedy,
    stops: FAULTS[reason].stops,
    see: FAULTS[reason].see,
    since: new Date(since.wallMs).toISOString(),
    ...detailOf(detail ?? details.get(reason)),
  }));
}

function detailOf(detail: string | undefined): { readonly detail?: string } {
  return detail === undefined ? {} : { detail };
}
