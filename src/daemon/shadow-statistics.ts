import type { ShadowScored } from "../inference/protocol.ts";
import type { Outcome } from "../station/outcome.ts";

/** One bank's word about a part. */
export interface ShadowOpinion {
  readonly verdict: "PASS" | "FAIL";
  readonly score: number;
  readonly threshold: number;
}

/** A part of which the two banks say different things. */
export interface ShadowFlip {
  readonly at: string;
  /** null where the station counts by itself. */
  readonly session: string | null;
  readonly seq: number;
  readonly part: string;
  readonly recipe: string;
  readonly active: ShadowOpinion;
  readonly candidate: ShadowOpinion;
}

/** How a candidate does beside the active bank. */
export interface ShadowFigures {
  /** That the active bank judged and the candidate was asked about: `scored`, `dropped` and `failed` together. */
  readonly parts: number;
  readonly scored: number;
  /** Not scored by the candidate, because something else needed the time. */
  readonly dropped: number;
  /** Not scored by the candidate, because it threw. */
  readonly failed: number;
  /** Of those scored, the ones that took longer than half the deadline. */
  readonly slow: number;
  readonly passToFail: number;
  readonly failToPass: number;
  /** Medians of score / threshold of the last 500 parts that both have scored; null without one. */
  readonly medianRatio: { readonly active: number; readonly candidate: number } | null;
  /** Of a candidate's frame; null without one. */
  readonly medianMs: number | null;
  readonly longestMs: number | null;
  /** The newest last, 8 at most. */
  readonly lastFlips: readonly ShadowFlip[];
}

const MOST_PARTS = 500;
const MOST_FLIPS = 8;

interface Pair {
  readonly active: number;
  readonly candidate: number;
  readonly tookMs: number;
}

/** A part with a verdict. */
export type JudgedOutcome = Outcome & {
  readonly verdict: "PASS" | "FAIL";
  readonly score: number;
  readonly threshold: number;
};

/** What the candidate has said of the parts, beside what the active bank said. */
export class ShadowStatistics {
  readonly #counts = { parts: 0, scored: 0, dropped: 0, failed: 0, slow: 0, passToFail: 0, failToPass: 0 };
  #longestMs: number | null = null;
  readonly #pairs: Pair[] = [];
  readonly #flips: ShadowFlip[] = [];

  get scored(): number {
    return this.#counts.scored;
  }

  dropped(): void {
    this.#counts.parts++;
    this.#counts.dropped++;
  }

  failed(): void {
    this.#counts.parts++;
    this.#counts.failed++;
  }

  /** @returns the flip; null when both say the same */
  scoredBoth(outcome: JudgedOutcome, candidate: ShadowScored, isSlow: boolean): ShadowFlip | null {
    this.#counts.parts++;
    this.#counts.scored++;
    if (isSlow) this.#counts.slow++;
    const { score, threshold, tookMs } = candidate;
    this.#longestMs = Math.max(this.#longestMs ?? 0, tookMs);
    this.#pairs.push({ active: outcome.score / outcome.threshold, candidate: score / threshold, tookMs });
    if (this.#pairs.length > MOST_PARTS) this.#pairs.shift();
    const verdict = score > threshold ? "FAIL" : "PASS";
    return verdict === outcome.verdict ? null : this.#flip(outcome, { verdict, score, threshold });
  }

  figures(): ShadowFigures {
    const active = medianOf(this.#pairs.map((pair) => pair.active));
    const candidate = medianOf(this.#pairs.map((pair) => pair.candidate));
    return {
      ...this.#counts,
      medianRatio: active === null || candidate === null ? null : { active, candidate },
      medianMs: medianOf(this.#pairs.map((pair) => pair.tookMs)),
      longestMs: this.#longestMs,
      lastFlips: [...this.#flips],
    };
  }

  #flip(outcome: JudgedOutcome, candidate: ShadowOpinion): ShadowFlip {
    if (candidate.verdict === "FAIL") this.#counts.passToFail++;
    else this.#counts.failToPass++;
    const { session, seq, part, recipe, verdict, score, threshold, decidedAtWallMs } = outcome;
    const at = new Date(decidedAtWallMs).toISOString();
    const flip = { at, session, seq, part, recipe, active: { verdict, score, threshold }, candidate };
    this.#flips.push(flip);
    if (this.#flips.length > MOST_FLIPS) this.#flips.shift();
    return flip;
  }
}

function medianOf(values: readonly number[]): number | null {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? null;
}
