import { BugError } from "../shared/errors.ts";
import { PictureBlur } from "./blur-picture.ts";
import { smoothUpsampling, type BandedRows } from "./smooth-upsampling.ts";

/** How the stretched map is smoothed; sigma and radius in pixels of the map. */
export type Smoothing =
  /** A Gaussian cut at `radius`, the edge reflected; sigma 0: none. */
  | { readonly kind: "gaussian"; readonly sigma: number; readonly radius: number }
  /** As the CLIP reproduction: the map as an 8-bit picture through Pillow's GaussianBlur; see `PictureBlur`. */
  | { readonly kind: "gaussian-8bit"; readonly sigma: number };

export interface AnomalyMapOptions {
  /** Patch grid. */
  readonly gridRows: number;
  readonly gridCols: number;
  /** Size of the map, pixels; the size of the network's input. */
  readonly height: number;
  readonly width: number;
  readonly smoothing: Smoothing;
}

/**
 * Draws the anomaly map of a frame: patch scores, upsampled bilinearly (align_corners=False) and smoothed by a Gaussian
 * (PatchCore, section 3.3). With an exact Gaussian both steps are linear and separable, so the map is A · m · Bᵀ with two matrices that
 * depend on sizes only. They are banded, some seven entries a row, and only the bands are multiplied. The Gaussian of 8-bit
 * pictures is applied to the stretched map instead. The instance holds all buffers; nothing is allocated per frame.
 */
export class AnomalyMap {
  readonly height: number;
  readonly width: number;
  readonly #gridRows: number;
  readonly #gridCols: number;
  readonly #down: BandedRows;
  readonly #across: BandedRows;
  /** Grid rows × width: the map after the horizontal product. */
  readonly #stretched: Float64Array;
  readonly #map: Float32Array;
  /** What blurs the map as a picture; null: the Gaussian is part of the matrices. */
  readonly #picture: { readonly blur: PictureBlur; readonly levels: Uint8Array } | null;

  constructor(options: AnomalyMapOptions) {
    this.height = options.height;
    this.width = options.width;
    this.#gridRows = options.gridRows;
    this.#gridCols = options.gridCols;
    const { smoothing, height, width } = options;
    const { sigma, radius } = smoothing.kind === "gaussian" ? smoothing : { sigma: 0, radius: 0 };
    this.#down = smoothUpsampling(options.gridRows, height, sigma, radius);
    this.#across = smoothUpsampling(options.gridCols, width, sigma, radius);
    this.#picture =
      smoothing.kind === "gaussian"
        ? null
        : { blur: new PictureBlur(width, height, smoothing.sigma), levels: new Uint8Array(height * width) };
    this.#stretched = new Float64Array(options.gridRows * options.width);
    this.#map = new Float32Array(options.height * options.width);
  }

  /**
   * @param patchScores gridRows × gridCols, in reading order
   * @returns height × width, in the unit of the scores; the instance's own buffer, overwritten by the next call
   */
  compute(patchScores: Float32Array): Float32Array {
    if (patchScores.length !== this.#gridRows * this.#gridCols) {
      throw new BugError(
        "map-grid",
        `Expected ${this.#gridRows} × ${this.#gridCols} patch scores for a map but received ${patchScores.length}`,
      );
    }
    this.#stretch(patchScores);
    const { starts, weights, band } = this.#down;
    for (let y = 0; y < this.height; y++)
      this.#sumRow(y * this.width, starts[y]! * this.width, weights, y * band, band);
    if (this.#picture !== null) blurAsPicture(this.#map, this.#picture.levels, this.#picture.blur);
    return this.#map;
  }

  #stretch(patchScores: Float32Array): void {
    const { starts, weights, band } = this.#across;
    const { width } = this;
    const stretched = this.#stretched;
    for (let row = 0; row < this.#gridRows; row++) {
      const from = row * this.#gridCols;
      for (let x = 0; x < width; x++) {
        const start = from + starts[x]!;
        let sum = 0;
        for (let k = 0; k < band; k++) sum += weights[x * band + k]! * patchScores[start + k]!;
        stretched[row * width + x] = sum;
      }
    }
  }

  /** One row of the map: the weighted sum of `band` stretched rows, at most four in one go to stay in registers. */
  #sumRow(out: number, from: number, weights: Float64Array, at: number, band: number): void {
    const { width } = this;
    const rows = this.#stretched;
    const map = this.#map;
    let k = 0;
    for (; k + 4 <= band; k += 4) {
      const w0 = weights[at + k]!;
      const w1 = weights[at + k + 1]!;
      const w2 = weights[at + k + 2]!;
      const w3 = weights[at + k + 3]!;
      const r0 = from + k * width;
      const r1 = r0 + width;
      const r2 = r1 + width;
      const r3 = r2 + width;
      for (let x = 0; x < width; x++) {
        const sum = w0 * rows[r0 + x]! + w1 * rows[r1 + x]! + (w2 * rows[r2 + x]! + w3 * rows[r3 + x]!);
        map[out + x] = k === 0 ? sum : map[out + x]! + sum;
      }
    }
    for (; k < band; k++) {
      const w = weights[at + k]!;
      const r = from + k * width;
      for (let x = 0; x < width; x++) map[out + x] = (k === 0 ? 0 : map[out + x]!) + w * rows[r + x]!;
    }
  }
}

/**
 * Turns a map into an 8-bit picture whose white is the map's largest value, blurs that and turns it back, in the
 * float32 steps of torchvision's `ToPILImage` (which cuts levels off) and `ToTensor`. A map without a positive value has
 * no picture and stays as it is.
 */
function blurAsPicture(map: Float32Array, levels: Uint8Array, blur: PictureBlur): void {
  let largest = 0;
  for (let i = 0; i < map.length; i++) if (map[i]! > largest) largest = map[i]!;
  if (largest === 0) return;
  for (let i = 0; i < map.length; i++) levels[i] = Math.floor(Math.fround(Math.fround(map[i]! / largest) * 255));
  blur.apply(levels);
  for (let i = 0; i < map.length; i++) map[i] = Math.fround(levels[i]! / 255) * largest;
}

/**
 * The mask of a map: 255 where the map is strictly above the threshold, else 0.
 *
 * @param out where to write, as long as the map; allocated when absent
 */
export function maskOf(map: Float32Array, threshold: number, out?: Uint8Array): Uint8Array {
  const mask = out ?? new Uint8Array(map.length);
  if (mask.length !== map.length) {
    throw new BugError("mask-length", `Expected ${map.length} pixels of a mask but received room for ${mask.length}`);
  }
  for (let i = 0; i < map.length; i++) mask[i] = map[i]! > threshold ? 255 : 0;
  return mask;
}
