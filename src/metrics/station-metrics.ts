import type { Histogram } from "prom-client";
import type { Sample } from "./samples.ts";
import type { ObservedPart, StationObserver } from "./station-observer.ts";

export interface StationHistograms {
  readonly verdictLatency: Histogram;
  readonly stage: Histogram;
  readonly scoreRatio: Histogram;
}

/** `frame`: trigger to capture; `publish`: decision to the hand-over to the connection; others as in the record of a part. */
export const STAGES = ["frame", "read", "resize", "backbone", "search", "score", "map", "encode", "publish"] as const;
type Stage = (typeof STAGES)[number];

/** Takes in what one station tells. */
export class StationMetrics implements StationObserver {
  readonly #station: string;
  readonly #histograms: StationHistograms;
  #frames = 0;
  #slotsMissing = 0;

  /** Every series is there from the start with 0, so that a rate is right from the first part on. */
  constructor(station: string, histograms: StationHistograms) {
    this.#station = station;
    this.#histograms = histograms;
    histograms.verdictLatency.zero({ station });
    histograms.scoreRatio.zero({ station });
    for (const stage of STAGES) histograms.stage.zero({ station, stage });
  }

  part({ outcome, stages, publishedAtWallMs }: ObservedPart): void {
    const { score, threshold, triggeredAt, capturedAtMs, decidedAtMs, decidedAtWallMs, challenge } = outcome;
    const station = this.#station;
    const begunAtMs = triggeredAt?.monotonicMs ?? capturedAtMs;
    if (score !== null && begunAtMs !== null) {
      this.#histograms.verdictLatency.observe({ station }, seconds(decidedAtMs - begunAtMs));
    }
    if (score !== null && threshold !== null && threshold > 0 && !challenge) {
      this.#histograms.scoreRatio.observe({ station }, score / threshold);
    }
    if (triggeredAt !== null && capturedAtMs !== null) this.#stage("frame", capturedAtMs - triggeredAt.monotonicMs);
    for (const stage of STAGES) {
      const ms = stages[stage];
      if (ms !== undefined) this.#stage(stage, ms);
    }
    if (publishedAtWallMs !== null) this.#stage("publish", publishedAtWallMs - decidedAtWallMs);
  }

  frame(): void {
    this.#frames++;
  }

  slotMissing(): void {
    this.#slotsMissing++;
  }

  samples(): readonly Sample[] {
    const station = this.#station;
    return [
      { family: "frames", labels: { station }, value: this.#frames },
      { family: "dropped", labels: { station, item: "slot" }, value: this.#slotsMissing },
    ];
  }

  /** Takes its series away. */
  close(): void {
    const { verdictLatency, scoreRatio, stage: stages } = this.#histograms;
    const station = this.#station;
    verdictLatency.remove({ station });
    scoreRatio.remove({ station });
    for (const stage of STAGES) stages.remove({ station, stage });
  }

  #stage(stage: Stage, ms: number): void {
    this.#histograms.stage.observe({ station: this.#station, stage }, seconds(ms));
  }
}

/** A wall clock that was set back in between must not give a negative time. */
function seconds(ms: number): number {
  return Math.max(0, ms) / 1_000;
}
