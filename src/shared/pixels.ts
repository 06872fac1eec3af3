import type { PixelFormat, RawImage } from "./image.ts";

/** A picture whose pixels are fetched portion by portion, such as a frame in its shared-memory slot. */
export interface PixelSource {
  readonly width: number;
  readonly height: number;
  readonly format: PixelFormat;
  /** ms that fetching took so far. */
  readonly spentMs: number;
  /** Fills `into` with the bytes from `from` on; rows lie one after the other, as in a `RawImage`. */
  copy(into: Uint8Array, from: number): void;
}

/** A picture in memory, or one that is fetched. */
export type Pixels = RawImage | PixelSource;

/** @returns ms that fetching took so far; what is in memory takes none */
export function fetchingMs(pixels: Pixels): number {
  return "data" in pixels ? 0 : pixels.spentMs;
}

/** Fills `into` with the picture's bytes from `from` on, which must be there. */
export function copyPixels(pixels: Pixels, into: Uint8Array, from: number): void {
  if ("data" in pixels) into.set(pixels.data.subarray(from, from + into.length));
  else pixels.copy(into, from);
}
