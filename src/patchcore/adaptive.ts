import { BugError } from "../shared/errors.ts";

/** For each output place the source places `starts[i]` up to but not including `ends[i]`, whose mean it takes. */
export interface AdaptiveBins {
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** The largest number of source places in a bin. */
  readonly longest: number;
  /** Whether every bin has `longest` places. */
  readonly even: boolean;
}

/**
 * The bins of torch's adaptive average pooling: ⌊i · from / to⌋ up to ⌈(i + 1) · from / to⌉. Neighbouring bins overlap
 * where `to` does not divide `from`, and with more outputs than sources every bin has one place or two.
 */
export function adaptiveBins(from: number, to: number): AdaptiveBins {
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 1 || to < 1) {
    throw new BugError("adaptive-bins", `Expected positive numbers of places for means but received ${from} → ${to}`);
  }
  const starts = Int32Array.from({ length: to }, (_, i) => Math.floor((i * from) / to));
  const ends = Int32Array.from({ length: to }, (_, i) => Math.ceil(((i + 1) * from) / to));
  const lengths = ends.map((end, i) => end - starts[i]!);
  const longest = lengths.reduce((most, length) => Math.max(most, length), 1);
  return { starts, ends, longest, even: lengths.every((length) => length === longest) };
}
