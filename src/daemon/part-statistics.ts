import type { Outcome } from "../station/outcome.ts";

/** What the last parts came to. */
export interface PartFigures {
  readonly parts: number;
  /** Shares of the parts, 0 to 1; 0 without a part. */
  readonly noVerdictShare: number;
  readonly failShare: number;
  /** Trigger, or frame, to verdict; null without a scored part. */
  readonly medianMs: number | null;
}

const MOST_PARTS = 500;

interface Part {
  readonly verdict: Outcome["verdict"];
  /** null: without a score, or without a time that it began. */
  readonly latencyMs: number | null;
}

/** The last 500 parts of one bank. Known bad parts that are shown on purpose say nothing about it. */
export class PartStatistics {
  readonly #parts: Part[] = [];

  add(outcome: Outcome): void {
    if (outcome.challenge) return;
    const begunAtMs = outcome.triggeredAt?.monotonicMs ?? outcome.capturedAtMs;
    const isScored = outcome.score !== null && begunAtMs !== null;
    this.#parts.push({ verdict: outcome.verdict, latencyMs: isScored ? outcome.decidedAtMs - begunAtMs : null });
    if (this.#parts.length > MOST_PARTS) this.#parts.shift();
  }

  figures(): PartFigures {
    const parts = this.#parts.length;
    const share = (verdict: Outcome["verdict"]): number =>
      parts === 0 ? 0 : this.#parts.filter((part) => part.verdict === verdict).length / parts;
    const times = this.#parts.flatMap(({ latencyMs }) => latencyMs ?? []).sort((a, b) => a - b);
    return {
      parts,
      noVerdictShare: share("NO_VERDICT"),
      failShare: share("FAIL"),
      medianMs: times[Math.floor(times.length / 2)] ?? null,
    };
  }
}
