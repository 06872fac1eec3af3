import { basename } from "node:path";
import { SEARCH_NAMES } from "./approximation.ts";
import type { Comparison } from "./compare.ts";
import type { Evaluation, Rate } from "./evaluation.ts";
import { interval, milliseconds, number4, percent } from "./format.ts";

/** An evaluation for a terminal: what matters first, one line each. */
export function summaryText(evaluation: Evaluation): string[] {
  const { bank, dataset, atThreshold, f1Max, latencyMs } = evaluation;
  return [
    `bank ${bank.bankId} (${bank.backbone}, ${bank.preset}, ${bank.width} × ${bank.height}, ${bank.rows} rows × ${bank.dims}) on ${dataset.name}`,
    `${dataset.nominal} nominal, ${dataset.anomalous} anomalous images, ${dataset.withMask} with a mask`,
    "",
    `image AUROC        ${number4(evaluation.imageAuroc)}`,
    `average precision  ${number4(evaluation.averagePrecision)}`,
    `F1-max             ${f1Max === null ? "–" : `${number4(f1Max.f1)} at ${f1Max.threshold.toPrecision(5)}`}`,
    `pixel AUROC        ${number4(evaluation.pixelAuroc)} (anomalous images alone ${number4(evaluation.pixelAurocAnomalous)})`,
    `PRO (0.3)          ${number4(evaluation.pro)}`,
    "",
    `at the threshold ${atThreshold.threshold.toPrecision(5)}`,
    `  misses           ${rateText(atThreshold.miss)}`,
    `  false rejects    ${rateText(atThreshold.falseReject)}`,
    "",
    ...defectLines(evaluation),
    `latency            median ${milliseconds(latencyMs.total.median)}, P99 ${milliseconds(latencyMs.total.p99)} a frame`,
    ...approximationLines(evaluation),
    ...dataset.unusable.map(({ file, reason }) => `unusable: ${file}: ${reason}`),
    ...(dataset.emptyMasks === 0
      ? []
      : [`${dataset.emptyMasks} masks show no defect where the network looks; check region and masks`]),
  ];
}

/** `3 of 40 (7.5 %, 95 % interval 2.6–19.9 %)` */
export function rateText({ hits, of, rate, low, high }: Rate): string {
  if (rate === null) return "none to count";
  return `${hits} of ${of} (${percent(rate)}, 95 % interval ${interval({ low, high })})`;
}

function defectLines({ defects }: Evaluation): string[] {
  if (defects.length === 0) return [];
  const width = Math.max("defect".length, ...defects.map(({ defect }) => defect.length));
  const rows = defects.map(
    ({ defect, images, imageAuroc, miss }) =>
      `${defect.padEnd(width)}  ${String(images).padStart(6)}  ${number4(imageAuroc)}  ${String(miss.hits).padStart(6)}`,
  );
  return [`${"defect".padEnd(width)}  images   AUROC  missed`, ...rows, ""];
}

function approximationLines({ approximation }: Evaluation): string[] {
  if (approximation === null) return [];
  const rows = approximation.searches.map(
    ({ kind, imageAuroc, largestScoreError, verdictFlips, patchesEqual, searchMs }) =>
      `  ${SEARCH_NAMES[kind].padEnd(11)} AUROC ${number4(imageAuroc)}, largest score error ${largestScoreError.toExponential(1)}, verdict flips ${verdictFlips}, patches equal ${percent(patchesEqual)}, search ${milliseconds(searchMs.median)}`,
  );
  return [`searches on the same ${approximation.images} images`, ...rows];
}

/** @returns nothing without a comparison */
export function comparisonText(comparison: Comparison | null): string[] {
  if (comparison === null) return [];
  const { bank, flips } = comparison;
  const worse = flips.filter(({ better }) => !better).length;
  return [
    "",
    `bank ${bank.bankId}: image AUROC ${number4(comparison.imageAuroc)}, pixel AUROC ${number4(comparison.pixelAuroc)}, PRO ${number4(comparison.pro)}`,
    `  misses           ${rateText(comparison.atThreshold.miss)}`,
    `  false rejects    ${rateText(comparison.atThreshold.falseReject)}`,
    `${flips.length} of ${comparison.images} verdicts flip, ${flips.length - worse} become right, ${worse} wrong`,
    ...flips.map(
      ({ file, defect, before, after, better }) =>
        `  ${before} → ${after}  ${better ? "right now" : "wrong now"}  ${defect ?? "nominal"}  ${basename(file)}`,
    ),
  ];
}
