import { BugError } from "../shared/errors.ts";

/** Smallest and largest value; 0 need not lie between them. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** value ≈ scale · (level − zero), level from 0 to 255. */
export interface ActivationScale {
  readonly scale: number;
  readonly zero: number;
}

/** Rows of a convolution's weights as integers: weight ≈ scales[row] · levels[row, …]. */
export interface WeightLevels {
  readonly levels: Int8Array;
  readonly scales: Float32Array;
}

const LEVELS = 255;
const LARGEST_INT32 = 2 ** 31 - 1;

/**
 * One scale for a value of the network, 0 represented exactly, since padding and ReLU produce it.
 *
 * @returns scale 1 where the value is always 0
 */
export function activationScale({ low, high }: Range): ActivationScale {
  if (!Number.isFinite(low) || !Number.isFinite(high) || low > high)
    throw new BugError("activation-range", `Expected a range of finite numbers but received ${low} to ${high}`);
  const least = Math.min(low, 0);
  const most = Math.max(high, 0);
  if (least === most) return { scale: 1, zero: 0 };
  const scale = Math.fround((most - least) / LEVELS);
  return { scale, zero: Math.min(LEVELS, Math.max(0, Math.round(-least / scale))) };
}

/**
 * Symmetric integers with a scale for each output channel (row), so that a channel of small weights keeps its digits.
 *
 * @param weights [rows, …], row after row
 * @param bias one a row, or null
 * @param inputScale of the convolution's input: the bias is stored in steps of inputScale · scales[row], as int32
 * @param largest level: 127, or 63 where the processor adds pairs of products in 16 bits
 */
export function weightLevels(
  weights: Float32Array,
  rows: number,
  bias: Float32Array | null,
  inputScale: number,
  largest: 127 | 63,
): WeightLevels {
  const length = weights.length / rows;
  const levels = new Int8Array(weights.length);
  const scales = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    let peak = 0;
    for (let i = row * length; i < (row + 1) * length; i++) peak = Math.max(peak, Math.abs(weights[i] ?? 0));
    // A channel that is dead but for its bias would need more steps than int32 has; half of them leave room to sum.
    const leastForBias = (2 * Math.abs(bias?.[row] ?? 0)) / (inputScale * LARGEST_INT32);
    const scale = Math.fround(Math.max(peak / largest, leastForBias)) || 1;
    scales[row] = scale;
    for (let i = row * length; i < (row + 1) * length; i++)
      levels[i] = Math.max(-largest, Math.min(largest, Math.round((weights[i] ?? 0) / scale)));
  }
  return { levels, scales };
}

/** @returns int32, in steps of inputScale · scales[row] */
export function biasLevels(bias: Float32Array, inputScale: number, scales: Float32Array): Int32Array {
  return Int32Array.from(bias, (value, row) => Math.round(value / Math.fround(inputScale * (scales[row] ?? 1))));
}
