/** The moment of an event, on both clocks (see shared/clock.ts). Only `monotonicMs` decides; `wallMs` labels. */
export interface Instant {
  readonly monotonicMs: number;
  readonly wallMs: number;
}
