import type { Verdict } from "../station/outcome.ts";

export interface PublishedPicture {
  readonly contentType: string;
  readonly data: Uint8Array;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** The pictures of one part. */
export interface PictureSet {
  /** The station's number of the outcome. */
  readonly ordinal: number;
  readonly seq: number;
  readonly verdict: Verdict;
  readonly mask?: PublishedPicture;
  readonly overlay?: PublishedPicture;
}

/** Parts whose pictures may wait. More would be stale: the newest are worth most. */
const LARGEST_WAITING = 2;

/**
 * Pictures that wait for a quiet moment. Pictures travel at QoS 0, so nothing tells when one has arrived; but the
 * broker works in order, so the acknowledgement of anything sent after a picture says that the picture is through.
 * Until then no other picture leaves: at most one part's pictures lie in the buffers between us and the broker,
 * and no verdict ever queues behind more than that.
 */
export class PictureLane {
  readonly #waiting: PictureSet[] = [];
  /** How many acknowledgeable messages had been sent when the last pictures left; null when they are through. */
  #sentAfter: number | null = null;
  #sent = 0;
  #dropped = 0;

  get sent(): number {
    return this.#sent;
  }

  /** Parts whose pictures were dropped. */
  get dropped(): number {
    return this.#dropped;
  }

  add(pictures: PictureSet): void {
    this.#waiting.push(pictures);
    if (this.#waiting.length > LARGEST_WAITING) {
      this.#waiting.shift();
      this.#dropped++;
    }
  }

  drop(): void {
    this.#dropped++;
  }

  /** The message with this number, counted from 1 within the connection, was acknowledged. */
  acknowledged(number: number): void {
    if (this.#sentAfter !== null && number > this.#sentAfter) this.#sentAfter = null;
  }

  disconnected(): void {
    this.#dropped += this.#waiting.length;
    this.#waiting.length = 0;
    this.#sentAfter = null;
  }

  /**
   * @param sentSoFar messages that the broker acknowledges, sent on this connection so far
   * @param ready whether the result of a part has been acknowledged
   * @returns the pictures to send now; they count as sent
   */
  next(sentSoFar: number, ready: (ordinal: number) => boolean): PictureSet | undefined {
    const first = this.#waiting[0];
    if (first === undefined || this.#sentAfter !== null || !ready(first.ordinal)) return undefined;
    this.#waiting.shift();
    this.#sentAfter = sentSoFar;
    this.#sent++;
    return first;
  }
}
