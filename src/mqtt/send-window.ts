/** Acknowledgeable publications under way at once; a broker that allows fewer gets fewer. */
const LARGEST_IN_FLIGHT = 32;

interface InFlight {
  readonly record: boolean;
  readonly sentAtMs: number;
}

/** The publications of one connection that the broker has not answered yet. */
export class SendWindow {
  /** By number, so oldest first. */
  readonly #inFlight = new Map<number, InFlight>();
  #largest = LARGEST_IN_FLIGHT;
  #sentCount = 0;

  get size(): number {
    return this.#inFlight.size;
  }

  get hasRoom(): boolean {
    return this.#inFlight.size < this.#largest;
  }

  /** Records take half of the room at most, so that results never wait for a backlog of records. */
  get hasRoomForRecord(): boolean {
    const records = [...this.#inFlight.values()].filter((inFlight) => inFlight.record).length;
    return this.hasRoom && records < Math.ceil(this.#largest / 2);
  }

  /** A new connection. @param receiveMaximum what the broker allows */
  open(receiveMaximum: number): void {
    this.clear();
    this.#sentCount = 0;
    this.#largest = Math.min(LARGEST_IN_FLIGHT, receiveMaximum);
  }

  /** @returns the number of the publication, from 1 */
  sent(record: boolean, nowMs: number): number {
    this.#inFlight.set(++this.#sentCount, { record, sentAtMs: nowMs });
    return this.#sentCount;
  }

  answered(number: number): void {
    this.#inFlight.delete(number);
  }

  clear(): void {
    this.#inFlight.clear();
  }

  /** How long the oldest waits for its answer, ms; 0 when none does. */
  oldestWaitMs(nowMs: number): number {
    const oldest = this.#inFlight.values().next().value;
    return oldest === undefined ? 0 : nowMs - oldest.sentAtMs;
  }
}
