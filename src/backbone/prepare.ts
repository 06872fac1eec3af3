import { InputError } from "../shared/errors.ts";
import { BYTES_PER_PIXEL, type RawImage, type Region, type Resize, type Rotation } from "../shared/image.ts";
import type { Pixels } from "../shared/pixels.ts";
import { placementOf } from "../shared/placement.ts";
import { Resampler } from "./resampler.ts";

/** Changes when the same image and options give other pixels: what is kept of prepared images depends on it. */
export const PREPARATION = "pillow-1";

export interface PrepareOptions {
  /** In pixels of the frame, before rotation; null: the whole frame. */
  readonly region: Region | null;
  readonly rotation: Rotation;
  readonly resize: Resize;
}

/**
 * Brings frames to the network's size: cuts the region out, stretches it (antialiased), or scales it and keeps the
 * middle, and turns it clockwise. Fit, score and live frames all pass through here, so equal pixels give equal embeddings.
 *
 * The turn comes last because it then moves some 100,000 pixels instead of millions; stretching after the turn would
 * differ by single levels where the two passes of the resize round.
 */
export class FramePreparer {
  readonly #options: PrepareOptions;
  readonly #resampler: Resampler;

  constructor(options: PrepareOptions) {
    this.#options = options;
    this.#resampler = new Resampler(options.resize.kernel);
  }

  /**
   * @returns RGB, of `resize`'s width and height, its own memory; grey frames give three equal channels
   * @throws InputError "region-outside" when the region is not wholly inside the frame
   */
  prepare(image: Pixels): RawImage {
    const { rotation, resize } = this.#options;
    const region = checkedRegion(image, this.#options.region);
    const placement = placementOf(region, resize, rotation);
    const data = this.#resampler.run(image, region, placement);
    return turned(toRgb({ ...placement.cut, format: image.format, data }), rotation);
  }
}

function checkedRegion(image: Pixels, region: Region | null): Region {
  const whole = { x: 0, y: 0, width: image.width, height: image.height };
  if (region === null) return whole;
  const { x, y, width, height } = region;
  const integers = [x, y, width, height].every(Number.isInteger);
  if (
    integers &&
    x >= 0 &&
    y >= 0 &&
    width > 0 &&
    height > 0 &&
    x + width <= image.width &&
    y + height <= image.height
  ) {
    return region;
  }
  throw new InputError(
    "region-outside",
    `Expected a region inside the frame of ${image.width} × ${image.height} but got x ${x}, y ${y}, width ${width}, height ${height}`,
  );
}

function toRgb(image: RawImage): RawImage {
  if (image.format === "RGB") return image;
  const data = new Uint8Array(image.data.length * 3);
  for (let i = 0, to = 0; i < image.data.length; i++) {
    const level = image.data[i] ?? 0;
    data[to++] = level;
    data[to++] = level;
    data[to++] = level;
  }
  return { width: image.width, height: image.height, format: "RGB", data };
}

/** Turns an RGB picture clockwise. */
function turned(image: RawImage, rotation: Rotation): RawImage {
  if (rotation === 0) return image;
  const { width: w, height: h, data } = image;
  const sideways = rotation !== 180;
  const [width, height] = sideways ? [h, w] : [w, h];
  const result = new Uint8Array(data.length);
  const bytes = BYTES_PER_PIXEL.RGB;
  // Where the source's first pixel goes, and how far one step right or down in the source moves in the result.
  const [start, right, down] = stepsOf(rotation, width, height);
  for (let y = 0, from = 0; y < h; y++) {
    let to = (start + y * down) * bytes;
    for (let x = 0; x < w; x++, from += bytes, to += right * bytes) {
      result[to] = data[from] ?? 0;
      result[to + 1] = data[from + 1] ?? 0;
      result[to + 2] = data[from + 2] ?? 0;
    }
  }
  return { width, height, format: "RGB", data: result };
}

function stepsOf(rotation: 90 | 180 | 270, width: number, height: number): readonly [number, number, number] {
  switch (rotation) {
    case 90:
      return [width - 1, width, -1];
    case 180:
      return [width * height - 1, -1, -width];
    case 270:
      return [(height - 1) * width, -width, 1];
    default:
      return rotation satisfies never;
  }
}
