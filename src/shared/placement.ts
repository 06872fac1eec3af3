import type { Resize, Rotation } from "./image.ts";

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** How a region is resized before the turn: to `scaled`, of which `cut` pixels from `left`, `top` on are kept. */
export interface Placement {
  readonly scaled: Size;
  readonly left: number;
  readonly top: number;
  readonly cut: Size;
}

/**
 * Where the network's input lies in a region, by the arithmetic of torchvision's `Resize` and `CenterCrop`: the longer
 * side is rounded down, and an odd rest is halved to the even number. Frames and the masks beside them share it.
 *
 * @param region its size in pixels of the frame, before the turn
 */
export function placementOf(region: Size, resize: Resize, rotation: Rotation): Placement {
  const { width, height } = resize;
  const cut = rotation % 180 === 0 ? { width, height } : { width: height, height: width };
  if (resize.mode === "stretch") return { scaled: cut, left: 0, top: 0, cut };
  const { shorterSide } = resize;
  const shorter = Math.min(region.width, region.height);
  const scaled = {
    width: Math.floor((region.width * shorterSide) / shorter),
    height: Math.floor((region.height * shorterSide) / shorter),
  };
  return { scaled, left: halfOf(scaled.width - cut.width), top: halfOf(scaled.height - cut.height), cut };
}

/** Half of an integer, .5 to the even number as Python's `round`. */
function halfOf(rest: number): number {
  const half = rest / 2;
  return Number.isInteger(half) ? half : 2 * Math.round(half / 2);
}
