import type { Clock } from "../shared/clock.ts";
import { progressBar, progressLine } from "./progress.ts";
import type { Progress, Stage } from "./progress.ts";

export interface ProgressOutput {
  /** Writes one line; the line break is added. */
  readonly write: (line: string) => void;
  /** A terminal gets one line that is drawn again and again, anything else a line now and then. */
  readonly isTerminal: boolean;
  /** Width of the terminal, characters. */
  readonly columns: number;
  readonly clock: Pick<Clock, "monotonicMs">;
}

/** A terminal's bar is drawn at most this often. */
const REDRAW_MS = 100;

/** A log gets a line at each tenth of a stage, but no more than one in this time. */
const LINE_MS = 1000;
const LINE_PERCENT = 10;

/** ANSI: one line up, and clear it. */
const DRAW_AGAIN = "\u001b[1A\u001b[2K";

/** Tells a person how far a fit has come. */
export class ProgressReporter {
  readonly #output: ProgressOutput;
  #stage: Stage | null = null;
  #begunMs = 0;
  #shownMs = 0;
  #shownPercent = 0;
  #barIsLastLine = false;

  constructor(output: ProgressOutput) {
    this.#output = output;
  }

  report(progress: Progress): void {
    const nowMs = this.#output.clock.monotonicMs();
    const isNew = progress.stage !== this.#stage;
    if (isNew) {
      this.#stage = progress.stage;
      this.#begunMs = nowMs;
      this.#shownPercent = 0;
      this.#barIsLastLine = false;
    }
    const isEnd = progress.done >= progress.total;
    if (this.#output.isTerminal) this.#bar(progress, nowMs, isNew || isEnd);
    else this.#line(progress, nowMs, isEnd);
  }

  /** A sentence of its own, between the progress. */
  note(line: string): void {
    this.#barIsLastLine = false;
    this.#output.write(line);
  }

  #bar(progress: Progress, nowMs: number, isDue: boolean): void {
    if (!isDue && nowMs - this.#shownMs < REDRAW_MS) return;
    // A line that wraps could not be cleared by going up one line.
    const bar = progressBar(progress, nowMs - this.#begunMs).slice(0, this.#output.columns - 1);
    this.#output.write(this.#barIsLastLine ? DRAW_AGAIN + bar : bar);
    this.#barIsLastLine = true;
    this.#shownMs = nowMs;
  }

  #line(progress: Progress, nowMs: number, isEnd: boolean): void {
    const percent = progress.total === 0 ? 100 : (100 * progress.done) / progress.total;
    if (!isEnd && (percent - this.#shownPercent < LINE_PERCENT || nowMs - this.#shownMs < LINE_MS)) return;
    this.#output.write(progressLine(progress, nowMs - this.#begunMs));
    this.#shownPercent = percent;
    this.#shownMs = nowMs;
  }
}
