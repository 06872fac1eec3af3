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
 * Pictures that wait for a quiet moment. Until the broker has worked through one part's pictures no others leave: at
 * most one part's lie in the buffers between us and the broker, and no verdict ever queues behind more than that.
 */
export class PictureLane {
  readonly #waiting: PictureSet[] = [];
  /** Pictures have left, and the broker is not through with them. */
  #underWay = false;
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

  /** The broker has worked through the pictures that left last. */
  through(): void {
    this.#underWay = false;
  }

  disconnected(): void {
    this.#dropped += this.#waiting.length;
    this.#waiting.length = 0;
    this.#underWay = false;
  }

  /**
   * @param ready whether the result of a part has been acknowledged
   * @returns the pictures to send now; they count as sent
   */
  next(ready: (ordinal: number) => boolean): PictureSet | undefined {
    const first = this.#waiting[0];
    if (first === undefined || this.#underWay || !ready(first.ordinal)) return undefined;
    this.#waiting.shift();
    this.#underWay = true;
    this.#sent++;
    return first;
  }
}
