import type { IndexReport } from "../bank/manifest.ts";
import type { FrameLimits } from "../patchcore/frame-validity.ts";
import type { FitResult } from "./fit-bank.ts";
import { formatDuration } from "./progress.ts";

/** @returns the lines that a person reads after a fit */
export function summaryLines(result: FitResult, path: string): string[] {
  const { manifest, bankId, broken, stageMs } = result;
  const { nominal, grid, calibration, indexReports, validity } = manifest;
  const seconds = Object.values(stageMs).reduce((sum, ms) => sum + ms, 0) / 1000;
  const lines = [
    `bank       ${path} (${formatBytes(result.fileBytes)}), made in ${formatDuration(seconds)}`,
    `id         ${bankId}`,
    `rows       ${manifest.rows} of ${nominal.patches} patches (${nominal.images} images, grid ${grid.rows} × ${grid.cols}), ${manifest.dims} dimensions`,
    `threshold  ${short(calibration.threshold)} for a false-reject rate of ${calibration.falseRejectRate} (${calibration.method}); mask ${short(calibration.maskThreshold)}`,
  ];
  if (calibration.method === "normal-tail") {
    const needed = imagesNeeded(calibration.falseRejectRate);
    lines.push(
      `           extrapolated: ${nominal.images} images cannot show a rate of ${calibration.falseRejectRate}, at least ${needed} would; check it on parts of your own`,
    );
  }
  lines.push(...validityLines(validity));
  lines.push(...reportLines("exact", indexReports.exact), ...reportLines("hnsw", indexReports.hnsw));
  if (broken.length > 0) lines.push(`skipped    ${broken.length} broken files:`);
  for (const { file, reason } of broken) lines.push(`           ${file}: ${reason}`);
  lines.push(`next       nominald score --bank ${path} FILE…`);
  return lines;
}

/** @returns the fewest nominal images whose scores can bound a false-reject rate: (n + 1)(1 − α) ≤ n */
export function imagesNeeded(falseRejectRate: number): number {
  return Math.ceil(1 / falseRejectRate - 1 - 1e-9);
}

function validityLines(limits: FrameLimits | null): string[] {
  if (limits === null) return [];
  const { minBrightness, maxSaturated, minSharpness, part } = limits;
  const place = part === null ? "" : `, and ${short(part.minimum)} to ${short(part.maximum)} where the part is`;
  return [
    `validity   frames need a brightness of ${short(minBrightness)}${place}, a sharpness of ${short(minSharpness)}, and at most ${short(100 * maxSaturated)} % of their pixels overexposed`,
  ];
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

function formatBytes(bytes: number): string {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
