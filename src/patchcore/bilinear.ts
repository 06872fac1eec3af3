/** For each of `to` output places: the two source places it lies between and the share of the second. */
export interface BilinearTaps {
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly share: Float64Array;
}

/**
 * Linear resize along one axis as torch's `align_corners=False` and ONNX' Resize `half_pixel`: pixel centres lie at
 * (i + 0.5) / size, and beyond the outermost centres the edge value holds.
 *
 * @param from number of source places
 * @param to number of output places
 */
export function bilinearTaps(from: number, to: number): BilinearTaps {
  const low = new Int32Array(to);
  const high = new Int32Array(to);
  const share = new Float64Array(to);
  for (let i = 0; i < to; i++) {
    const place = Math.max(0, ((i + 0.5) * from) / to - 0.5);
    const left = Math.min(from - 1, Math.floor(place));
    low[i] = left;
    high[i] = Math.min(from - 1, left + 1);
    share[i] = Math.min(1, place - left);
  }
  return { low, high, share };
}
