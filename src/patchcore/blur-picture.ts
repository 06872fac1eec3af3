import { BugError } from "../shared/errors.ts";

/** Box blurs in a row that stand for one Gaussian. */
const PASSES = 3;

/** Weights are integers in units of 2⁻²⁴. */
const ONE = 2 ** 24;

/** A box of 2 · radius + 1 pixels and two more at its ends that count in part. */
interface Box {
  readonly radius: number;
  /** Weight of each whole pixel, in 2⁻²⁴. */
  readonly whole: number;
  /** Weight of the two outermost pixels, in 2⁻²⁴. */
  readonly part: number;
}

/**
 * Blurs 8-bit pictures as Pillow's `ImageFilter.GaussianBlur`, level for level: three box blurs of fractional width
 * (Gwosdek et al., "Theoretical Foundations of Gaussian Convolution by Extended Box Filtering", 2011), first along the
 * rows and then along the columns, rounded to 8 bits after each, the edge pixel repeated outwards. The CLIP
 * reproduction smooths its anomaly maps with it. The instance holds its buffers.
 */
export class PictureBlur {
  readonly #width: number;
  readonly #height: number;
  readonly #box: Box;
  readonly #line: Uint8Array;
  readonly #blurred: Uint8Array;

  /** @param sigma standard deviation of the Gaussian that is meant, pixels, above 0 */
  constructor(width: number, height: number, sigma: number) {
    if (!(sigma > 0)) throw new BugError("map-size", `Expected a sigma above 0 for a blur but received ${sigma}`);
    this.#width = width;
    this.#height = height;
    this.#box = boxOf(sigma);
    this.#line = new Uint8Array(Math.max(width, height));
    this.#blurred = new Uint8Array(this.#line.length);
  }

  /** @param picture width × height levels, blurred in place */
  apply(picture: Uint8Array): void {
    for (let y = 0; y < this.#height; y++) this.#along(picture, y * this.#width, 1, this.#width);
    for (let x = 0; x < this.#width; x++) this.#along(picture, x, this.#width, this.#height);
  }

  #along(picture: Uint8Array, first: number, step: number, count: number): void {
    for (let i = 0, at = first; i < count; i++, at += step) this.#line[i] = picture[at]!;
    for (let pass = 0; pass < PASSES; pass++) {
      boxBlur(this.#line, this.#blurred, count, this.#box);
      this.#line.set(this.#blurred);
    }
    for (let i = 0, at = first; i < count; i++, at += step) picture[at] = this.#line[i]!;
  }
}

/** The fractional box whose variance, three times, is sigma²; in the float32 steps of Pillow's C code. */
function boxOf(sigma: number): Box {
  const variance = Math.fround((sigma * sigma) / PASSES);
  const length = Math.fround(Math.sqrt(12 * variance + 1));
  const whole = Math.floor((length - 1) / 2);
  const share = ((2 * whole + 1) * (whole * (whole + 1) - 3 * variance)) / (6 * (variance - (whole + 1) * (whole + 1)));
  const extent = Math.fround(whole + share);
  const radius = Math.floor(extent);
  const weight = Math.floor(Math.fround(ONE / Math.fround(extent * 2 + 1)));
  return { radius, whole: weight, part: Math.floor((ONE - (radius * 2 + 1) * weight) / 2) };
}

function boxBlur(from: Uint8Array, to: Uint8Array, count: number, { radius, whole, part }: Box): void {
  const last = count - 1;
  let sum = 0;
  for (let i = -radius; i <= radius; i++) sum += from[Math.min(last, Math.max(0, i))]!;
  for (let i = 0; i < count; i++) {
    const left = from[Math.max(0, i - radius - 1)]!;
    const right = from[Math.min(last, i + radius + 1)]!;
    to[i] = Math.floor((sum * whole + (left + right) * part + ONE / 2) / ONE);
    sum += right - from[Math.max(0, i - radius)]!;
  }
}
