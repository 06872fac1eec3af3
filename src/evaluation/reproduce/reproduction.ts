import { ablationsOf, type Ablation } from "./ablations.ts";
import type { CellResult } from "./cell-store.ts";
import type { Cell } from "./plan.ts";
import type { CellOutcome } from "./run-cells.ts";
import { resultTables, type ResultTable } from "./tables.ts";

/** A whole run: what `reproduction.json` holds, and what the Markdown and the page are written from. */
export interface Reproduction {
  readonly format: "nominald-reproduction";
  readonly formatVersion: 1;
  /** In words: preset, sub-set, seed. */
  readonly setting: string;
  readonly machine: string;
  readonly cells: number;
  /** Cells without a result yet. */
  readonly open: number;
  readonly failures: readonly { readonly cell: string; readonly reason: string }[];
  readonly tables: readonly ResultTable[];
  readonly ablations: readonly Ablation[];
  readonly results: readonly CellResult[];
}

/** @param outcomes of the first cells, in their order; a run that was ended has fewer than cells */
export function reproductionOf(
  cells: readonly Cell[],
  outcomes: readonly CellOutcome[],
  setting: string,
  machine: string,
): Reproduction {
  const entries = cells.map((cell, i) => {
    const outcome = outcomes[i];
    return { cell, result: outcome === undefined || outcome.kind === "failed" ? null : outcome.result };
  });
  const failures = outcomes.flatMap((outcome, i) =>
    outcome.kind === "failed" ? [{ cell: cells[i]?.key ?? "", reason: outcome.reason }] : [],
  );
  const results = new Map(
    entries.flatMap(({ cell, result }) => (result === null ? [] : [[cell.key, result] as const])),
  );
  return {
    format: "nominald-reproduction",
    formatVersion: 1,
    setting,
    machine,
    cells: cells.length,
    open: cells.length - outcomes.length,
    failures,
    tables: resultTables(entries),
    ablations: ablationsOf(entries),
    results: [...results.values()],
  };
}
