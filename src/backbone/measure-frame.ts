import { frameStatistics, regionBrightness } from "../patchcore/frame-statistics.ts";
import type { MeasuredFrame } from "../patchcore/frame-validity.ts";
import { InputError } from "../shared/errors.ts";
import { BYTES_PER_PIXEL, type RawImage, type Region } from "../shared/image.ts";
import { copyPixels, type Pixels } from "../shared/pixels.ts";

/** Measures frames for their validity; fit and live frames pass through the same code. One instance a caller. */
export class FrameMeter {
  readonly #region: Region | null;
  #luminance = new Uint8Array(0);
  #rows = new Uint8Array(0);

  /** @param region where the part is looked for, in pixels of the frame; null: nowhere */
  constructor(region: Region | null) {
    this.#region = region;
  }

  /**
   * @param frame as the camera gave it
   * @param prepared the same, as the network sees it
   * @throws InputError "region-outside" when the part's region is not wholly inside the frame
   */
  measure(frame: Pixels, prepared: RawImage): MeasuredFrame {
    const pixels = prepared.width * prepared.height;
    if (this.#luminance.length < pixels) this.#luminance = new Uint8Array(pixels);
    const part = this.#region === null ? null : this.#brightness(frame, inside(this.#region, frame));
    return { ...frameStatistics(prepared, this.#luminance), part };
  }

  /** Only the region's rows are fetched. */
  #brightness(frame: Pixels, region: Region): number {
    const { width, format } = frame;
    const stride = width * BYTES_PER_PIXEL[format];
    const bytes = region.height * stride;
    if (this.#rows.length < bytes) this.#rows = new Uint8Array(bytes);
    const data = this.#rows.subarray(0, bytes);
    copyPixels(frame, data, region.y * stride);
    return regionBrightness({ width, height: region.height, format, data }, { ...region, y: 0 });
  }
}

function inside(region: Region, frame: Pixels): Region {
  const { x, y, width, height } = region;
  if (x >= 0 && y >= 0 && x + width <= frame.width && y + height <= frame.height) return region;
  throw new InputError(
    "region-outside",
    `Expected the part's region inside the frame of ${frame.width} × ${frame.height} but got x ${x}, y ${y}, width ${width}, height ${height}`,
  );
}
