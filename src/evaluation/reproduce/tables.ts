import type { CellResult } from "./cell-store.ts";
import type { Cell } from "./plan.ts";
import { MVTEC_CLASSES, PUBLISHED, type PublishedFigure } from "./published.ts";
import { FRACTIONS, type Fraction } from "./training-subset.ts";

/** The measures that the tables show. */
export type Metric = "imageAuroc" | "pixelAuroc";

export const METRIC_NAMES: Readonly<Record<Metric, string>> = {
  imageAuroc: "image AUROC",
  pixelAuroc: "pixel AUROC",
};

/** A cell of the run and what it came to; null: not yet, or it failed. */
export interface CellEntry {
  readonly cell: Cell;
  readonly result: CellResult | null;
}

/** One of the seven tables. */
export interface ResultTable {
  readonly number: number;
  readonly title: string;
  /** What each column holds. */
  readonly columns: readonly TableHead[];
  readonly rows: readonly { readonly name: string; readonly figures: readonly Figure[] }[];
}

export interface TableHead {
  readonly backbone: string;
  readonly metric: Metric;
  /** Whether there is a published figure of this column at all, so that a second column is worth its place. */
  readonly hasPublished: boolean;
}

export interface Figure {
  readonly ours: number | null;
  /** The largest of its row among figures of the same measure, as printed. */
  readonly best: boolean;
  /** null where nothing that we could check is published. */
  readonly published: number | null;
}

/** The first table's backbone: PatchCore as its paper has it. */
const VANILLA = "wide-resnet50-2";

/**
 * The seven tables: PatchCore reproduced, then for the whole, half and a quarter of the training images the image AUROC
 * and the pixel AUROC of every backbone. A table without any cell is left out, its number stays free.
 *
 * @param entries the cells of the run; those of ablations are ignored
 */
export function resultTables(entries: readonly CellEntry[]): readonly ResultTable[] {
  const own = entries.filter(({ cell }) => cell.ablation === null);
  const vanilla = own.filter(({ cell }) => cell.fraction === 1 && cell.backbone.name === VANILLA);
  const tables = [tableOf(1, "PatchCore reproduced", vanilla, ["imageAuroc", "pixelAuroc"], 1)];
  for (const [i, fraction] of FRACTIONS.entries()) {
    const cells = own.filter(({ cell }) => cell.fraction === fraction);
    for (const [j, metric] of (["imageAuroc", "pixelAuroc"] as const).entries()) {
      const title = `${METRIC_NAMES[metric]} by backbone, ${fractionName(fraction)}`;
      tables.push(tableOf(2 + 2 * i + j, title, cells, [metric], fraction));
    }
  }
  return tables.filter(({ columns }) => columns.length > 0);
}

export function fractionName(fraction: Fraction): string {
  switch (fraction) {
    case 1:
      return "all training images";
    case 0.5:
      return "half the training images";
    case 0.25:
      return "a quarter of the training images";
    default:
      return fraction satisfies never;
  }
}

function tableOf(
  number: number,
  title: string,
  entries: readonly CellEntry[],
  metrics: readonly Metric[],
  fraction: Fraction,
): ResultTable {
  const backbones = distinct(entries.map(({ cell }) => cell.backbone.name));
  const classes = distinct(entries.map(({ cell }) => cell.className));
  const columns = backbones.flatMap((backbone) =>
    metrics.map((metric) => ({
      backbone,
      metric,
      hasPublished: publishedFigure(backbone, metric, fraction) !== undefined,
    })),
  );
  const of = (className: string, { backbone, metric }: TableHead): number | null =>
    entries.find(({ cell }) => cell.className === className && cell.backbone.name === backbone)?.result?.[metric] ??
    null;
  const byClass = classes.map((name) => ({
    name,
    figures: withBest(
      columns,
      columns.map((column) => of(name, column)),
    ),
  }));
  // A mean over fewer classes than the row's others would look better or worse than it is.
  const means = columns.map((column) => meanOf(classes.map((name) => of(name, column))));
  const figures = withBest(columns, means).map((figure, i) => {
    const column = columns[i];
    return column === undefined ? figure : { ...figure, published: publishedMean(column, fraction, classes) };
  });
  return { number, title, columns, rows: [...byClass, { name: "mean", figures }] };
}

/** Published means are over MVTec's fifteen classes and stand beside a mean over the same alone. */
function publishedMean({ backbone, metric }: TableHead, fraction: Fraction, classes: readonly string[]): number | null {
  if (classes.length !== MVTEC_CLASSES.length || !MVTEC_CLASSES.every((name) => classes.includes(name))) return null;
  return publishedFigure(backbone, metric, fraction)?.mean ?? null;
}

function publishedFigure(backbone: string, metric: Metric, fraction: Fraction): PublishedFigure | undefined {
  return PUBLISHED.find((one) => one.backbone === backbone && one.metric === metric && one.fraction === fraction);
}

/** The headings of a table's columns: backbone, the measure where there are several, and `published` where there is one. */
export function columnHeadings({ columns }: ResultTable): readonly string[] {
  const oneMetric = new Set(columns.map(({ metric }) => metric)).size === 1;
  return columns.flatMap(({ backbone, metric, hasPublished }) => [
    oneMetric ? backbone : `${backbone}, ${METRIC_NAMES[metric]}`,
    ...(hasPublished ? ["published"] : []),
  ]);
}

/** @returns null when a class is missing */
export function meanOf(values: readonly (number | null)[]): number | null {
  let sum = 0;
  for (const value of values) {
    if (value === null) return null;
    sum += value;
  }
  return values.length === 0 ? null : sum / values.length;
}

/** Best is what prints largest: figures that read alike are both best. */
function withBest(columns: readonly TableHead[], values: readonly (number | null)[]): Figure[] {
  const printed = values.map((value) => value?.toFixed(4) ?? "");
  return values.map((ours, i) => {
    const rivals = printed.filter((_, j) => columns[j]?.metric === columns[i]?.metric);
    const best = ours !== null && rivals.length > 1 && rivals.every((rival) => rival <= (printed[i] ?? ""));
    return { ours, best, published: null };
  });
}

function distinct(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}
