import type { Clock } from "./clock.ts";

/** The machine's clocks. `process.hrtime` reads CLOCK_MONOTONIC, which all processes of a machine share. */
export const systemClock: Clock = {
  monotonicMs: () => Number(process.hrtime.bigint()) / 1e6,
  wallMs: () => Date.now(),
};
