import { meanOf, type CellEntry } from "./tables.ts";
import { AXES, type Axis } from "./variant.ts";

/** What one value of an axis came to, as means over the classes; null where a class is missing. */
export interface AblationRow {
  readonly value: string;
  readonly imageAuroc: number | null;
  readonly pixelAuroc: number | null;
  readonly pro: number | null;
  /** Frame in memory to image score, ms; mean of the classes' medians. */
  readonly latencyMs: number | null;
  readonly rows: number | null;
  readonly fitSeconds: number | null;
}

/** One axis of one backbone. */
export interface Ablation {
  readonly axis: Axis;
  readonly backbone: string;
  readonly rows: readonly AblationRow[];
}

/** The ablations of a run, by axis, then backbone, values in the order in which they were asked for. */
export function ablationsOf(entries: readonly CellEntry[]): readonly Ablation[] {
  return AXES.flatMap((axis) => {
    const ofAxis = entries.filter(({ cell }) => cell.ablation?.axis === axis);
    const backbones = [...new Set(ofAxis.map(({ cell }) => cell.backbone.name))];
    return backbones.map((backbone) => {
      const own = ofAxis.filter(({ cell }) => cell.backbone.name === backbone);
      const values = [...new Set(own.flatMap(({ cell }) => cell.ablation?.value ?? []))];
      const of = (value: string): CellEntry[] => own.filter(({ cell }) => cell.ablation?.value === value);
      return { axis, backbone, rows: values.map((value) => rowOf(value, of(value))) };
    });
  });
}

function rowOf(value: string, entries: readonly CellEntry[]): AblationRow {
  type Numeric = "imageAuroc" | "pixelAuroc" | "pro" | "latencyMedianMs" | "rows" | "fitSeconds";
  const mean = (key: Numeric): number | null => meanOf(entries.map(({ result }) => result?.[key] ?? null));
  return {
    value,
    imageAuroc: mean("imageAuroc"),
    pixelAuroc: mean("pixelAuroc"),
    pro: mean("pro"),
    latencyMs: mean("latencyMedianMs"),
    rows: mean("rows"),
    fitSeconds: mean("fitSeconds"),
  };
}
