import type { Outcome } from "../../src/station/outcome.ts";

/** A part that has passed, 20 ms after its frame. */
export function passed(change: Partial<Outcome> = {}): Outcome {
  return {
    ...{
      ordinal: 1,
      session: null,
      seq: 1,
      part: "",
      recipe: "",
      verdict: "PASS",
      reason: null,
      score: 1,
      threshold: 2,
    },
    ...{ bankId: "washer-1a2b3c4d", triggeredAt: null, capturedAtMs: 1_000, decidedAtMs: 1_020, decidedAtWallMs: 0 },
    ...{ frameId: 1, captureSeq: 1, challenge: false, flags: 0 },
    ...change,
  };
}
