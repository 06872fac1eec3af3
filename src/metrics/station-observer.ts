import type { Outcome } from "../station/outcome.ts";

/** One part, when all is known of it that will be. */
export interface ObservedPart {
  readonly outcome: Outcome;
  /** ms by stage; empty when its frame was not scored. */
  readonly stages: Readonly<Record<string, number>>;
  /** Unix ms at which its result was handed to the connection; null: it has to wait for one. */
  readonly publishedAtWallMs: number | null;
}

/** Who is told of what leaves no count behind. Told often: it must be quick and must not throw. */
export interface StationObserver {
  part(part: ObservedPart): void;
  /** The camera delivered a frame. */
  frame(): void;
  /** A frame came and found no slot free. */
  slotMissing(): void;
}

/** Where nobody looks. */
export const unobserved: StationObserver = {
  part: () => undefined,
  frame: () => undefined,
  slotMissing: () => undefined,
};
