/** A frame that waits to be scored. */
export interface ScoreTicket {
  readonly station: string;
  /** Monotonic ms at which its part is late; null: nobody waits for it by a deadline. */
  readonly deadlineAtMs: number | null;
}

interface Waiting<T> {
  readonly ticket: T;
  /** How often each station was served first although its frame came later. */
  readonly overtakenBy: Map<string, number>;
}

/** Frames of one station that may wait at once: that of a part and one that a person asked for. */
export const CREDITS = 2;
/** So often one station may be served before a frame that came earlier, whatever the deadlines say. */
export const MOST_OVERTAKES = 2;

/**
 * Whose frame is scored next, out of those of all stations that share one accelerator. Earliest deadline first, which keeps
 * all deadlines where that can be done at all (Jackson 1955, for frames of equal cost); frames that are late already come
 * after those that need not be, and frames without a deadline last.
 *
 * A station that floods, or that sets itself short deadlines, takes no more than its share: once some station was served
 * `MOST_OVERTAKES` times before a frame that came earlier, that frame is next. So of S stations no frame is overtaken by more
 * than S + 1 others, and a station that always has one waiting is never shut out. Pure: the time comes in.
 */
export class Schedule<T extends ScoreTicket> {
  /** In the order of their arrival. */
  #waiting: Waiting<T>[] = [];

  get size(): number {
    return this.#waiting.length;
  }

  /**
   * @returns the frame that gives way, of a station that has more than its credits: the oldest without a deadline, else the
   *   oldest; null when there is room
   */
  add(ticket: T): T | null {
    this.#waiting.push({ ticket, overtakenBy: new Map() });
    const own = this.#waiting.filter((other) => other.ticket.station === ticket.station);
    if (own.length <= CREDITS) return null;
    const refused = own.find((other) => other.ticket.deadlineAtMs === null) ?? own[0];
    this.#waiting = this.#waiting.filter((other) => other !== refused);
    return refused?.ticket ?? null;
  }

  /** @returns what is to be scored now, which waits no more; undefined when nothing waits */
  take(nowMs: number): T | undefined {
    const chosen = this.#starved() ?? this.#mostUrgent(nowMs);
    if (chosen === undefined) return undefined;
    const at = this.#waiting.indexOf(chosen);
    this.#waiting.splice(at, 1);
    const { station } = chosen.ticket;
    for (const { overtakenBy } of this.#waiting.slice(0, at)) {
      overtakenBy.set(station, (overtakenBy.get(station) ?? 0) + 1);
    }
    return chosen.ticket;
  }

  /** The oldest that the most urgent one may not overtake once more. */
  #starved(): Waiting<T> | undefined {
    return this.#waiting.find(({ overtakenBy }) => [...overtakenBy.values()].some((times) => times >= MOST_OVERTAKES));
  }

  /** Of equal ones the oldest. */
  #mostUrgent(nowMs: number): Waiting<T> | undefined {
    let first: Waiting<T> | undefined;
    for (const waiting of this.#waiting) {
      if (first === undefined || isBefore(waiting.ticket, first.ticket, nowMs)) first = waiting;
    }
    return first;
  }
}

function isBefore(a: ScoreTicket, b: ScoreTicket, nowMs: number): boolean {
  const [classOfA, classOfB] = [classOf(a, nowMs), classOf(b, nowMs)];
  if (classOfA !== classOfB) return classOfA < classOfB;
  return (a.deadlineAtMs ?? 0) < (b.deadlineAtMs ?? 0);
}

/** 0: can still be in time; 1: is late; 2: has no deadline. */
function classOf({ deadlineAtMs }: ScoreTicket, nowMs: number): number {
  if (deadlineAtMs === null) return 2;
  return deadlineAtMs > nowMs ? 0 : 1;
}
