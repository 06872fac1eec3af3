import { BugError } from "../shared/errors.ts";
import { adaptiveBins } from "./adaptive.ts";
import { bilinearTaps } from "./bilinear.ts";
import type { Matrix } from "./matrix.ts";
import { checkFeatureMap, type FeatureMap } from "./neighbourhood.ts";

/** How the neighbourhoods of several layers become one patch embedding (PatchCore, section 3.1). */
export type Join =
  /**
   * Channels one after the other, each map on the first layer's grid: deeper maps stretched bilinearly
   * (align_corners=False), or every map by adaptive average pooling, which also restores what a neighbourhood without
   * padding took from the first.
   */
  | { readonly kind: "concat"; readonly stretch: "bilinear" | "adaptive-pooling" }
  /**
   * The reference code's: deeper maps bilinear, each layer's values to `layerDims` (d1) by adaptive mean, and those of
   * all layers to `dims` (d2) by another.
   */
  | { readonly kind: "adaptive"; readonly layerDims: number; readonly dims: number };

/**
 * Joins the neighbourhoods of several layers into patch embeddings (PatchCore, section 3.1). Reference for the composed
 * ONNX graph; scoring runs the graph.
 *
 * @param maps of one image, shallowest first
 * @param grid of the patches: that of the first layer, before its neighbourhood
 * @returns [P, D]: P = grid rows × columns in reading order
 */
export function joinLayers(maps: readonly FeatureMap[], join: Join, grid: Grid): Matrix {
  if (maps.length === 0) throw new BugError("no-layers", "Expected at least one feature map to join but received none");
  maps.forEach(checkFeatureMap);
  if (join.kind === "concat") {
    const resize = join.stretch === "bilinear" ? resizeBilinear : poolAdaptive;
    return sideBySide(maps.map((map) => resize(map, grid)));
  }
  const layers = maps.map((map) => adaptiveMeans(sideBySide([resizeBilinear(map, grid)]), join.layerDims));
  const rows = grid.rows * grid.cols;
  const all = layers.map(({ data, dims }) => planesOf(data, rows, dims, grid));
  return adaptiveMeans(sideBySide(all), join.dims);
}

/** Size of a patch grid. */
export interface Grid {
  readonly rows: number;
  readonly cols: number;
}

/** Maps of equal size → one row a cell, the maps' channels one after the other. */
function sideBySide(maps: readonly FeatureMap[]): Matrix {
  const rows = (maps[0]?.height ?? 0) * (maps[0]?.width ?? 0);
  const dims = maps.reduce((sum, map) => sum + map.channels, 0);
  const data = new Float32Array(rows * dims);
  let offset = 0;
  for (const map of maps) {
    for (let c = 0; c < map.channels; c++) {
      for (let row = 0; row < rows; row++) data[row * dims + offset + c] = map.data[c * rows + row]!;
    }
    offset += map.channels;
  }
  return { rows, dims, data };
}

function planesOf(data: Float32Array, rows: number, channels: number, grid: Grid): FeatureMap {
  const planes = new Float32Array(data.length);
  for (let row = 0; row < rows; row++) {
    for (let c = 0; c < channels; c++) planes[c * rows + row] = data[row * channels + c]!;
  }
  return { channels, height: grid.rows, width: grid.cols, data: planes };
}

/** The mean of each bin of each row, as torch's `adaptive_avg_pool1d`. */
function adaptiveMeans({ rows, dims, data }: Matrix, outputs: number): Matrix {
  const { starts, ends } = adaptiveBins(dims, outputs);
  const means = new Float32Array(rows * outputs);
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < outputs; i++) {
      let sum = 0;
      for (let place = starts[i]!; place < ends[i]!; place++) sum += data[row * dims + place]!;
      means[row * outputs + i] = sum / (ends[i]! - starts[i]!);
    }
  }
  return { rows, dims: outputs, data: means };
}

/** As torch's `interpolate(mode="bilinear", align_corners=False)`. */
function resizeBilinear(map: FeatureMap, { rows, cols }: Grid): FeatureMap {
  const { channels, data } = map;
  const down = bilinearTaps(map.height, rows);
  const across = bilinearTaps(map.width, cols);
  const out = new Float32Array(channels * rows * cols);
  for (let c = 0, at = 0; c < channels; c++) {
    const plane = c * map.height * map.width;
    for (let y = 0; y < rows; y++) {
      const top = plane + down.low[y]! * map.width;
      const bottom = plane + down.high[y]! * map.width;
      const v = down.share[y]!;
      for (let x = 0; x < cols; x++, at++) {
        const left = across.low[x]!;
        const right = across.high[x]!;
        const u = across.share[x]!;
        const upper = data[top + left]! * (1 - u) + data[top + right]! * u;
        const lower = data[bottom + left]! * (1 - u) + data[bottom + right]! * u;
        out[at] = upper * (1 - v) + lower * v;
      }
    }
  }
  return { channels, height: rows, width: cols, data: out };
}

/** As torch's `adaptive_avg_pool2d`. */
function poolAdaptive(map: FeatureMap, { rows, cols }: Grid): FeatureMap {
  const { channels, data } = map;
  const down = adaptiveBins(map.height, rows);
  const across = adaptiveBins(map.width, cols);
  const out = new Float32Array(channels * rows * cols);
  for (let c = 0, at = 0; c < channels; c++) {
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < cols; x++, at++) {
        const [top, bottom, left, right] = [down.starts[y]!, down.ends[y]!, across.starts[x]!, across.ends[x]!];
        let sum = 0;
        for (let v = top; v < bottom; v++) {
          for (let u = left; u < right; u++) sum += data[(c * map.height + v) * map.width + u]!;
        }
        out[at] = sum / ((bottom - top) * (right - left));
      }
    }
  }
  return { channels, height: rows, width: cols, data: out };
}
