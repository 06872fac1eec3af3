/**
 * The area that one anomalous value adds under a curve of "share of anomalous values found" over "share of nominal
 * values found" (the false-positive rate), between rates 0 and `limit`. Such areas are sums over the anomalous values, so
 * no curve is ever built, and several curves (one a defect region) cost no more than one. With g of N nominal
 * values above it and b equal to it, the value is found on a straight ramp from g / N to (g + b) / N (ties count half, as
 * in the trapezoidal rule over distinct thresholds), and stays found from there on.
 *
 * @returns in [0, limit]
 */
export function areaFrom(above: number, equal: number, total: number, limit: number): number {
  const begin = above / total;
  const end = (above + equal) / total;
  if (limit <= begin) return 0;
  if (limit >= end) return limit - (begin + end) / 2;
  return ((limit - begin) * (limit - begin)) / (2 * (end - begin));
}

/** Walks a sorted array upwards: where would ascending values go? Each step gallops, so that near places are cheap. */
export class RankWalk {
  readonly #sorted: Float32Array;
  #least = 0;

  constructor(sorted: Float32Array) {
    this.#sorted = sorted;
  }

  /**
   * @param value not below the values asked for before
   * @returns how many entries are below it and how many equal it
   */
  rank(value: number): { readonly below: number; readonly equal: number } {
    const below = gallop(this.#sorted, this.#least, (entry) => entry >= value);
    const through = gallop(this.#sorted, below, (entry) => entry > value);
    this.#least = below;
    return { below, equal: through - below };
  }
}

/** @returns the first place from `start` on where `stop` holds; it must hold from there to the end */
function gallop(sorted: Float32Array, start: number, stop: (entry: number) => boolean): number {
  let low = start;
  let step = 1;
  while (low + step <= sorted.length && !stop(sorted[low + step - 1]!)) {
    low += step;
    step *= 2;
  }
  let high = Math.min(sorted.length, low + step);
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (stop(sorted[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}
