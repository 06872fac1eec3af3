import type { Left } from "../mqtt/journal.ts";
import type { Recovered } from "../station/events.ts";
import type { Opened } from "../store/protocol.ts";
import type { StationStore } from "../store/station-store.ts";

const CHALLENGE_MET = "challenge-met";
const CHALLENGE_PASSED = "challenge-passed";

/** What one station takes over from a former run. */
export interface StationRecovery {
  readonly left: Left;
  readonly recovered: Recovered;
}

/**
 * @param opened null: there is no database; keys begin beyond any that one could hold, should it come back
 * @param wallMs now, Unix ms
 */
export function recoveryOf(opened: Opened | null, station: string, wallMs: number): StationRecovery {
  const remains = opened?.stations[station];
  const { open = [], answered = [], messages = [], values = {} } = remains ?? {};
  const metAt = Number(values[CHALLENGE_MET]);
  return {
    left: { nextKey: opened?.nextKey ?? wallMs * 1_000, messages, answered },
    recovered: {
      open,
      answered,
      challengedAtWallMs: Number.isFinite(metAt) ? metAt : null,
      challengePassed: values[CHALLENGE_PASSED] === "true",
    },
  };
}

/** A known bad part was shown. */
export function rememberChallenge(store: StationStore, wallMs: number, met: boolean): void {
  if (met) store.remember(CHALLENGE_MET, String(wallMs));
  store.remember(CHALLENGE_PASSED, String(!met));
}
