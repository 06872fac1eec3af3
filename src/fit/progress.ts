/** Where a fit stands. Stages follow each other in the order of `STAGES`. */
export interface Progress {
  readonly stage: Stage;
  readonly done: number;
  readonly total: number;
}

export type Stage = "detail" | "read" | "embed" | "coreset" | "calibrate" | "graph" | "index" | "write";

/** What a person reads for each stage, and what its count counts. */
export const STAGES: Readonly<Record<Stage, { readonly label: string; readonly unit: string }>> = {
  detail: { label: "learning detail", unit: "images" },
  read: { label: "reading files", unit: "files" },
  embed: { label: "embedding images", unit: "images" },
  coreset: { label: "picking the coreset", unit: "rows" },
  calibrate: { label: "calibrating", unit: "images" },
  graph: { label: "building the graph", unit: "rows" },
  index: { label: "comparing indexes", unit: "images" },
  write: { label: "writing the bank", unit: "files" },
};

/** @returns `0:09`, `12:34`, `1:02:03` */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number): string => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** @returns `310 rows/s`, `4.2 images/s`, `0.08 images/s` */
function formatRate(perSecond: number, unit: string): string {
  const digits = perSecond >= 100 ? 0 : perSecond >= 1 ? 1 : 2;
  return `${perSecond.toFixed(digits)} ${unit}/s`;
}

interface Pace {
  readonly percent: number;
  readonly rate: string | null;
  readonly eta: string | null;
}

/** @param elapsedMs since the stage began; rate and ETA are null as long as nothing can be said */
function paceOf({ stage, done, total }: Progress, elapsedMs: number): Pace {
  const percent = total === 0 ? 100 : Math.floor((100 * done) / total);
  if (done === 0 || elapsedMs <= 0) return { percent, rate: null, eta: null };
  const perSecond = (1000 * done) / elapsedMs;
  return {
    percent,
    rate: formatRate(perSecond, STAGES[stage].unit),
    eta: formatDuration((total - done) / perSecond),
  };
}

/** With it the usual line stays within 80 characters. */
const BAR_WIDTH = 16;

/**
 * One line of a progress bar:
 * `embedding images     [######··········]  42 %  42/100  4.2 images/s  ETA 0:14`
 */
export function progressBar(progress: Progress, elapsedMs: number): string {
  const { percent, rate, eta } = paceOf(progress, elapsedMs);
  const filled = Math.floor((BAR_WIDTH * percent) / 100);
  const bar = "#".repeat(filled) + "·".repeat(BAR_WIDTH - filled);
  const count = `${progress.done}/${progress.total}`;
  const parts = [`${STAGES[progress.stage].label.padEnd(20)} [${bar}] ${String(percent).padStart(3)} %`, count];
  if (rate !== null) parts.push(rate);
  if (eta !== null && progress.done < progress.total) parts.push(`ETA ${eta}`);
  return parts.join("  ");
}

/** The same as a plain sentence, for logs: `embedding images: 42 % (42/100), 4.2 images/s, ETA 0:14`. */
export function progressLine(progress: Progress, elapsedMs: number): string {
  const { percent, rate, eta } = paceOf(progress, elapsedMs);
  const rest =
    progress.done >= progress.total
      ? `, ${formatDuration(elapsedMs / 1000)} in all`
      : eta === null
        ? ""
        : `, ${rate}, ETA ${eta}`;
  return `${STAGES[progress.stage].label}: ${percent} % (${progress.done}/${progress.total})${rest}`;
}
