import { basename } from "node:path";
import type { Comparison } from "../compare.ts";
import type { Evaluation, Rate } from "../evaluation.ts";
import { number4, percent } from "../format.ts";
import { escapeHtml, htmlTable } from "./html.ts";

/** Two banks on the same images: their figures side by side, and every image whose verdict flips. */
export function comparisonSection(evaluation: Evaluation, comparison: Comparison): string {
  const { flips } = comparison;
  const worse = flips.filter(({ better }) => !better).length;
  const figures = htmlTable(
    `Each at its own threshold, on ${comparison.images} images.`,
    ["bank", "image AUROC", "pixel AUROC", "PRO", "misses", "false rejects"].map((heading) => ({ heading })),
    [evaluation, comparison].map(({ bank, imageAuroc, pixelAuroc, pro, atThreshold }) => [
      escapeHtml(bank.bankId),
      ...[imageAuroc, pixelAuroc, pro].map(number4),
      rateCell(atThreshold.miss),
      rateCell(atThreshold.falseReject),
    ]),
  );
  if (flips.length === 0) return `<h2>Compared with a second bank</h2>\n${figures}\n<p>No verdict flips.</p>`;
  const rows = flips.map((flip) => [
    escapeHtml(basename(flip.file)),
    escapeHtml(flip.defect ?? "nominal"),
    verdict(flip.before),
    flip.relativeBefore.toFixed(3),
    verdict(flip.after),
    flip.relativeAfter.toFixed(3),
    flip.better ? "right now" : '<span class="slip">wrong now</span>',
  ]);
  const columns = [
    { heading: "image", text: true },
    { heading: "truth", text: true },
    { heading: "before" },
    { heading: "score / threshold" },
    { heading: "after" },
    { heading: "score / threshold" },
    { heading: "" },
  ];
  return `<h2>Compared with a second bank</h2>
${figures}
${htmlTable(`${flips.length} verdicts flip: ${flips.length - worse} become right, ${worse} wrong.`, columns, rows)}`;
}

function verdict(value: "PASS" | "FAIL"): string {
  return `<span class="${value}">${value}</span>`;
}

function rateCell({ hits, of, rate }: Rate): string {
  return rate === null ? "–" : `${hits} of ${of} (${percent(rate)})`;
}
