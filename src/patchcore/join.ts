import { BugError } from "../shared/errors.ts";
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
 * Joins the pooled maps of several layers into patch embeddings (PatchCore, section 3.1): each deeper map is resized
 * bilinearly (align_corners=False) to the first one's grid and its channels are put behind those before it.
 * Reference for the composed ONNX graph.
 *
 * @param maps of one image, shallowest first
 * @returns [P, D]: P = grid rows × columns in reading order, D = the sum of channels
 */
export function joinLayers(maps: readonly FeatureMap[]): Matrix {
  const [first] = maps;
  if (first === undefined)
    throw new BugError("no-layers", "Expected at least one feature map to join but received none");
  const rows = first.height * first.width;
  const dims = maps.reduce((sum, map) => sum + map.channels, 0);
  const data = new Float32Array(rows * dims);
  let offset = 0;
  for (const map of maps) {
    checkFeatureMap(map);
    resizeInto(map, first.height, first.width, data, dims, offset);
    offset += map.channels;
  }
  return { rows, dims, data };
}

/** Writes channel c of the resized map to columns `offset + c` of the rows in `out`. */
function resizeInto(
  map: FeatureMap,
  height: number,
  width: number,
  out: Float32Array,
  dims: number,
  offset: number,
): void {
  const { channels, data } = map;
  const down = bilinearTaps(map.height, height);
  const across = bilinearTaps(map.width, width);
  for (let c = 0; c < channels; c++) {
    const plane = c * map.height * map.width;
    for (let y = 0; y < height; y++) {
      const top = plane + down.low[y]! * map.width;
      const bottom = plane + down.high[y]! * map.width;
      const v = down.share[y]!;
      for (let x = 0; x < width; x++) {
        const left = across.low[x]!;
        const right = across.high[x]!;
        const u = across.share[x]!;
        const upper = data[top + left]! * (1 - u) + data[top + right]! * u;
        const lower = data[bottom + left]! * (1 - u) + data[bottom + right]! * u;
        out[(y * width + x) * dims + offset + c] = upper * (1 - v) + lower * v;
      }
    }
  }
}
