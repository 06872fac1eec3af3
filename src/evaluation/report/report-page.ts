import { rocCurve } from "../../patchcore/metrics.ts";
import { SEARCH_NAMES } from "../approximation.ts";
import type { Comparison } from "../compare.ts";
import type { Evaluation, Rate } from "../evaluation.ts";
import { interval, milliseconds, number4, percent } from "../format.ts";
import type { Gallery } from "../gallery.ts";
import { comparisonSection } from "./comparison-section.ts";
import { gallerySection } from "./gallery-section.ts";
import { scoreHistogram } from "./histogram.ts";
import { escapeHtml, htmlPage, htmlTable } from "./html.ts";
import { linePlot } from "./line-plot.ts";
import { ratesSection } from "./rates-section.ts";

/** The report of an evaluation: one page that needs nothing but itself. */
export function reportPage(evaluation: Evaluation, gallery: Gallery, comparison: Comparison | null): string {
  const { bank, dataset } = evaluation;
  const body = `<header>
<h1>${escapeHtml(bank.bankId)} on ${escapeHtml(dataset.name)}</h1>
<p>${dataset.nominal} nominal and ${dataset.anomalous} anomalous images, ${dataset.withMask} of them with a mask. Backbone ${escapeHtml(bank.backbone)} (${escapeHtml(bank.layers.join(", "))}), preset ${escapeHtml(bank.preset)}, input ${bank.width} × ${bank.height} pixels, ${bank.rows} rows of ${bank.dims} dimensions from ${bank.nominalImages} nominal images, search ${escapeHtml(bank.index)}.</p>
</header>
<main>
${tiles(evaluation)}
${noticesOf(evaluation)}
<h2>Scores and threshold</h2>
<div class="columns">
<figure class="card">${histogramOf(evaluation)}<figcaption>Image scores. What stands right of the line fails.</figcaption></figure>
<figure class="card">${rocOf(evaluation)}<figcaption>Receiver operating characteristic of the image score: area ${number4(evaluation.imageAuroc)}.</figcaption></figure>
</div>
${ratesSection(evaluation)}
${defectSection(evaluation)}
${gallerySection(evaluation, gallery)}
${comparison === null ? "" : comparisonSection(evaluation, comparison)}
${costSection(evaluation)}
</main>`;
  return htmlPage(`nominald evaluation: ${bank.bankId} on ${dataset.name}`, body);
}

function tiles(evaluation: Evaluation): string {
  const { f1Max, atThreshold } = evaluation;
  const tile = (name: string, value: string, small = ""): string =>
    `<div class="tile"><dt>${name}</dt><dd>${value}${small === "" ? "" : `<small>${small}</small>`}</dd></div>`;
  const rate = (one: Rate): string => (one.rate === null ? "none to count" : `95 %: ${interval(one)}`);
  const share = (one: Rate): string => (one.rate === null ? "–" : `${one.hits} of ${one.of}`);
  return `<dl class="tiles">
${tile("Image AUROC", number4(evaluation.imageAuroc))}
${tile("Average precision", number4(evaluation.averagePrecision))}
${tile("F1-max", number4(f1Max?.f1 ?? null), f1Max === null ? "" : `at ${f1Max.threshold.toPrecision(5)}`)}
${tile("Pixel AUROC", number4(evaluation.pixelAuroc), `anomalous images alone ${number4(evaluation.pixelAurocAnomalous)}`)}
${tile("PRO (0.3)", number4(evaluation.pro), `${evaluation.pixels.regions} defect regions`)}
${tile("Misses", share(atThreshold.miss), rate(atThreshold.miss))}
${tile("False rejects", share(atThreshold.falseReject), rate(atThreshold.falseReject))}
</dl>`;
}

function noticesOf({ dataset }: Evaluation): string {
  const notices: string[] = [];
  if (dataset.unusable.length > 0) {
    const list = dataset.unusable.map(({ file, reason }) => `<li>${escapeHtml(file)}: ${escapeHtml(reason)}</li>`);
    notices.push(`<h2>Not usable</h2><p>These files are not in the figures.</p><ul>${list.join("\n")}</ul>`);
  }
  if (dataset.emptyMasks > 0) {
    const text = `${dataset.emptyMasks} of ${dataset.withMask} masks show no defect where the network looks. Check the region, and whether the masks are drawn in levels above half.`;
    notices.push(`<p class="slip">${text}</p>`);
  }
  return notices.join("\n");
}

function histogramOf({ images, bank }: Evaluation): string {
  const of = (anomalous: boolean): number[] =>
    images.filter(({ defect }) => (defect !== null) === anomalous).map(({ score }) => score);
  return scoreHistogram(of(false), of(true), bank.threshold);
}

function rocOf({ images, imageAuroc }: Evaluation): string {
  if (imageAuroc === null) return "<p>A curve needs images of both classes.</p>";
  const points = rocCurve(
    images.map(({ score }) => score),
    images.map(({ defect }) => defect !== null),
  );
  return linePlot({
    title: "Receiver operating characteristic",
    x: "false-reject rate",
    y: "share of anomalous images found",
    series: [{ name: "ROC", points: points.map((point) => [point.falsePositiveRate, point.truePositiveRate]) }],
    xRange: { low: 0, high: 1 },
    yRange: { low: 0, high: 1 },
  });
}

function defectSection({ defects }: Evaluation): string {
  if (defects.length === 0) return "";
  const columns = [
    "defect",
    "images",
    "AUROC",
    "average precision",
    "missed",
    "95 % interval",
    "median score / threshold",
  ];
  const rows = defects.map(({ defect, images, imageAuroc, averagePrecision, miss, medianRelativeScore }) => [
    escapeHtml(defect),
    String(images),
    number4(imageAuroc),
    number4(averagePrecision),
    miss.hits === 0 ? "0" : `<span class="slip">${miss.hits}</span>`,
    interval(miss),
    medianRelativeScore.toFixed(3),
  ]);
  return `<h2>Kinds of defects</h2>
${htmlTable(
  "Each kind against all nominal images; missed at the bank's threshold.",
  columns.map((heading) => ({ heading })),
  rows,
)}`;
}

function costSection(evaluation: Evaluation): string {
  const { latencyMs, approximation, machine } = evaluation;
  const stages = [["whole frame", latencyMs.total] as const, ...Object.entries(latencyMs.stages)];
  const latency = htmlTable(
    `Frame in memory to image score, ${machine}.`,
    ["stage", "median", "90 %", "99 %", "largest"].map((heading) => ({ heading })),
    stages.map(([name, { median, p90, p99, largest }]) => [
      escapeHtml(name),
      ...[median, p90, p99, largest].map(milliseconds),
    ]),
  );
  if (approximation === null) return `<h2>Latency</h2>\n${latency}`;
  const rows = approximation.searches.map((search) => [
    SEARCH_NAMES[search.kind],
    number4(search.imageAuroc),
    search.largestScoreError.toExponential(1),
    search.medianScoreError.toExponential(1),
    String(search.verdictFlips),
    percent(search.patchesEqual),
    `${search.verifiedPatches.median} / ${search.verifiedPatches.p99}`,
    milliseconds(search.searchMs.median),
    milliseconds(search.searchMs.p99),
  ]);
  const headings = [
    "search",
    "image AUROC",
    "largest score error",
    "median",
    "verdict flips",
    "patches equal",
    "verified, median / 99 %",
    "median",
    "99 %",
  ];
  return `<h2>Latency</h2>
${latency}
<h2>What the quick searches cost</h2>
${htmlTable(
  `Each of ${approximation.images} images scored by every search in turn; errors are relative to exact fp32.`,
  headings.map((heading) => ({ heading })),
  rows,
)}`;
}
