import { milliseconds, number4 } from "../format.ts";
import type { Ablation } from "./ablations.ts";
import { ORIENTATION } from "./published.ts";
import type { Reproduction } from "./reproduction.ts";
import { columnHeadings, type Figure, type ResultTable, type TableHead } from "./tables.ts";
import { AXIS_NAMES } from "./variant.ts";

/** Why places of the published column are empty. */
export const PUBLISHED_NOTE =
  "Published: the class means of the paper that we could check, beside a mean over the same fifteen classes. Its figures by class, for pixels, and for RN50x4 and RN50x16 are left empty. Tables are numbered by what they hold.";

/** The run as Markdown: every table, then the ablations. */
export function reproductionMarkdown(run: Reproduction): string {
  const lines = [
    "# PatchCore and CLIP backbones, reproduced",
    "",
    `${run.setting}. ${run.machine}.`,
    "",
    ...stateLines(run),
    ...run.tables.flatMap(tableLines),
    ...(run.tables.length === 0 ? [] : [PUBLISHED_NOTE, "", "Image AUROC of others, mean of MVTec AD:", ""]),
    ...(run.tables.length === 0 ? [] : [...ORIENTATION.map((line) => `- ${line}`), ""]),
    ...run.ablations.flatMap(ablationLines),
  ];
  return `${lines.join("\n").trimEnd()}\n`;
}

/** What is missing, if anything. */
function stateLines({ cells, open, failures }: Reproduction): string[] {
  return [
    ...(open === 0 ? [] : [`**Not finished**: ${open} of ${cells} cells are open; the same command goes on.`, ""]),
    ...(failures.length === 0 ? [] : [`**Failed**: ${failures.length} of ${cells} cells.`, ""]),
    ...failures.map(({ cell, reason }) => `- \`${cell}\`: ${reason.replaceAll("\n", " ")}`),
    ...(failures.length === 0 ? [] : [""]),
  ];
}

function tableLines(table: ResultTable): string[] {
  const { columns, rows } = table;
  const heads = columnHeadings(table);
  return [
    `## Table ${table.number}: ${table.title}`,
    "",
    row(["class", ...heads]),
    row(["---", ...heads.map(() => "---:")]),
    ...rows.map(({ name, figures }) => row([name, ...figures.flatMap((figure, i) => figureTexts(figure, columns[i]))])),
    "",
  ];
}

function figureTexts({ ours, best, published }: Figure, head: TableHead | undefined): string[] {
  const text = number4(ours);
  return [
    best ? `**${text}**` : text,
    ...(head?.hasPublished === true ? [published === null ? "" : published.toFixed(3)] : []),
  ];
}

function ablationLines({ axis, backbone, rows }: Ablation): string[] {
  const heads = ["image AUROC", "pixel AUROC", "PRO", "latency", "rows", "fit"];
  return [
    `## Ablation: ${AXIS_NAMES[axis]}, ${backbone}`,
    "",
    row([axis, ...heads]),
    row(["---", ...heads.map(() => "---:")]),
    ...rows.map((one) => row([one.value, ...ablationTexts(one)])),
    "",
  ];
}

/** The figures of one value, in the order of the table's columns. */
export function ablationTexts(one: Ablation["rows"][number]): readonly string[] {
  return [
    ...[one.imageAuroc, one.pixelAuroc, one.pro].map(number4),
    one.latencyMs === null ? "–" : milliseconds(one.latencyMs),
    one.rows === null ? "–" : String(Math.round(one.rows)),
    one.fitSeconds === null ? "–" : `${one.fitSeconds.toFixed(1)} s`,
  ];
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
