import type { NominalError } from "../shared/errors.ts";

interface UnderWay {
  readonly stop: AbortController;
  readonly done: Promise<void>;
}

/** The work of a delivery that takes its time: one piece at a time, and whoever gives it up knows when nothing of it is left. */
export class DeliveryWork {
  #underWay: UnderWay | null = null;

  get isUnderWay(): boolean {
    return this.#underWay !== null;
  }

  /**
   * Only when none is under way.
   *
   * @param work begins at once; its signal tells it that it is given up
   * @param failed told what it threw, when it is over, unless it was given up before
   */
  begin(work: (signal: AbortSignal) => Promise<void>, failed: (error: unknown) => void): void {
    const stop = new AbortController();
    const done = work(stop.signal).then(
      () => void (this.#underWay = null),
      (error: unknown) => {
        this.#underWay = null;
        if (!stop.signal.aborted) failed(error);
      },
    );
    this.#underWay = { stop, done };
  }

  /** Gives it up, and waits until it is over; without any nothing happens. */
  async stop(why: NominalError): Promise<void> {
    const underWay = this.#underWay;
    underWay?.stop.abort(why);
    await underWay?.done;
  }
}
