import type { Progress, Stage } from "./progress.ts";

/** Durations, ms. */
export type StageTimes = Readonly<Record<Stage, number>>;

/** Passes progress on and notes how long each stage took: from its first report to its last. */
export class StageTimer {
  readonly #onProgress: (progress: Progress) => void;
  readonly #spans = new Map<Stage, { readonly begun: number; readonly ended: number }>();

  constructor(onProgress: (progress: Progress) => void) {
    this.#onProgress = onProgress;
  }

  report(stage: Stage, done: number, total: number): void {
    const now = performance.now();
    this.#spans.set(stage, { begun: this.#spans.get(stage)?.begun ?? now, ended: now });
    this.#onProgress({ stage, done, total });
  }

  get times(): StageTimes {
    const of = (stage: Stage): number => {
      const span = this.#spans.get(stage);
      return span === undefined ? 0 : span.ended - span.begun;
    };
    return {
      detail: of("detail"),
      read: of("read"),
      embed: of("embed"),
      coreset: of("coreset"),
      calibrate: of("calibrate"),
      graph: of("graph"),
      index: of("index"),
      write: of("write"),
    };
  }
}
