/**
 * Two clocks, passed in wherever time matters. `monotonicMs` never jumps and is the same for every process of
 * one machine (CLOCK_MONOTONIC); `wallMs` is Unix time and may be set by NTP at any moment, so it only labels.
 */
export interface Clock {
  /** Milliseconds since boot of the machine, fractional. */
  monotonicMs(): number;
  /** Milliseconds since 1970-01-01 UTC, integer. */
  wallMs(): number;
}
