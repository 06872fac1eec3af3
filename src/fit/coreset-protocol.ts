import type { CoresetStartKind } from "../patchcore/coreset-start.ts";
import type { ProjectionRule } from "../patchcore/projection.ts";
import type { WireError } from "../shared/errors.ts";

/** What the coreset process must know before the first image. */
export interface CoresetSetup {
  /** File of raw float32 rows, image by image; the process reads from it what it is told has been written. */
  readonly file: string;
  /** Images that may come at most; room is made for them at once. */
  readonly capacity: number;
  /** Rows of one image. */
  readonly patches: number;
  /** Dimensions of a patch embedding. */
  readonly dims: number;
  readonly projection: ProjectionRule;
  readonly seed: number;
  readonly start: CoresetStartKind;
  readonly threads: number;
}

/** A choice of `count` rows. */
export interface PickRequest {
  readonly count: number;
  /** Images whose rows take no part, `start` up to but not including `end`. */
  readonly without: { readonly start: number; readonly end: number } | null;
}

export type ToCoreset =
  | { readonly type: "setup"; readonly id: number; readonly setup: CoresetSetup }
  /** The next image's rows lie at place `slot` of the file. */
  | { readonly type: "image"; readonly id: number; readonly slot: number }
  | { readonly type: "pick"; readonly id: number; readonly request: PickRequest };

export type FromCoreset =
  | { readonly type: "done"; readonly id: number }
  | { readonly type: "progress"; readonly picked: number; readonly count: number }
  /**
   * Row numbers in the order of picking, rows counted over the images in the order in which they came; fewer than
   * asked for when all rows left are duplicates.
   */
  | { readonly type: "picked"; readonly id: number; readonly picks: Int32Array }
  | { readonly type: "failed"; readonly id: number; readonly error: WireError };
