import { auroc } from "../../patchcore/metrics.ts";
import { percentile } from "../../patchcore/percentile.ts";
import type { PlannedPart } from "./demo-plan.ts";
import type { ReceivedPart } from "./line-subscriber.ts";

export interface DemoSummary {
  readonly parts: number;
  readonly nominalPassed: number;
  readonly nominalFailed: number;
  readonly anomalousFailed: number;
  readonly anomalousPassed: number;
  readonly withoutVerdict: number;
  /** Image AUROC of the received scores; null when the parts are all of one class. */
  readonly imageAuroc: number | null;
  /** Frame captured to result at the subscriber, ms. */
  readonly latencyMedianMs: number;
  readonly latencyP99Ms: number;
}

/** @returns ms from capture to the subscriber, by the record's own time of capture; null before the record came */
export function latencyOf(part: ReceivedPart): number | null {
  const capture = part.record?.times.capture ?? null;
  return capture === null ? null : part.receivedAtMs - capture;
}

/** Whether the verdict is what the part deserves: FAIL for an anomalous one, PASS for a nominal one. */
export function isRight(part: ReceivedPart, planned: PlannedPart | undefined): boolean {
  return planned !== undefined && part.result.verdict === (planned.anomalous ? "FAIL" : "PASS");
}

export function summarise(plan: readonly PlannedPart[], parts: ReadonlyMap<number, ReceivedPart>): DemoSummary {
  const count = (anomalous: boolean, verdict: string): number =>
    plan.filter((planned, i) => planned.anomalous === anomalous && parts.get(i + 1)?.result.verdict === verdict).length;
  const scored = plan.flatMap(({ anomalous }, i) => {
    const score = parts.get(i + 1)?.record?.score;
    return typeof score === "number" ? [{ anomalous, score }] : [];
  });
  const bothClasses = new Set(scored.map(({ anomalous }) => anomalous)).size === 2;
  const latencies = [...parts.values()].flatMap((part) => latencyOf(part) ?? []);
  return {
    parts: plan.length,
    nominalPassed: count(false, "PASS"),
    nominalFailed: count(false, "FAIL"),
    anomalousFailed: count(true, "FAIL"),
    anomalousPassed: count(true, "PASS"),
    withoutVerdict: plan.length - [...parts.values()].filter(({ result }) => result.verdict !== "NO_VERDICT").length,
    imageAuroc: bothClasses
      ? auroc(
          scored.map(({ score }) => score),
          scored.map(({ anomalous }) => anomalous),
        )
      : null,
    latencyMedianMs: latencies.length === 0 ? 0 : percentile(latencies, 50),
    latencyP99Ms: latencies.length === 0 ? 0 : percentile(latencies, 99),
  };
}

export const TABLE_HEAD = "  seq  truth          verdict     score / threshold   latency";

/** One row of the live table. */
export function tableRow(part: ReceivedPart, planned: PlannedPart | undefined, colour: boolean): string {
  const { result, record } = part;
  const right = isRight(part, planned);
  const score = record?.score;
  const threshold = record?.threshold;
  const scores =
    typeof score === "number" && typeof threshold === "number"
      ? `${score.toFixed(3)} / ${threshold.toFixed(3)}`
      : `code ${result.code}`;
  const latency = latencyOf(part);
  const verdict = result.verdict.padEnd(10);
  return [
    String(result.seq).padStart(5),
    (planned?.truth ?? "?").padEnd(13),
    colour ? `\u001b[${right ? 32 : 31}m${verdict}\u001b[0m` : verdict,
    scores.padStart(17),
    latency === null ? "" : `${String(latency).padStart(7)} ms`,
    right ? "" : "  ← differs from the truth",
  ].join("  ");
}

export function summaryText(summary: DemoSummary): string[] {
  const n = (value: number): string => String(value).padStart(5);
  return [
    "",
    "              PASS   FAIL",
    `  nominal    ${n(summary.nominalPassed)}  ${n(summary.nominalFailed)}`,
    `  anomalous  ${n(summary.anomalousPassed)}  ${n(summary.anomalousFailed)}`,
    `  without a verdict: ${summary.withoutVerdict} of ${summary.parts}`,
    "",
    `  image AUROC ${summary.imageAuroc === null ? "needs parts of both classes" : summary.imageAuroc.toFixed(4)}`,
    `  latency from frame to subscriber: median ${summary.latencyMedianMs.toFixed(0)} ms, P99 ${summary.latencyP99Ms.toFixed(0)} ms`,
  ];
}
