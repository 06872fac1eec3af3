import { BugError } from "../shared/errors.ts";
import { connectedComponents } from "./connected-components.ts";
import { areaFrom, RankWalk } from "./partial-area.ts";
import { sortFloats } from "./sort-floats.ts";

/** PRO is integrated to this false-positive rate (Bergmann et al., The MVTec Anomaly Detection Dataset, IJCV 2021). */
export const PRO_LIMIT = 0.3;

/** How well anomaly maps point at the defects. Null where a class of pixels is missing, so that no curve exists. */
export interface PixelReport {
  /** AUROC over the pixels of all images. */
  readonly auroc: number | null;
  /** AUROC over the pixels of anomalous images alone. */
  readonly aurocAnomalous: number | null;
  /** Per-region overlap: mean share of a defect region that is found, over false-positive rates to 0.3, normalised. */
  readonly pro: number | null;
  /** Connected defect regions. */
  readonly regions: number;
  readonly defectivePixels: number;
  readonly nominalPixels: number;
}

export interface PixelMetricsSize {
  readonly nominalImages: number;
  readonly anomalousImages: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Collects anomaly maps with their ground truth and computes pixel AUROC and PRO from them, exactly, ties counted
 * half. It keeps one float32 a pixel, and `compute` takes as much again for sorting: 64 MB for 8 million pixels. Sorting is
 * in place, so `compute` ends the collecting.
 */
export class PixelMetrics {
  readonly #size: PixelMetricsSize;
  /** Pixels of nominal images. */
  readonly #nominal: Float32Array;
  /** Pixels of anomalous images: nominal ones from the front, defective ones from the back, region by region. */
  readonly #anomalous: Float32Array;
  /** Pixels of each defect region, in the order in which they were added. */
  readonly #regions: number[] = [];
  #nominalCount = 0;
  #front = 0;
  #back: number;
  #computed = false;

  constructor(size: PixelMetricsSize) {
    const pixels = size.width * size.height;
    this.#size = size;
    this.#nominal = new Float32Array(size.nominalImages * pixels);
    this.#anomalous = new Float32Array(size.anomalousImages * pixels);
    this.#back = this.#anomalous.length;
  }

  /** Whether nominal images count at all; without an anomalous one to compare with they do not. */
  get takesNominal(): boolean {
    return this.#nominal.length > 0;
  }

  /** @param map height × width, copied */
  addNominal(map: Float32Array): void {
    this.#check(map, this.#nominal.length - this.#nominalCount);
    this.#nominal.set(map, this.#nominalCount);
    this.#nominalCount += map.length;
  }

  /**
   * @param map height × width, copied
   * @param mask ground truth of the same size; any value but 0 is defective. It may be empty where the defect lies
   *   outside the region that the network sees: then every pixel counts as nominal
   */
  addAnomalous(map: Float32Array, mask: Uint8Array): void {
    const { width, height } = this.#size;
    this.#check(map, this.#back - this.#front);
    const { labels, count } = connectedComponents(mask, width, height);
    const ends = this.#reserve(labels, count);
    for (let pixel = 0; pixel < map.length; pixel++) {
      const label = labels[pixel]!;
      if (label === 0) this.#anomalous[this.#front++] = map[pixel]!;
      else this.#anomalous[--ends[label]!] = map[pixel]!;
    }
  }

  /** Sorts the pixels and computes. @throws BugError "pixel-metrics" when called twice */
  compute(): PixelReport {
    if (this.#computed)
      throw new BugError("pixel-metrics", "Expected to compute pixel metrics once but was asked again");
    this.#computed = true;
    const ofNominal = this.#nominal.subarray(0, this.#nominalCount);
    const ofAnomalous = this.#anomalous.subarray(0, this.#front);
    const scratch = new Uint32Array(Math.max(ofNominal.length, this.#anomalous.length));
    sortFloats(ofNominal, scratch);
    sortFloats(ofAnomalous, scratch);
    const total = ofNominal.length + ofAnomalous.length;
    const sums = { all: 0, anomalous: 0, pro: 0 };
    let end = this.#anomalous.length;
    for (const size of this.#regions) {
      const region = this.#anomalous.subarray(end - size, end);
      sortFloats(region, scratch);
      const area = areasOf(region, ofNominal, ofAnomalous);
      sums.all += area.all;
      sums.anomalous += area.anomalous;
      sums.pro += area.pro / size;
      end -= size;
    }
    const defective = this.#anomalous.length - this.#back;
    const known = defective > 0;
    return {
      auroc: known && total > 0 ? sums.all / defective : null,
      aurocAnomalous: known && ofAnomalous.length > 0 ? sums.anomalous / defective : null,
      pro: known && total > 0 ? sums.pro / this.#regions.length / PRO_LIMIT : null,
      regions: this.#regions.length,
      defectivePixels: defective,
      nominalPixels: total,
    };
  }

  /** Makes room for each region at the back. @returns by label where its pixels end */
  #reserve(labels: Int32Array, count: number): Int32Array {
    const sizes = new Int32Array(count + 1);
    for (const label of labels) sizes[label]!++;
    const ends = new Int32Array(count + 1);
    for (let label = 1; label <= count; label++) {
      ends[label] = this.#back;
      this.#back -= sizes[label]!;
      this.#regions.push(sizes[label]!);
    }
    return ends;
  }

  #check(map: Float32Array, room: number): void {
    const { width, height } = this.#size;
    if (map.length !== width * height || map.length > room) {
      const text = `Expected a map of ${width} × ${height} pixels and room for it but received ${map.length} and ${room}`;
      throw new BugError("map-length", text);
    }
    for (const value of map) {
      // x − x is 0 for every finite x and NaN for all others.
      if (value - value !== 0) throw new BugError("map-not-finite", `Expected finite map values but received ${value}`);
    }
  }
}

/** What the pixels of one region, ascending, add under the three curves. */
function areasOf(
  region: Float32Array,
  ofNominal: Float32Array,
  ofAnomalous: Float32Array,
): { readonly all: number; readonly anomalous: number; readonly pro: number } {
  const walks = [new RankWalk(ofNominal), new RankWalk(ofAnomalous)] as const;
  const total = ofNominal.length + ofAnomalous.length;
  const sums = { all: 0, anomalous: 0, pro: 0 };
  for (const value of region) {
    const nominal = walks[0].rank(value);
    const anomalous = walks[1].rank(value);
    const above = total - nominal.below - anomalous.below - nominal.equal - anomalous.equal;
    const equal = nominal.equal + anomalous.equal;
    sums.all += areaFrom(above, equal, total, 1);
    sums.pro += areaFrom(above, equal, total, PRO_LIMIT);
    const aboveInAnomalous = ofAnomalous.length - anomalous.below - anomalous.equal;
    sums.anomalous += areaFrom(aboveInAnomalous, anomalous.equal, ofAnomalous.length, 1);
  }
  return sums;
}
