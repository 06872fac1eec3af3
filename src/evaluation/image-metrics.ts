import { auroc, averagePrecision, confusionAt, f1Max, wilsonInterval } from "../patchcore/metrics.ts";
import { percentile, percentileOfSorted } from "../patchcore/percentile.ts";
import type { DefectMetrics, ErrorRates, ImageMetrics, Latency, Rate } from "./evaluation.ts";

/** An image's score and truth. */
export interface ScoredImage {
  readonly score: number;
  /** null: nominal. */
  readonly defect: string | null;
}

/** AUROC, average precision and F1-max of all images, or null where one class is missing. */
export function imageMetrics(images: readonly ScoredImage[]): ImageMetrics {
  const { scores, labels } = columnsOf(images);
  const anomalous = labels.filter(Boolean).length;
  return {
    imageAuroc: numberOrNull(auroc(scores, labels)),
    averagePrecision: anomalous === images.length ? null : numberOrNull(averagePrecision(scores, labels)),
    f1Max: anomalous === 0 || anomalous === images.length ? null : f1Max(scores, labels),
  };
}

/** What a threshold rejects wrongly and lets pass wrongly; a score strictly above it is rejected. */
export function errorRates(images: readonly ScoredImage[], threshold: number): ErrorRates {
  const { scores, labels } = columnsOf(images);
  const counts = confusionAt(scores, labels, threshold);
  return {
    threshold,
    miss: rateOf(counts.falseNegatives, counts.falseNegatives + counts.truePositives),
    falseReject: rateOf(counts.falsePositives, counts.falsePositives + counts.trueNegatives),
  };
}

/**
 * The F1-best threshold as a station would use it: F1-max counts a score at the threshold as anomalous, a station only one
 * above it, so the threshold goes halfway down to the next lower score.
 */
export function thresholdBelow(images: readonly ScoredImage[], score: number): number {
  const lower = images.reduce((best, one) => (one.score < score && one.score > best ? one.score : best), -Infinity);
  return Number.isFinite(lower) ? (lower + score) / 2 : score - Math.abs(score) / 2;
}

/** Each kind of defect against all nominal images, by name. */
export function defectMetrics(images: readonly ScoredImage[], threshold: number): readonly DefectMetrics[] {
  const kinds = [...new Set(images.flatMap(({ defect }) => defect ?? []))].sort();
  const nominal = images.filter(({ defect }) => defect === null);
  return kinds.map((kind) => {
    const ofKind = images.filter(({ defect }) => defect === kind);
    const metrics = imageMetrics([...nominal, ...ofKind]);
    const scores = ofKind.map(({ score }) => score);
    return {
      defect: kind,
      images: ofKind.length,
      imageAuroc: metrics.imageAuroc,
      averagePrecision: metrics.averagePrecision,
      miss: errorRates(ofKind, threshold).miss,
      medianRelativeScore: percentile(scores, 50) / threshold,
    };
  });
}

export function rateOf(hits: number, of: number): Rate {
  return { hits, of, rate: of === 0 ? null : hits / of, ...wilsonInterval(hits, of) };
}

/** @param durations ms; at least one */
export function latencyOf(durations: ArrayLike<number>): Latency {
  const sorted = Float64Array.from(durations).sort();
  const at = (percent: number): number => percentileOfSorted(sorted, percent);
  return { median: at(50), p90: at(90), p99: at(99), largest: at(100) };
}

function columnsOf(images: readonly ScoredImage[]): { readonly scores: number[]; readonly labels: boolean[] } {
  return { scores: images.map(({ score }) => score), labels: images.map(({ defect }) => defect !== null) };
}

function numberOrNull(value: number): number | null {
  return Number.isNaN(value) ? null : value;
}
