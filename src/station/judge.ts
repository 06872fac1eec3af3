import type { Verdict } from "./outcome.ts";
import type { ReasonName } from "./reasons.ts";

export interface Judgement {
  readonly verdict: Verdict;
  readonly reason: ReasonName | null;
  readonly score: number | null;
  readonly threshold: number | null;
}

/** @returns a NO_VERDICT for `reason`: it carries neither score nor threshold */
export function noVerdict(reason: ReasonName): Judgement {
  return { verdict: "NO_VERDICT", reason, score: null, threshold: null };
}

/**
 * FAIL when the score is above the threshold, PASS when it is at or below it. Every comparison with NaN is false,
 * so both numbers are checked first: what is not finite, a negative distance or a threshold that is not above
 * zero is a fault of the inference and never a PASS.
 *
 * @param score image score, in the unit of the bank's distances
 * @param threshold same unit
 */
export function judge(score: number, threshold: number): Judgement {
  const valid = Number.isFinite(score) && Number.isFinite(threshold) && score >= 0 && threshold > 0;
  if (!valid) return noVerdict("inference-fault");
  return { verdict: score > threshold ? "FAIL" : "PASS", reason: null, score, threshold };
}
