import type { Evaluation, Rate } from "../evaluation.ts";
import { interval, percent } from "../format.ts";
import { errorRates } from "../image-metrics.ts";
import { htmlTable } from "./html.ts";
import { linePlot } from "./line-plot.ts";

/** Shares of the threshold that the table shows. */
const FACTORS = [0.7, 0.8, 0.9, 0.95, 1, 1.05, 1.1, 1.2, 1.3] as const;

/** What other thresholds would do: false rejects and misses over the threshold, as a plot and as a table. */
export function ratesSection(evaluation: Evaluation): string {
  const { images, bank, atF1Max } = evaluation;
  const rows = FACTORS.map((factor) => {
    const { threshold, falseReject, miss } = errorRates(images, bank.threshold * factor);
    const name = factor === 1 ? "<b>as evaluated</b>" : `${factor} ×`;
    return [name, threshold.toPrecision(5), ...cells(falseReject), ...cells(miss)];
  });
  const best =
    atF1Max === null
      ? []
      : [["best F1", atF1Max.threshold.toPrecision(5), ...cells(atF1Max.falseReject), ...cells(atF1Max.miss)]];
  const headings = ["threshold", "score", "false rejects", "95 %", "misses", "95 %"];
  return `<h2>False rejects and misses by threshold</h2>
<div class="columns">
<figure class="card">${plotOf(evaluation)}<figcaption>Each false reject costs a good part, each miss lets a bad one go.</figcaption></figure>
${htmlTable(
  "nominald bank threshold changes it without refitting.",
  headings.map((heading) => ({ heading })),
  [...rows, ...best],
)}
</div>`;
}

function cells(rate: Rate): [string, string] {
  return rate.rate === null ? ["–", "–"] : [percent(rate.rate), interval(rate)];
}

function plotOf({ images, bank }: Evaluation): string {
  const rates = [...new Set(images.map(({ score }) => score))].sort((a, b) => a - b);
  const falseReject = rates.map((score) => [score, errorRates(images, score).falseReject.rate] as const);
  const miss = rates.map((score) => [score, errorRates(images, score).miss.rate] as const);
  const known = (points: readonly (readonly [number, number | null])[]): (readonly [number, number])[] =>
    points.flatMap(([x, y]) => (y === null ? [] : [[x, y] as const]));
  return linePlot({
    title: "False-reject rate and miss rate over the threshold",
    x: "threshold",
    y: "share of the class",
    series: [
      { name: "false rejects", points: known(falseReject) },
      { name: "misses", points: known(miss) },
    ],
    yRange: { low: 0, high: 1 },
    mark: { at: bank.threshold, name: "threshold" },
  });
}
