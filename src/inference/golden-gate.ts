import { InputError } from "../shared/errors.ts";
import type { FrameScorer } from "./frame-scorer.ts";
import type { GateLimits, GateReport } from "./protocol.ts";

/**
 * Scores the golden frames of a bank through this device's own backbone, index and execution provider. By the bank's own
 * threshold: one that the station sets says nothing about whether the device computes as the fit did.
 *
 * @param step runs the scoring of one frame, when its turn has come
 * @returns null for a bank without golden frames
 * @throws InputError "gate-refused" with every figure that is beyond its limit
 */
export async function passGate(
  scorer: FrameScorer,
  limits: GateLimits,
  step: <T>(job: () => Promise<T>) => Promise<T>,
): Promise<GateReport | null> {
  const { manifest, golden, bankId } = scorer.bank;
  if (manifest.golden === null || golden === null) return null;
  const { width, height } = manifest.golden;
  const { threshold } = manifest.calibration;
  const bytes = width * height * 3;
  const frames: GateReport["frames"][number][] = [];
  const times: number[] = [];
  for (const [at, { name, expect, score: expectedScore }] of manifest.golden.frames.entries()) {
    const data = golden.subarray(at * bytes, (at + 1) * bytes);
    const score = await step(async () => {
      const begun = performance.now();
      const frame = await scorer.scorePrepared({ data, width, height, format: "RGB" });
      times.push(performance.now() - begun);
      return frame.score;
    });
    frames.push({ name, expect, verdict: score > threshold ? "FAIL" : "PASS", expectedScore, score });
  }
  const report: GateReport = {
    frames,
    largestDrift: Math.max(...frames.map((frame) => Math.abs(frame.score - frame.expectedScore) / threshold)),
    medianMs: medianOf(times),
    memoryBytes: process.memoryUsage.rss(),
    limits,
  };
  const problems = problemsOf(report, threshold);
  if (problems.length === 0) return report;
  const context = { context: { bank: bankId } };
  throw new InputError(
    "gate-refused",
    `Expected the golden frames to come out right but ${problems.join("; ")}`,
    context,
  );
}

/** A figure that is no number is beyond every limit. */
function problemsOf({ frames, largestDrift, medianMs, memoryBytes, limits }: GateReport, threshold: number): string[] {
  const problems = frames
    .filter(({ expect, verdict }) => expect !== verdict)
    .map(({ name, expect, verdict, score }) => {
      return `${name} had to ${expect} and came out ${verdict} (score ${score.toFixed(3)}, threshold ${threshold.toFixed(3)})`;
    });
  if (!(largestDrift <= limits.largestDrift)) {
    problems.push(`scores drift by ${percent(largestDrift)} of the threshold, at most ${percent(limits.largestDrift)}`);
  }
  if (!(medianMs <= limits.medianMs)) {
    problems.push(`a frame takes ${Math.ceil(medianMs)} ms (median), at most ${Math.floor(limits.medianMs)}`);
  }
  if (!(memoryBytes <= limits.memoryBytes)) {
    problems.push(`the process takes ${mib(memoryBytes)} MiB, at most ${mib(limits.memoryBytes)}`);
  }
  return problems;
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}

function mib(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
