import { BugError } from "../shared/errors.ts";

/** How a patch takes in its surroundings (PatchCore, eq. 1 and 2): `size` × `size` cells, stride 1. */
export type Neighbourhood =
  /** The mean of the cells. `zeros`: the border is padded and its zeros count; `none`: the map shrinks by size − 1. */
  | { readonly kind: "average"; readonly size: NeighbourhoodSize; readonly padding: "zeros" | "none" }
  /** The cells side by side, channel by channel, padded with zeros; an adaptive join takes their means. */
  | { readonly kind: "unfold"; readonly size: NeighbourhoodSize };

/** Sides p of a neighbourhood, cells; 1: none. */
export type NeighbourhoodSize = 1 | 3 | 5;

/** A feature map of one image, [channels, height, width]: `data[(c * height + y) * width + x]`. */
export interface FeatureMap {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly data: Float32Array;
}

/** @throws BugError "feature-map-shape" when the data do not fill the shape */
export function checkFeatureMap(map: FeatureMap): void {
  const { channels, height, width, data } = map;
  if (channels < 1 || height < 1 || width < 1 || data.length !== channels * height * width) {
    throw new BugError(
      "feature-map-shape",
      `Expected ${channels} × ${height} × ${width} values of a feature map but received ${data.length}`,
    );
  }
}

/**
 * Neighbourhood aggregation (PatchCore, eq. 1 and 2): the average over 3 × 3 patches, stride 1, padding 1, where the
 * padding's zeros count, as torch's `avg_pool2d(3, 1, 1)` and ONNX' AveragePool with `count_include_pad = 1`.
 * Reference for the composed ONNX graph; scoring runs the graph.
 *
 * @returns a new map of the same shape
 */
export function averageNeighbourhood(map: FeatureMap): FeatureMap {
  checkFeatureMap(map);
  const { channels, height, width, data } = map;
  const out = new Float32Array(data.length);
  for (let c = 0; c < channels; c++) {
    const plane = c * height * width;
    for (let y = 0; y < height; y++) {
      const top = Math.max(0, y - 1);
      const bottom = Math.min(height - 1, y + 1);
      for (let x = 0; x < width; x++) {
        const right = Math.min(width - 1, x + 1);
        let sum = 0;
        for (let v = top; v <= bottom; v++) {
          for (let u = Math.max(0, x - 1); u <= right; u++) sum += data[plane + v * width + u]!;
        }
        out[plane + y * width + x] = sum / 9;
      }
    }
  }
  return { channels, height, width, data: out };
}
