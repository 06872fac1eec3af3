import type { CoresetBudget } from "../bank/manifest.ts";

/** @returns how many rows a budget keeps of `patches` rows of `dims` float32 values; rounded down, at least one */
export function rowCount(patches: number, dims: number, budget: CoresetBudget): number {
  switch (budget.kind) {
    case "ratio":
      // 1e-9 absorbs the rounding of products such as 100 · 0.29, which must not cost a row.
      return Math.max(1, Math.floor(patches * budget.ratio + 1e-9));
    case "rows":
      return Math.min(patches, budget.rows);
    case "bytes":
      return Math.min(patches, Math.max(1, Math.floor(budget.bytes / (dims * 4))));
    default:
      return budget satisfies never;
  }
}
