import { InputError } from "../shared/errors.ts";
import type { Outcome, Verdict } from "../station/outcome.ts";
import type { ReasonName } from "../station/reasons.ts";
import { codeOf } from "../station/reasons.ts";
import { plcResultOf } from "./payloads.ts";
import type { StationIdentity } from "./topics.ts";

/** The contract's limit for `inspection`. */
export const LARGEST_RECORD_BYTES = 4_096;

/** Whether the machine's clock follows a reference; `epochms` means little when it does not. */
export type ClockSync = "synchronised" | "unsynchronised" | "unknown";

/** A picture as the record names it: who has the bytes can check that they are this part's. */
export interface RecordedPicture {
  readonly sha256: string;
  readonly contentType: string;
  readonly bytes: number;
}

/** JSON of `inspection`: all that is known of one part. Times are Unix ms; null where it did not come to that. */
export interface InspectionRecord extends StationIdentity {
  readonly version: 1;
  readonly boot: string;
  readonly session: string;
  readonly seq: number;
  readonly part: string;
  readonly recipe: string;
  /** A known bad part that had to be recognised. */
  readonly challenge: boolean;
  readonly verdict: Verdict;
  /** As in `plc/result`. */
  readonly code: string;
  readonly reason: ReasonName | null;
  /** In the unit of the bank's distances. */
  readonly score: number | null;
  readonly threshold: number | null;
  /** As in `plc/result`: 1,000 × score / threshold. */
  readonly plcScore: number;
  readonly bank: string | null;
  readonly captureSeq: number | null;
  readonly times: {
    readonly trigger: number | null;
    readonly capture: number | null;
    readonly scoreStart: number | null;
    readonly scoreEnd: number | null;
    readonly decision: number;
    /** When the result was handed to the connection; null while the broker was away. */
    readonly publish: number | null;
  };
  readonly clockSync: ClockSync;
  /** Durations by stage, ms; null when the frame was not scored. */
  readonly stages: Readonly<Record<string, number>> | null;
  readonly images: { readonly mask: RecordedPicture | null; readonly overlay: RecordedPicture | null };
  /** A score that came too late to be a verdict. */
  readonly lateScore: { readonly score: number; readonly threshold: number } | null;
  readonly flags: number;
}

export interface RecordParts {
  readonly identity: StationIdentity;
  readonly boot: string;
  readonly outcome: Outcome;
  /** Monotonic ms, and ms by stage. */
  readonly scored?: {
    readonly startedAtMs: number;
    readonly finishedAtMs: number;
    readonly stages: Readonly<Record<string, number>>;
  };
  readonly images?: { readonly mask?: RecordedPicture; readonly overlay?: RecordedPicture };
  readonly lateScore?: { readonly score: number; readonly threshold: number };
  readonly publishedAtWallMs: number | null;
  readonly clockSync: ClockSync;
}

/**
 * Joins what the rooms know of a part. Monotonic times become Unix times by way of the decision, of which both
 * are known: so the intervals stay true when the wall clock is set in between.
 */
export function inspectionRecord(parts: RecordParts): InspectionRecord {
  const { identity, outcome, scored } = parts;
  const wall = (monotonicMs: number): number =>
    Math.round(outcome.decidedAtWallMs - (outcome.decidedAtMs - monotonicMs));
  return {
    version: 1,
    site: identity.site,
    line: identity.line,
    station: identity.station,
    boot: parts.boot,
    session: outcome.session ?? parts.boot,
    seq: outcome.seq,
    part: outcome.part,
    recipe: outcome.recipe,
    challenge: outcome.challenge,
    verdict: outcome.verdict,
    code: codeOf(outcome.reason),
    reason: outcome.reason,
    score: outcome.score,
    threshold: outcome.threshold,
    plcScore: plcResultOf(outcome, parts.boot).score,
    bank: outcome.bankId,
    captureSeq: outcome.captureSeq,
    times: {
      trigger: outcome.triggeredAt === null ? null : wall(outcome.triggeredAt.monotonicMs),
      capture: outcome.capturedAtMs === null ? null : wall(outcome.capturedAtMs),
      scoreStart: scored === undefined ? null : wall(scored.startedAtMs),
      scoreEnd: scored === undefined ? null : wall(scored.finishedAtMs),
      decision: outcome.decidedAtWallMs,
      publish: parts.publishedAtWallMs,
    },
    clockSync: parts.clockSync,
    stages: scored === undefined ? null : tenths(scored.stages),
    images: { mask: parts.images?.mask ?? null, overlay: parts.images?.overlay ?? null },
    lateScore: parts.lateScore ?? null,
    flags: outcome.flags,
  };
}

/**
 * @returns the record as JSON, at most 4 KiB; the stages are left out first when it would be more
 * @throws InputError "record-size" when it is too large even so (a bank with a name of kilobytes)
 */
export function serializeRecord(record: InspectionRecord): Buffer {
  const whole = Buffer.from(JSON.stringify(record));
  if (whole.length <= LARGEST_RECORD_BYTES) return whole;
  const short = Buffer.from(JSON.stringify({ ...record, stages: null }));
  if (short.length <= LARGEST_RECORD_BYTES) return short;
  throw new InputError(
    "record-size",
    `Expected at most ${LARGEST_RECORD_BYTES} bytes for the record of part ${record.seq} but it has ${short.length}`,
    { context: { station: record.station } },
  );
}

/** Microseconds are noise in a record; a tenth of a millisecond is not. */
function tenths(stages: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(stages).map(([name, ms]) => [name, Math.round(ms * 10) / 10]));
}
