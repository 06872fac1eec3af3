import { setImmediate as nextTurn } from "node:timers/promises";

/** Pictures that may wait to be drawn. A third one pushes the oldest out: a picture is worth less than a verdict. */
export const MAX_WAITING_PICTURES = 2;

interface PictureJob {
  readonly draw: () => Promise<void>;
  readonly drop: () => void;
}

/**
 * Runs the jobs of the inference process one at a time: verdicts first, in order of arrival; pictures only while no
 * verdict waits. After each job it yields to the event loop, so that a frame that came meanwhile goes first.
 */
export class JobLoop {
  readonly #urgent: (() => Promise<void>)[] = [];
  readonly #pictures: PictureJob[] = [];
  #running = false;

  /** @param job must not reject: it reports its own failure */
  addUrgent(job: () => Promise<void>): void {
    this.#urgent.push(job);
    void this.#run();
  }

  /** @param job `draw` must not reject; `drop` is called instead when the job is pushed out */
  addPictures(job: PictureJob): void {
    this.#pictures.push(job);
    if (this.#pictures.length > MAX_WAITING_PICTURES) this.#pictures.shift()?.drop();
    void this.#run();
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    for (;;) {
      await nextTurn();
      const job = this.#urgent.shift() ?? this.#pictures.shift()?.draw;
      if (job === undefined) break;
      await job();
    }
    this.#running = false;
  }
}
