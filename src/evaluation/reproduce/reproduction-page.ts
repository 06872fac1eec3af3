import { number4 } from "../format.ts";
import { escapeHtml, htmlPage, htmlTable } from "../report/html.ts";
import { rangeOf, type Range } from "../report/axis.ts";
import { linePlot } from "../report/line-plot.ts";
import type { Ablation, AblationRow } from "./ablations.ts";
import { ablationTexts, PUBLISHED_NOTE } from "./markdown.ts";
import { ORIENTATION } from "./published.ts";
import type { Reproduction } from "./reproduction.ts";
import { columnHeadings, type Figure, type ResultTable, type TableHead } from "./tables.ts";
import { AXES, AXIS_NAMES, type Axis } from "./variant.ts";

/** Room above and below the AUROCs of a plot. */
const LEAST_ROOM = 0.02;

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

function tableSection(table: ResultTable): string {
  const cells = table.rows.map(({ name, figures }) => [
    name === "mean" ? "<b>mean</b>" : escapeHtml(name),
    ...figures.flatMap((figure, i) => figureCells(figure, table.columns[i])),
  ]);
  const headings = ["class", ...columnHeadings(table)].map((heading) => ({ heading }));
  return `<h2>Table ${table.number}: ${escapeHtml(table.title)}</h2>
${htmlTable("The best of each row is bold.", headings, cells)}`;
}

function figureCells({ ours, best, published }: Figure, head: TableHead | undefined): string[] {
  const text = number4(ours);
  return [
    best ? `<b>${text}</b>` : text,
    ...(head?.hasPublished === true ? [published === null ? "" : `<small>${published.toFixed(3)}</small>`] : []),
  ];
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
<figure class="card">${plot(axis, ablations, "image AUROC", (row) => row.imageAuroc, aurocRange)}</figure>
<figure class="card">${plot(axis, ablations, "latency, ms", (row) => row.latencyMs, fromZero)}</figure>
</div>
${tables.join("\n")}`;
}

/** Values stand at equal distances: 100, 10 and 1 % would otherwise crowd at one end, and names have no number. */
function plot(
  axis: Axis,
  ablations: readonly Ablation[],
  y: string,
  of: (row: AblationRow) => number | null,
  rangeOfY: (known: readonly number[]) => Range,
): string {
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
    yRange: rangeOfY(ablations.flatMap(({ rows }) => rows.flatMap((row) => of(row) ?? []))),
    xRange: { low: -0.5, high: values.length - 0.5 },
    xTicks: values.map((text, at) => ({ at, text })),
  });
}

/** AUROCs with some room around them, so that a hundredth does not look like a fall. */
function aurocRange(known: readonly number[]): Range {
  if (known.length === 0) return { low: 0, high: 1 };
  return { low: Math.max(0, Math.min(...known) - LEAST_ROOM), high: Math.min(1, Math.max(...known) + LEAST_ROOM) };
}

function fromZero(known: readonly number[]): Range {
  return { low: 0, high: known.length === 0 ? 1 : rangeOf([0, ...known]).high * 1.1 };
}
