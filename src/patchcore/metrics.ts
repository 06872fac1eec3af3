import { BugError } from "../shared/errors.ts";

/** Two classes: 0 nominal, anything else anomalous. */
export type Labels = ArrayLike<number | boolean>;

/** Counts at a threshold; "positive" is anomalous. */
export interface Confusion {
  readonly truePositives: number;
  readonly falsePositives: number;
  readonly trueNegatives: number;
  readonly falseNegatives: number;
}

/**
 * Area under the receiver operating characteristic: how probably a random anomalous image scores above a random
 * nominal one, ties counted half (midranks, the Mann-Whitney statistic).
 *
 * @returns in [0, 1]; NaN when one class is missing, since the curve does not exist then
 */
export function auroc(scores: ArrayLike<number>, labels: Labels): number {
  const steps = descendingSteps(scores, labels);
  const { positives, negatives } = totals(steps);
  let better = 0;
  let seen = 0;
  for (const step of steps) {
    better += step.negatives * (seen + step.positives / 2);
    seen += step.positives;
  }
  return better / (positives * negatives);
}

/**
 * Average precision: Σ (recall_k − recall_(k−1)) · precision_k over the distinct scores from the highest down, without
 * interpolation, as scikit-learn's `average_precision_score`.
 *
 * @returns in [0, 1]; NaN without anomalous images
 */
export function averagePrecision(scores: ArrayLike<number>, labels: Labels): number {
  const steps = descendingSteps(scores, labels);
  const { positives } = totals(steps);
  let sum = 0;
  let hits = 0;
  let taken = 0;
  for (const step of steps) {
    hits += step.positives;
    taken += step.positives + step.negatives;
    sum += (step.positives * hits) / taken;
  }
  return sum / positives;
}

/**
 * The largest F1 = 2TP / (2TP + FP + FN) over all thresholds, where a score counts as anomalous when it is at least
 * the threshold; of equals the lowest threshold.
 *
 * @returns the score value that is the threshold; `f1` is 0 without anomalous images
 */
export function f1Max(scores: ArrayLike<number>, labels: Labels): { f1: number; threshold: number } {
  const steps = descendingSteps(scores, labels);
  const { positives } = totals(steps);
  let best = { f1: 0, threshold: Infinity };
  let hits = 0;
  let taken = 0;
  for (const step of steps) {
    hits += step.positives;
    taken += step.positives + step.negatives;
    const f1 = (2 * hits) / (taken + positives);
    if (f1 > 0 && f1 >= best.f1) best = { f1, threshold: step.score };
  }
  return best;
}

/** One point of the receiver operating characteristic: what a threshold rejects. */
export interface RocPoint {
  /** Scores from here on are rejected. */
  readonly threshold: number;
  /** Share of nominal images that are rejected. */
  readonly falsePositiveRate: number;
  /** Share of anomalous images that are rejected. */
  readonly truePositiveRate: number;
}

/**
 * The receiver operating characteristic over the distinct scores, from the highest down; it begins at (0, 0) with an
 * infinite threshold and ends at (1, 1).
 *
 * @returns rates are NaN where a class is missing
 */
export function rocCurve(scores: ArrayLike<number>, labels: Labels): readonly RocPoint[] {
  const steps = descendingSteps(scores, labels);
  const { positives, negatives } = totals(steps);
  const points: RocPoint[] = [{ threshold: Infinity, falsePositiveRate: 0, truePositiveRate: 0 }];
  let hits = 0;
  let misses = 0;
  for (const step of steps) {
    hits += step.positives;
    misses += step.negatives;
    points.push({
      threshold: step.score,
      falsePositiveRate: misses / negatives,
      truePositiveRate: hits / positives,
    });
  }
  return points;
}

/** Counts when scores strictly above the threshold are rejected, as the station does. */
export function confusionAt(scores: ArrayLike<number>, labels: Labels, threshold: number): Confusion {
  checkLengths(scores, labels);
  const counts = { truePositives: 0, falsePositives: 0, trueNegatives: 0, falseNegatives: 0 };
  for (let i = 0; i < scores.length; i++) {
    const rejected = scores[i]! > threshold;
    if (labels[i]) counts[rejected ? "truePositives" : "falseNegatives"]++;
    else counts[rejected ? "falsePositives" : "trueNegatives"]++;
  }
  return counts;
}

/**
 * Intersection over union of two masks; any value but 0 is set.
 *
 * @returns in [0, 1]; 1 for two empty masks, which agree
 */
export function intersectionOverUnion(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) {
    throw new BugError("mask-length", `Expected masks of one length but received ${a.length} and ${b.length}`);
  }
  let both = 0;
  let either = 0;
  for (let i = 0; i < a.length; i++) {
    if (a[i] !== 0 && b[i] !== 0) both++;
    if (a[i] !== 0 || b[i] !== 0) either++;
  }
  return either === 0 ? 1 : both / either;
}

/** z of a two-sided 95 % interval, Φ⁻¹(0.975). */
const Z_95 = 1.959963984540054;

/**
 * Wilson score interval of a rate (Wilson, JASA 22, 1927); it stays inside [0, 1] and is honest at 0 of n.
 *
 * @param hits successes, 0 to `count`
 * @param count trials
 * @param z quantile of the normal distribution; absent: 95 %
 * @returns [0, 1] for no trials
 */
export function wilsonInterval(hits: number, count: number, z = Z_95): { low: number; high: number } {
  if (!(hits >= 0 && hits <= count)) {
    throw new BugError("wilson", `Expected 0 to ${count} hits for an interval but received ${hits}`);
  }
  if (count === 0) return { low: 0, high: 1 };
  const rate = hits / count;
  const shrink = 1 + (z * z) / count;
  const centre = (rate + (z * z) / (2 * count)) / shrink;
  const half = (z / shrink) * Math.sqrt((rate * (1 - rate)) / count + (z * z) / (4 * count * count));
  return { low: hits === 0 ? 0 : Math.max(0, centre - half), high: hits === count ? 1 : Math.min(1, centre + half) };
}

/** All images of one score. */
interface Step {
  readonly score: number;
  positives: number;
  negatives: number;
}

/** Images grouped by equal score, from the highest down. */
function descendingSteps(scores: ArrayLike<number>, labels: Labels): readonly Step[] {
  checkLengths(scores, labels);
  const order = Array.from(scores, (_, i) => i).sort((a, b) => scores[b]! - scores[a]!);
  const steps: Step[] = [];
  for (const i of order) {
    const score = scores[i]!;
    if (Number.isNaN(score)) throw new BugError("metric-score", `Expected numbers for a metric but score ${i} is NaN`);
    let step = steps[steps.length - 1];
    if (step === undefined || step.score !== score) {
      step = { score, positives: 0, negatives: 0 };
      steps.push(step);
    }
    if (labels[i]) step.positives++;
    else step.negatives++;
  }
  return steps;
}

function totals(steps: readonly Step[]): { positives: number; negatives: number } {
  const sum = (key: "positives" | "negatives"): number => steps.reduce((total, step) => total + step[key], 0);
  return { positives: sum("positives"), negatives: sum("negatives") };
}

function checkLengths(scores: ArrayLike<number>, labels: Labels): void {
  if (scores.length !== labels.length) {
    throw new BugError(
      "metric-length",
      `Expected one label a score but received ${labels.length} for ${scores.length}`,
    );
  }
}
