/** One quantity over the time of a run. */
export interface Sample {
  readonly atS: number;
  readonly value: number;
}

export interface Trend {
  /** Value of the middle sample by size. */
  readonly median: number;
  readonly largest: number;
  /** Per hour; the median of the slopes between all pairs of parts (Theil and Sen), which single spikes do not move. */
  readonly slopePerHour: number;
  /** 95 % confidence limits of the slope, per hour. */
  readonly slopeLimits: readonly [low: number, high: number];
  /** What its upper limit makes over the time that was watched. */
  readonly growthLimit: number;
  /**
   * `flat`: even the upper limit of the slope makes no more than is allowed of the watched time. `grows`: even the lower one
   * makes more. `unsettled`: neither is shown, and a longer run has to say.
   */
  readonly verdict: "flat" | "grows" | "unsettled";
}

/**
 * The time is cut into so many equal parts, and the median of each is what is compared: samples two seconds apart are no
 * independent witnesses, and between two collections memory rises like the teeth of a saw.
 */
const PARTS = 12;
/** With fewer the confidence limits would lie beyond the steepest of the slopes. */
const LEAST_PARTS = 8;
/** Of the normal distribution, for 95 %. */
const Z = 1.96;

/**
 * Does a quantity grow? It is flat when it is shown that over the watched time it grows by no more than such a quantity
 * wanders without growing. Confidence limits after Sen (1968), as in Gilbert, Statistical Methods for Environmental Pollution
 * Monitoring (1987), 16.4.2: the slopes at the ranks (N ∓ z·√Var(S)) / 2 of the N between all pairs, where
 * Var(S) = n(n − 1)(2n + 5) / 18 for n parts.
 *
 * @param samples after the warm-up, in the order of time
 * @param allowed growth over the watched time, in the unit of the values
 * @throws Error unless there are samples in 8 of the 12 parts of the time at least: fewer say nothing
 */
export function trendOf(samples: readonly Sample[], allowed: number): Trend {
  const parts = partsOf(samples);
  if (parts.length < LEAST_PARTS) {
    const text = `Expected samples in at least ${LEAST_PARTS} of ${PARTS} parts of the time after the warm-up but there are some in ${parts.length}`;
    throw new Error(text);
  }
  const slopes = slopesOf(parts);
  const [low, middle, high] = limitsOf(slopes, parts.length);
  const watchedS = (samples.at(-1)?.atS ?? 0) - (samples[0]?.atS ?? 0);
  const values = samples.map(({ value }) => value);
  return {
    median: medianOf(values),
    largest: values.reduce((most, value) => Math.max(most, value), -Infinity),
    slopePerHour: middle * 3_600,
    slopeLimits: [low * 3_600, high * 3_600],
    growthLimit: high * watchedS,
    verdict: high * watchedS <= allowed ? "flat" : low * watchedS > allowed ? "grows" : "unsettled",
  };
}

/** @returns the middle of each part's time and values; a part without samples is left out */
function partsOf(samples: readonly Sample[]): Sample[] {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || last.atS <= first.atS) return [];
  const parts: Sample[][] = Array.from({ length: PARTS }, () => []);
  for (const sample of samples) {
    const at = Math.floor((PARTS * (sample.atS - first.atS)) / (last.atS - first.atS));
    parts[Math.min(PARTS - 1, at)]?.push(sample);
  }
  return parts
    .filter((part) => part.length > 0)
    .map((part) => ({
      atS: medianOf(part.map(({ atS }) => atS)),
      value: medianOf(part.map(({ value }) => value)),
    }));
}

/** @returns per second, the smallest first */
function slopesOf(parts: readonly Sample[]): Float64Array {
  const slopes: number[] = [];
  for (const [i, one] of parts.entries()) {
    for (const other of parts.slice(i + 1)) slopes.push((other.value - one.value) / (other.atS - one.atS));
  }
  return Float64Array.from(slopes).sort();
}

function limitsOf(slopes: Float64Array, parts: number): readonly [low: number, middle: number, high: number] {
  const spread = Z * Math.sqrt((parts * (parts - 1) * (2 * parts + 5)) / 18);
  // Ranks count from 1; of a rank that is no whole number the one further out is taken.
  const low = slopes[Math.floor((slopes.length - spread) / 2) - 1] ?? NaN;
  const high = slopes[Math.ceil((slopes.length + spread) / 2)] ?? NaN;
  return [low, medianOf(slopes), high];
}

function medianOf(values: ArrayLike<number>): number {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}
