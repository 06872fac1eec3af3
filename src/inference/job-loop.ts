import { setImmediate as nextTurn } from "node:timers/promises";
import { systemClock } from "../shared/system-clock.ts";
import { ArrivalForecast } from "./arrival-forecast.ts";
import { Schedule, type ScoreTicket } from "./schedule.ts";

/** Pictures of one station that may wait to be drawn. A third one pushes the oldest out: a picture is worth less than a verdict. */
export const MAX_WAITING_PICTURES = 2;
/** So many frames are scored before a step of a load that waits: a load goes on however busy the stations are. */
export const SCORES_BEFORE_A_STEP = 4;

interface PictureJob {
  readonly station: string;
  readonly draw: () => Promise<void>;
  readonly drop: () => void;
}

/** A frame for a candidate. `run` must not reject. */
export interface ShadowJob {
  readonly station: string;
  /** What it takes, ms, as far as anybody knows. */
  readonly expectedMs: number;
  readonly run: () => Promise<void>;
  /** Called instead when something else needs the time. */
  readonly drop: () => void;
}

/** A frame that is to be scored. `run` must not reject: it reports its own failure, as `refuse` does. */
export interface ScoreJob extends ScoreTicket {
  readonly run: () => Promise<void>;
  /** Called instead when the frame gives way to newer ones of its station. */
  readonly refuse: () => void;
}

/**
 * Runs the jobs of the inference process one at a time: what takes no time first, then verdicts in the order of the
 * schedule, then the steps in which banks are loaded, and pictures only while nothing else waits. A candidate's frame comes
 * after all of them, and is dropped unless there is time for it before the next frame is due. After each job it yields to the
 * event loop, so that a frame that came meanwhile has its turn.
 */
export class JobLoop {
  readonly #urgent: (() => Promise<void>)[] = [];
  readonly #scores = new Schedule<ScoreJob>();
  readonly #steps: (() => Promise<void>)[] = [];
  #pictures: PictureJob[] = [];
  readonly #shadows: ShadowJob[] = [];
  readonly #arrivals = new ArrivalForecast();
  #scoresSinceStep = 0;
  #running = false;

  /** For what takes no time. @returns what the job returns, or rejects with */
  urgent<T>(job: () => Promise<T>): Promise<T> {
    return this.#queued(this.#urgent, job);
  }

  addScore(job: ScoreJob): void {
    this.#arrivals.came(job.station, systemClock.monotonicMs());
    this.#scores.add(job)?.refuse();
    void this.#run();
  }

  /** For a part of a long piece of work, as short as it can be. @returns what the job returns, or rejects with */
  step<T>(job: () => Promise<T>): Promise<T> {
    return this.#queued(this.#steps, job);
  }

  /** @param job `draw` must not reject; `drop` is called instead when the job is pushed out */
  addPictures(job: PictureJob): void {
    this.#pictures.push(job);
    const own = this.#pictures.filter(({ station }) => station === job.station);
    if (own.length > MAX_WAITING_PICTURES) this.#dropPictures(own[0]);
    void this.#run();
  }

  /** One frame of a station waits at most; another is dropped. */
  addShadow(job: ShadowJob): void {
    if (this.#shadows.some(({ station }) => station === job.station)) job.drop();
    else this.#shadows.push(job);
    void this.#run();
  }

  #queued<T>(queue: (() => Promise<void>)[], job: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      queue.push(() => job().then(resolve, reject));
      void this.#run();
    });
  }

  #dropPictures(job: PictureJob | undefined): void {
    this.#pictures = this.#pictures.filter((other) => other !== job);
    job?.drop();
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    for (;;) {
      await nextTurn();
      const job = this.#next();
      if (job === undefined) break;
      await job();
    }
    this.#running = false;
  }

  #next(): (() => Promise<void>) | undefined {
    const urgent = this.#urgent.shift();
    if (urgent !== undefined) return urgent;
    const isStepDue = this.#steps.length > 0 && this.#scoresSinceStep >= SCORES_BEFORE_A_STEP;
    const score = isStepDue ? undefined : this.#scores.take(systemClock.monotonicMs());
    if (score !== undefined) {
      this.#scoresSinceStep = this.#steps.length > 0 ? this.#scoresSinceStep + 1 : 0;
      return score.run;
    }
    this.#scoresSinceStep = 0;
    return this.#steps.shift() ?? this.#pictures.shift()?.draw ?? this.#nextShadow();
  }

  #nextShadow(): (() => Promise<void>) | undefined {
    for (let job = this.#shadows.shift(); job !== undefined; job = this.#shadows.shift()) {
      if (this.#arrivals.roomMs(job.station, systemClock.monotonicMs()) >= job.expectedMs) return job.run;
      job.drop();
    }
    return undefined;
  }
}
