/** What a station asks of its inference process. */
export interface Demand {
  readonly id: string;
  /** One frame in the inference process, ms. */
  readonly frameMs: number;
  /** The shortest time between two parts, ms; null: nobody says. */
  readonly taktMs: number | null;
  /** From a part's begin to its verdict, ms. */
  readonly deadlineMs: number;
}

/** How a station fares beside the others of its inference process. */
export interface Budget {
  /** Share of the time in which the process scores frames, of all stations whose takt is known. */
  readonly utilisation: number;
  /** The longest that the station waits for a score, ms. */
  readonly responseMs: number;
  /** What cannot be met, with figures; empty: all can. */
  readonly problems: readonly string[];
}

/** A station whose takt nobody knows comes before another's frame so often: what the schedule's share allows it. */
const UNKNOWN_ARRIVALS = 2;
/** Beyond it a wait has no bound worth telling. */
const ROUNDS = 1_000;

/**
 * Whether one inference process can do what all these stations ask, frames being scored one at a time, earliest deadline
 * first. The time of all frames must fit (utilisation), and so must the longest wait of each one: the frame that is being scored
 * when its own comes, one of each station that is due no later, and those of them that come meanwhile and are due before
 * (George, Rivierre and Spuri 1996, for the frames that come together).
 *
 * @param demands of the stations of one process
 * @param id the one whose budget is told; problems are those of all
 */
export function budgetOf(demands: readonly Demand[], id: string): Budget {
  const utilisation = demands.reduce((sum, { frameMs, taktMs }) => sum + (taktMs === null ? 0 : frameMs / taktMs), 0);
  const problems: string[] = [];
  if (utilisation > 1) {
    problems.push(
      `the frames of all stations take ${percent(utilisation)} of the time (${demands.map(shareOf).join(", ")})`,
    );
  }
  let responseMs = 0;
  for (const demand of demands) {
    const waitMs = responseOf(demand, demands);
    if (demand.id === id) responseMs = waitMs;
    if (waitMs > demand.deadlineMs) {
      problems.push(`${demand.id} waits up to ${waitText(waitMs)} and its deadline is ${demand.deadlineMs} ms`);
    }
  }
  return { utilisation, responseMs, problems };
}

/** Fixed point of: blocking + own frame + frames of the others that go first. Infinity when there is none. */
function responseOf(own: Demand, demands: readonly Demand[]): number {
  const others = demands.filter(({ id }) => id !== own.id);
  const blockingMs = Math.max(0, ...others.map(({ frameMs }) => frameMs));
  let waitMs = own.frameMs;
  for (let round = 0; round < ROUNDS; round++) {
    const sum = others.reduce((ms, other) => ms + other.frameMs * before(other, own, waitMs), own.frameMs + blockingMs);
    if (sum <= waitMs) return waitMs;
    waitMs = sum;
  }
  return Infinity;
}

/** How many frames of `other` go before one of `own` that waits `waitMs`. */
function before(other: Demand, own: Demand, waitMs: number): number {
  if (other.taktMs === null) return UNKNOWN_ARRIVALS;
  const come = Math.ceil(waitMs / other.taktMs);
  const due = Math.floor((own.deadlineMs - other.deadlineMs) / other.taktMs) + 1;
  return Math.max(0, Math.min(come, due));
}

function shareOf({ id, frameMs, taktMs }: Demand): string {
  const frame = `${frameMs.toFixed(1)} ms a frame`;
  return taktMs === null ? `${id} ${frame}` : `${id} ${frame} each ${taktMs.toFixed(0)} ms`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

function waitText(waitMs: number): string {
  return Number.isFinite(waitMs) ? `${waitMs.toFixed(0)} ms` : "without end";
}
