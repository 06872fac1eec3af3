import type { Left } from "../mqtt/journal.ts";
import type { Recovered } from "../station/events.ts";
import type { Clock } from "../shared/clock.ts";
import { NominalError } from "../shared/errors.ts";
import type { Opened } from "../store/protocol.ts";
import type { StationStore } from "../store/station-store.ts";
import type { Store } from "../store/store-client.ts";

const CHALLENGE_MET = "challenge-met";
const CHALLENGE_PASSED = "challenge-passed";

/** What one station takes over from a former run. */
export interface StationRecovery {
  readonly left: Left;
  readonly recovered: Recovered;
}

/** What former runs left, for each station that begins. */
export class Recovery {
  readonly #store: Pick<Store, "open" | "remains">;
  readonly #clock: Clock;
  /** What the database held when it was opened; null: nothing, or the stations of the start have taken it. */
  #opened: Opened | null = null;
  #isTaken = false;

  constructor(store: Pick<Store, "open" | "remains">, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Opens the database. Of a disk that fails the store itself tells; the line goes on without it. */
  async open(): Promise<void> {
    try {
      this.#opened = await this.#store.open();
    } catch (error) {
      if (!(error instanceof NominalError)) throw error;
    }
  }

  /** The stations of the start have begun: for one that begins later the database is asked anew. */
  taken(): void {
    this.#opened = null;
    this.#isTaken = true;
  }

  async of(station: string): Promise<StationRecovery> {
    const nowMs = this.#clock.wallMs();
    return recoveryOf(this.#isTaken ? await this.#store.remains(station) : this.#opened, station, nowMs);
  }
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
