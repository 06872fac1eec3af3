import { number4 } from "../format.ts";
import { escapeHtml, htmlPage, htmlTable } from "../report/html.ts";
import { linePlot } from "../report/line-plot.ts";
import type { Ablation, AblationRow } from "./ablations.ts";
import { ablationTexts, PUBLISHED_NOTE } from "./markdown.ts";
import { ORIENTATION } from "./published.ts";
import type { Reproduction } from "./reproduction.ts";
import { METRIC_NAMES, type Figure, type ResultTable } from "./tables.ts";
import { AXES, AXIS_NAMES, type Axis } from "./variant.ts";

/** The run as one page that needs nothing but itself: tables, then a plot of every ablation. */
export function reproductionPage(run: Reproduction): string {
  const notes = run.tables.length === 0 ? "" : notesSection();
  const body = `<header>
<h1>PatchCore and CLIP backbones, reproduced</h1>
<p>${escapeHtml(run.setting)}. ${escapeHtml(run.machine)}.</p>
${stateSection(run)}
</header>
<main>
${run.tables.map(tableSection).join("\n")}
${notes}
${AXES.map((axis) =>
  axisSection(
    axis,
    run.ablations.filter((ablation) => ablation.axis === axis),
  ),
).join("\n")}
</main>`;
  return htmlPage("nominald: PatchCore and CLIP backbones, reproduced", body);
}

function stateSection({ cells, open, failures }: Reproduction): string {
  const parts: string[] = [];
  if (open > 0)
    parts.push(`<p class="slip">Not finished: ${open} of ${cells} cells are open; the same command goes on.</p>`);
  if (failures.length > 0) {
    const items = failures.map(({ cell, reason }) => `<li>${escapeHtml(cell)}: ${escapeHtml(reason)}</li>`);
    parts.push(`<p class="slip">Failed: ${failures.length} of ${cells} cells.</p><ul>${items.join("")}</ul>`);
  }
  return parts.join("\n");
}

function tableSection({ number, title, columns, rows }: ResultTable): string {
  const oneMetric = new Set(columns.map(({ metric }) => metric)).size === 1;
  const heads = columns.flatMap(({ backbone, metric }) => [
    { heading: oneMetric ? backbone : `${backbone}, ${METRIC_NAMES[metric]}` },
    { heading: "published" },
  ]);
  const cells = rows.map(({ name, figures }) => [
    name === "mean" ? "<b>mean</b>" : escapeHtml(name),
    ...figures.flatMap(figureCells),
  ]);
  return `<h2>Table ${number}: ${escapeHtml(title)}</h2>
${htmlTable("The best of each row is bold.", [{ heading: "class" }, ...heads], cells)}`;
}

function figureCells({ ours, best, published }: Figure): [string, string] {
  const text = number4(ours);
  return [best ? `<b>${text}</b>` : text, published === null ? "" : `<small>${published.toFixed(3)}</small>`];
}

function notesSection(): string {
  return `<p>${escapeHtml(PUBLISHED_NOTE)}</p>
<p>Image AUROC of others, mean of MVTec AD:</p>
<ul>${ORIENTATION.map((line) => `<li>${escapeHtml(line)}</li>`).join("")}</ul>`;
}

function axisSection(axis: Axis, ablations: readonly Ablation[]): string {
  if (ablations.length === 0) return "";
  const heads = ["image AUROC", "pixel AUROC", "PRO", "latency", "rows", "fit"].map((heading) => ({ heading }));
  const tables = ablations.map(({ backbone, rows }) =>
    htmlTable(
      backbone,
      [{ heading: axis }, ...heads],
      rows.map((row) => [escapeHtml(row.value), ...ablationTexts(row)]),
    ),
  );
  return `<h2>Ablation: ${escapeHtml(AXIS_NAMES[axis])}</h2>
<div class="columns">
<figure class="card">${plot(axis, ablations, "image AUROC", (row) => row.imageAuroc)}</figure>
<figure class="card">${plot(axis, ablations, "latency, ms", (row) => row.latencyMs)}</figure>
</div>
${tables.join("\n")}`;
}

/** Values stand at equal distances: 100, 10 and 1 % would otherwise crowd at one end, and names have no number. */
function plot(axis: Axis, ablations: readonly Ablation[], y: string, of: (row: AblationRow) => number | null): string {
  const values = [...new Set(ablations.flatMap(({ rows }) => rows.map(({ value }) => value)))];
  return linePlot({
    title: `${y} by ${AXIS_NAMES[axis]}`,
    x: AXIS_NAMES[axis],
    y,
    series: ablations.map(({ backbone, rows }) => ({
      name: backbone,
      dots: true,
      points: rows.flatMap((row) => {
        const value = of(row);
        return value === null ? [] : [[values.indexOf(row.value), value] as const];
      }),
    })),
    xRange: { low: -0.5, high: values.length - 0.5 },
    xTicks: values.map((text, at) => ({ at, text })),
  });
}
