/** One quantity over the time of a run. */
export interface Sample {
  readonly atS: number;
  readonly value: number;
}

export interface Trend {
  /** Value of the middle sample by size. */
  readonly median: number;
  readonly largest: number;
  /** Per hour; the median of the slopes of all pairs (Theil and Sen), which single spikes do not move. */
  readonly slopePerHour: number;
  /** What the slope makes over the time that was watched. */
  readonly growth: number;
  readonly isFlat: boolean;
}

/**
 * Does a quantity grow? It is flat when the growth that its slope makes over the watched time is within what such a
 * quantity wanders without growing.
 *
 * @param samples after the warm-up, at least 3
 * @param allowed growth, in the unit of the values
 * @throws Error for fewer samples, which say nothing
 */
export function trendOf(samples: readonly Sample[], allowed: number): Trend {
  const [first, last] = [samples[0], samples.at(-1)];
  if (first === undefined || last === undefined || samples.length < 3) {
    throw new Error(`Expected at least 3 samples after the warm-up but there are ${samples.length}`);
  }
  const slopes: number[] = [];
  for (const [i, one] of samples.entries()) {
    for (const other of samples.slice(i + 1)) {
      if (other.atS > one.atS) slopes.push((other.value - one.value) / (other.atS - one.atS));
    }
  }
  const slope = medianOf(slopes);
  const growth = slope * (last.atS - first.atS);
  const values = samples.map(({ value }) => value);
  return {
    median: medianOf(values),
    largest: values.reduce((most, value) => Math.max(most, value), -Infinity),
    slopePerHour: slope * 3_600,
    growth,
    isFlat: growth <= allowed,
  };
}

function medianOf(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
