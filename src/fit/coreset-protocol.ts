import type { WireError } from "../shared/errors.ts";

/** What the coreset process must know before the first row. */
export interface CoresetStart {
  /** Rows that may come at most; room is made for them at once. */
  readonly capacity: number;
  /** Dimensions of a patch embedding. */
  readonly dims: number;
  /** Dimensions of the seeded Gaussian projection; 0: none. */
  readonly projectionDims: number;
  readonly seed: number;
}

export type ToCoreset =
  | { readonly type: "start"; readonly id: number; readonly start: CoresetStart }
  /** Further rows, [n, dims], behind those that came before. */
  | { readonly type: "rows"; readonly id: number; readonly rows: Float32Array }
  /** Pick `count` of all rows that came. */
  | { readonly type: "pick"; readonly id: number; readonly count: number };

export type FromCoreset =
  | { readonly type: "done"; readonly id: number }
  | { readonly type: "progress"; readonly picked: number; readonly count: number }
  /** Row numbers in the order of picking; fewer than asked for when all rows left are duplicates. */
  | { readonly type: "picked"; readonly id: number; readonly picks: Int32Array }
  | { readonly type: "failed"; readonly id: number; readonly error: WireError };
