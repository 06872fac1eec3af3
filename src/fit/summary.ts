import type { BankManifest, IndexReport } from "../bank/manifest.ts";
import { smallestRate } from "../patchcore/calibration.ts";
import type { FitResult } from "./fit-bank.ts";
import type { FitPlan } from "./fit-options.ts";
import type { Hygiene } from "./hygiene.ts";
import { gib } from "./memory.ts";
import { formatDuration } from "./progress.ts";

/** @returns what a fit is going to take, before it takes it */
export function planLine({ images, patchesPerImage, dims, rows, memory, disk, folder, reused }: FitPlan): string {
  const known = reused === 0 ? "" : `, ${reused} images embedded before`;
  return (
    `${images} images of ${patchesPerImage} patches in ${dims} dimensions, ${rows} to keep; takes at most ${gib(memory)} of memory, ` +
    `and ${gib(disk)} on the disk in ${folder}${known}`
  );
}

/** So many groups of duplicates are named. */
const MOST_GROUPS = 10;
const MOST_SIZES = 3;

/** @returns the lines that a person reads after a fit */
export function summaryLines(result: FitResult, path: string): string[] {
  const { manifest, bankId, broken, stageMs, reused } = result;
  const { nominal, grid, indexReports } = manifest;
  const seconds = Object.values(stageMs).reduce((sum, ms) => sum + ms, 0) / 1000;
  const again = reused === 0 ? "" : `, ${reused} of ${nominal.images} images embedded before`;
  const lines = [
    `bank       ${path} (${formatBytes(result.fileBytes)}), made in ${formatDuration(seconds)}${again}`,
    `id         ${bankId}`,
    `rows       ${manifest.rows} of ${nominal.patches} patches (${nominal.images} images, grid ${grid.rows} × ${grid.cols}), ${manifest.dims} dimensions`,
    ...thresholdLines(manifest),
    ...reportLines("exact", indexReports.exact),
    ...reportLines("hnsw", indexReports.hnsw),
    ...hygieneLines(result.hygiene),
  ];
  if (broken.length > 0) lines.push(`skipped    ${broken.length} broken files:`);
  for (const { file, reason } of broken) lines.push(`           ${file}: ${reason}`);
  lines.push(`next       nominald score --bank ${path} FILE…`);
  return lines;
}

/** @returns what a bank's thresholds stand for, in plain words */
export function thresholdLines({ calibration, nominal }: Pick<BankManifest, "calibration" | "nominal">): string[] {
  const { method, falseRejectRate, threshold, maskThreshold, thresholdInterval, bias, mode } = calibration;
  const thresholds = `threshold  ${short(threshold)}; mask ${short(maskThreshold)}`;
  if (method === "manual") {
    const rate = percent(falseRejectRate);
    return [
      thresholds,
      `           chosen by hand; on the ${nominal.images} nominal images it rejects at most ${rate}`,
    ];
  }
  const { low, high } = thresholdInterval ?? { low: 0, high: null };
  const range = high === null ? `above ${short(low)}` : `${short(low)} to ${short(high)}`;
  const lines = [
    `${thresholds}; for a false-reject rate of ${percent(falseRejectRate)} (${method}, ${mode})`,
    `           with 90 % confidence the score that so many good parts exceed lies at ${range}`,
  ];
  if (method === "pareto-tail") {
    lines.push(
      `           extrapolated: with ${nominal.images} images a rate below ${percent(smallestRate(nominal.images))} can only be extrapolated; ` +
        `${imagesNeeded(falseRejectRate)} would show it`,
    );
  }
  if (bias !== null) {
    const times = bias.medianRatio.toFixed(3);
    lines.push(
      `           masking gives ${times} times the score of a fold's own coreset (median of ${bias.images} images)`,
    );
  }
  return lines;
}

/** @returns the fewest nominal images whose scores can bound a false-reject rate: (n + 1)(1 − α) ≤ n */
export function imagesNeeded(falseRejectRate: number): number {
  return Math.ceil(1 / falseRejectRate - 1 - 1e-9);
}

function hygieneLines({ duplicates, sizes, unlike }: Hygiene): string[] {
  const lines: string[] = [];
  const suspicious = unlike.filter((one) => one.suspicious);
  if (suspicious.length > 0) lines.push("look at    least like the other nominal images, perhaps no good parts:");
  for (const { file, ratio } of suspicious) lines.push(`           ${file} (${ratio.toFixed(1)} × the median score)`);
  if (duplicates.length > 0) lines.push(`duplicates ${duplicates.length} pictures come more than once:`);
  for (const group of duplicates.slice(0, MOST_GROUPS)) lines.push(`           ${group.join(" = ")}`);
  if (duplicates.length > MOST_GROUPS) lines.push(`           and ${duplicates.length - MOST_GROUPS} more`);
  if (sizes.length > 1) {
    const each = sizes.slice(0, MOST_SIZES).map(({ width, height, images }) => `${images} of ${width} × ${height}`);
    const more = sizes.length > MOST_SIZES ? `, and ${sizes.length - MOST_SIZES} more sizes` : "";
    lines.push(`sizes      the images differ in size: ${each.join(", ")}${more}`);
  }
  return lines;
}

function reportLines(name: string, report: IndexReport | null): string[] {
  if (report === null) return [];
  const { recallAt1, largestScoreError, verdictFlips, frames } = report;
  return [
    `${name.padEnd(10)} recall@1 ${recallAt1.toFixed(4)}, largest score error ${short(largestScoreError)}, ${verdictFlips} of ${frames} verdicts differ from exact float32`,
  ];
}

function short(value: number): string {
  return Number(value.toPrecision(4)).toString();
}

/** @returns `0.1 %` */
export function percent(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`;
}

function formatBytes(bytes: number): string {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
