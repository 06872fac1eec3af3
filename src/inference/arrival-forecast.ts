/** Gaps of a station that are looked at. */
const GAPS = 8;
/** Fewer say nothing. */
const FEWEST_GAPS = 2;

interface Arrivals {
  lastAtMs: number;
  /** The last ones, ms. */
  readonly gaps: number[];
}

/**
 * When the next frame is due, by when the last ones came: what can wait is begun only if it ends before. Frames that come
 * at no rhythm cannot be foreseen; one of those waits for what was begun, and no longer. Pure: the time comes in.
 */
export class ArrivalForecast {
  readonly #stations = new Map<string, Arrivals>();

  /** A frame of a station has come. */
  came(station: string, nowMs: number): void {
    const arrivals = this.#stations.get(station);
    if (arrivals === undefined) {
      this.#stations.set(station, { lastAtMs: nowMs, gaps: [] });
      return;
    }
    arrivals.gaps.push(nowMs - arrivals.lastAtMs);
    if (arrivals.gaps.length > GAPS) arrivals.gaps.shift();
    arrivals.lastAtMs = nowMs;
  }

  /**
   * @param station whose frame the work is about: when its next one is overdue there is no time. Another's that is overdue has
   *   paused, as far as anybody can tell
   * @returns ms until the next frame of any station is due, 0 when it is overdue; Infinity: nobody knows of one
   */
  roomMs(station: string, nowMs: number): number {
    let room = Infinity;
    for (const [name, { lastAtMs, gaps }] of this.#stations) {
      const gapMs = shortGap(gaps);
      if (gapMs === null) continue;
      const leftMs = lastAtMs + gapMs - nowMs;
      if (leftMs > 0 || name === station) room = Math.min(room, Math.max(0, leftMs));
    }
    return room;
  }
}

/** The second shortest, since one pair of frames that came in a burst says little; null: too few came. */
function shortGap(gaps: readonly number[]): number | null {
  if (gaps.length < FEWEST_GAPS) return null;
  return [...gaps].sort((a, b) => a - b)[1] ?? null;
}
