/**
 * Names of publications on the disk. Stations share one database, so all their outboxes draw from the same: a key that
 * two of them had would let one write over, send or delete what is the other's.
 */
export class OutboxKeys {
  #next = 1;

  next(): number {
    return this.#next++;
  }

  /** Keys from here on were not drawn by a former run. */
  startAt(key: number): void {
    this.#next = Math.max(this.#next, key);
  }
}
