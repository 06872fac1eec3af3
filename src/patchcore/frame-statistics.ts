import { BYTES_PER_PIXEL, type RawImage, type Region } from "../shared/image.ts";

/** What tells a frame that shows a part from one that shows nothing: numbers of the prepared frame. */
export interface FrameStatistics {
  /** Mean luminance, 0 to 255. */
  readonly brightness: number;
  /** Share of pixels whose luminance is at the end of its range, 0 to 1. */
  readonly saturated: number;
  /** Energy of the Laplacian over the variance of the luminance, at least 0; less light alone changes neither much. */
  readonly sharpness: number;
}

/** Luminance from here on counts as overexposed: cameras clip a little below 255 after a conversion of colours. */
const SATURATED_LEVEL = 250;
/** Weights of red, green and blue in 256ths (ITU-R BT.601). */
const RED = 77;
const GREEN = 150;
const BLUE = 29;

/**
 * @param frame RGB, prepared for the network, at least 3 × 3 pixels
 * @param luminance scratch of at least width · height bytes, overwritten
 */
export function frameStatistics(frame: RawImage, luminance: Uint8Array): FrameStatistics {
  const { width, height, data } = frame;
  const pixels = width * height;
  let sum = 0;
  let squares = 0;
  let saturated = 0;
  for (let i = 0, at = 0; i < pixels; i++, at += 3) {
    const level = luminanceAt(data, at);
    luminance[i] = level;
    sum += level;
    squares += level * level;
    if (level >= SATURATED_LEVEL) saturated++;
  }
  const brightness = sum / pixels;
  const variance = squares / pixels - brightness * brightness;
  // One level² on top: a frame of one level is not sharp, whatever its rounding does.
  const sharpness = laplacianEnergy(luminance, width, height) / (variance + 1);
  return { brightness, saturated: saturated / pixels, sharpness };
}

/** @returns mean square of the four-neighbour Laplacian over the inner pixels, level² */
function laplacianEnergy(luminance: Uint8Array, width: number, height: number): number {
  let energy = 0;
  for (let y = 1; y < height - 1; y++) {
    for (let x = 1, i = y * width + 1; x < width - 1; x++, i++) {
      const around =
        (luminance[i - 1] ?? 0) + (luminance[i + 1] ?? 0) + (luminance[i - width] ?? 0) + (luminance[i + width] ?? 0);
      const value = 4 * (luminance[i] ?? 0) - around;
      energy += value * value;
    }
  }
  const inner = Math.max(1, (width - 2) * (height - 2));
  return energy / inner;
}

/** @returns mean luminance of a region that lies wholly inside the frame, 0 to 255 */
export function regionBrightness(frame: RawImage, region: Region): number {
  const channels = BYTES_PER_PIXEL[frame.format];
  let sum = 0;
  for (let y = region.y; y < region.y + region.height; y++) {
    let at = (y * frame.width + region.x) * channels;
    for (let x = 0; x < region.width; x++, at += channels) {
      sum += channels === 1 ? (frame.data[at] ?? 0) : luminanceAt(frame.data, at);
    }
  }
  return sum / (region.width * region.height);
}

function luminanceAt(data: Uint8Array, at: number): number {
  return (RED * (data[at] ?? 0) + GREEN * (data[at + 1] ?? 0) + BLUE * (data[at + 2] ?? 0)) >> 8;
}
