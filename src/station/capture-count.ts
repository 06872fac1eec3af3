/**
 * More missing frames in a row than this are no loss but another numbering (a capture process that was replaced
 * without our being told): they count as one missed acquisition.
 */
const LARGEST_CREDIBLE_GAP = 1_000;

/**
 * Watches the numbers of one capture process for holes. One silent loss would shift all following verdicts by a
 * part at the PLC, so each number that was passed over is a part too.
 */
export class CaptureCount {
  #last = 0;

  /** The capture process is gone; the next one counts from 1. */
  reset(): void {
    this.#last = 0;
  }

  /**
   * @param seq the number of a frame that arrived or was dropped; 1 always begins a new count
   * @returns the numbers that were passed over before it; null when `seq` was itself passed over before
   */
  advance(seq: number): readonly number[] | null {
    const expected = seq === 1 ? 1 : this.#last + 1;
    if (seq < expected) return null;
    this.#last = seq;
    if (seq - expected > LARGEST_CREDIBLE_GAP) return [seq - 1];
    return Array.from({ length: seq - expected }, (_, offset) => expected + offset);
  }
}
