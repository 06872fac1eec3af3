import type { DeliveryConfig } from "../config/config.ts";
import type { Outcome } from "../station/outcome.ts";
import { PartStatistics, type PartFigures } from "./part-statistics.ts";

export type ProbationLimits = Pick<
  DeliveryConfig,
  "probationParts" | "probationS" | "maxNoVerdictRise" | "maxFailRise" | "maxLatencyRatio"
>;

export type ProbationVerdict =
  | { readonly decision: "go-on" | "commit" }
  | { readonly decision: "roll-back"; readonly code: ProbationCode; readonly message: string };

export type ProbationCode = "probation-no-verdict" | "probation-fail" | "probation-latency" | "probation-inference";

/** Shares of fewer parts than these are chance. */
const FEWEST_PARTS = 20;
/** Fewer parts than these before the change say nothing about the bank before. */
const FEWEST_BEFORE = 20;
/** Share of FAIL that is taken for usual where nothing is known of the bank before. */
const UNKNOWN_FAIL_SHARE = 0.1;
const MOST_INFERENCE_LOSSES = 1;

/** Whether a new bank does as well as the one before, by what comes of its parts. */
export class Probation {
  readonly #before: PartFigures;
  readonly #limits: ProbationLimits;
  readonly #startedAtMs: number;
  readonly #parts = new PartStatistics();
  #count = 0;
  #losses = 0;

  /** @param before what the bank before came to; @param startedAtMs monotonic */
  constructor(before: PartFigures, limits: ProbationLimits, startedAtMs: number) {
    this.#before = before;
    this.#limits = limits;
    this.#startedAtMs = startedAtMs;
  }

  get figures(): { readonly before: PartFigures; readonly now: PartFigures } {
    return { before: this.#before, now: this.#parts.figures() };
  }

  /** The statistics of this bank, for the next one. */
  get parts(): PartStatistics {
    return this.#parts;
  }

  /** In percent, by parts or by time, whichever is nearer to the end. */
  percent(nowMs: number): number {
    const { probationParts, probationS } = this.#limits;
    const share = Math.max(this.#count / probationParts, (nowMs - this.#startedAtMs) / (probationS * 1_000));
    return Math.min(100, Math.floor(100 * share));
  }

  add(outcome: Outcome): void {
    this.#count++;
    this.#parts.add(outcome);
  }

  /** The inference process was lost with this bank in it. */
  inferenceLost(): void {
    this.#losses++;
  }

  verdict(nowMs: number): ProbationVerdict {
    if (this.#losses > MOST_INFERENCE_LOSSES) {
      const message = `Expected the inference process to live but it was lost ${this.#losses} times`;
      return { decision: "roll-back", code: "probation-inference", message };
    }
    const isOver = this.percent(nowMs) >= 100;
    const now = this.#parts.figures();
    // A probation of fewer parts than are wanted for a share is judged at its end.
    if (now.parts < FEWEST_PARTS && !isOver) return { decision: "go-on" };
    return this.#worse(now) ?? { decision: isOver ? "commit" : "go-on" };
  }

  #worse(now: PartFigures): ProbationVerdict | null {
    const { maxNoVerdictRise, maxFailRise, maxLatencyRatio } = this.#limits;
    const before = this.#before;
    const isKnown = before.parts >= FEWEST_BEFORE;
    const mostNoVerdict = (isKnown ? before.noVerdictShare : 0) + maxNoVerdictRise;
    const mostFail = (isKnown ? before.failShare : UNKNOWN_FAIL_SHARE) + maxFailRise;
    if (now.noVerdictShare > mostNoVerdict) {
      return rollBack("probation-no-verdict", "NO_VERDICT", now.noVerdictShare, mostNoVerdict, now.parts);
    }
    if (now.failShare > mostFail) return rollBack("probation-fail", "FAIL", now.failShare, mostFail, now.parts);
    const mostMs = isKnown && before.medianMs !== null ? before.medianMs * maxLatencyRatio : Infinity;
    if (now.medianMs !== null && now.medianMs > mostMs) {
      const message = `Expected a verdict within ${Math.ceil(mostMs)} ms (median) but it takes ${Math.ceil(now.medianMs)} ms`;
      return { decision: "roll-back", code: "probation-latency", message };
    }
    return null;
  }
}

function rollBack(code: ProbationCode, what: string, share: number, most: number, parts: number): ProbationVerdict {
  const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
  const message = `Expected at most ${percent(most)} ${what} but ${percent(share)} of ${parts} parts are`;
  return { decision: "roll-back", code, message };
}
