import { frameStatistics, regionBrightness } from "../patchcore/frame-statistics.ts";
import type { MeasuredFrame } from "../patchcore/frame-validity.ts";
import { InputError } from "../shared/errors.ts";
import type { RawImage, Region } from "../shared/image.ts";

/** Measures frames for their validity; fit and live frames pass through the same code. One instance a caller. */
export class FrameMeter {
  readonly #region: Region | null;
  #luminance = new Uint8Array(0);

  /** @param region where the part is looked for, in pixels of the frame; null: nowhere */
  constructor(region: Region | null) {
    this.#region = region;
  }

  /**
   * @param frame as the camera gave it
   * @param prepared the same, as the network sees it
   * @throws InputError "region-outside" when the part's region is not wholly inside the frame
   */
  measure(frame: RawImage, prepared: RawImage): MeasuredFrame {
    const pixels = prepared.width * prepared.height;
    if (this.#luminance.length < pixels) this.#luminance = new Uint8Array(pixels);
    const part = this.#region === null ? null : regionBrightness(frame, inside(this.#region, frame));
    return { ...frameStatistics(prepared, this.#luminance), part };
  }
}

function inside(region: Region, frame: RawImage): Region {
  const { x, y, width, height } = region;
  if (x >= 0 && y >= 0 && x + width <= frame.width && y + height <= frame.height) return region;
  throw new InputError(
    "region-outside",
    `Expected the part's region inside the frame of ${frame.width} × ${frame.height} but got x ${x}, y ${y}, width ${width}, height ${height}`,
  );
}
