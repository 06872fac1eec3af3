import { BugError } from "../shared/errors.ts";

/** Regions of a mask: pixel by pixel 0 outside, else the number of its region, 1 to `count`. */
export interface Components {
  readonly labels: Int32Array;
  readonly count: number;
}

/**
 * Connected regions of a mask; pixels that touch by a side or a corner belong together (8-connectivity), as in MVTec's
 * own evaluation. Regions are numbered by their first pixel in reading order.
 *
 * @param mask width × height; any value but 0 is set
 */
export function connectedComponents(mask: Uint8Array, width: number, height: number): Components {
  if (mask.length !== width * height) {
    throw new BugError("mask-length", `Expected a mask of ${width} × ${height} pixels but received ${mask.length}`);
  }
  const labels = new Int32Array(mask.length);
  // Each pixel is labelled when it is pushed, so it is pushed once and the stack never outgrows the mask.
  const stack = new Int32Array(mask.length);
  let count = 0;
  for (let first = 0; first < mask.length; first++) {
    if (mask[first] === 0 || labels[first] !== 0) continue;
    count++;
    labels[first] = count;
    stack[0] = first;
    let depth = 1;
    while (depth > 0) depth = pushNeighbours(mask, width, height, labels, stack, depth - 1);
  }
  return { labels, count };
}

/** Gives the unlabelled neighbours of the pixel at `stack[at]` its label and puts them there. @returns the new depth */
function pushNeighbours(
  mask: Uint8Array,
  width: number,
  height: number,
  labels: Int32Array,
  stack: Int32Array,
  at: number,
): number {
  const pixel = stack[at]!;
  const x = pixel % width;
  const y = (pixel - x) / width;
  let depth = at;
  for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
    for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) {
      const other = row * width + column;
      if (mask[other] === 0 || labels[other] !== 0) continue;
      labels[other] = labels[pixel]!;
      stack[depth++] = other;
    }
  }
  return depth;
}
