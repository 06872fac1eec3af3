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
 * Neighbourhood aggregation (PatchCore, eq. 1 and 2). Reference for the composed ONNX graph; scoring runs the graph.
 *
 * @returns `average`: the mean over size × size cells as torch's `avg_pool2d(size, 1, padding)`, where padding's zeros
 *   count; without padding the map is size − 1 cells smaller each way. `unfold`: a map of channels · size² channels,
 *   channel (c · size² + cell) as torch's `unfold`
 * @throws BugError "feature-map-shape", also when a map is smaller than a neighbourhood without padding
 */
export function aggregateNeighbourhood(map: FeatureMap, neighbourhood: Neighbourhood): FeatureMap {
  checkFeatureMap(map);
  const { size } = neighbourhood;
  const isPadded = neighbourhood.kind === "unfold" || neighbourhood.padding === "zeros";
  const shrunk = isPadded ? 0 : size - 1;
  const [height, width] = [map.height - shrunk, map.width - shrunk];
  if (height < 1 || width < 1) {
    throw new BugError(
      "feature-map-shape",
      `Expected a feature map of at least ${size} × ${size} for a neighbourhood without padding but received ${map.height} × ${map.width}`,
    );
  }
  const border = isPadded ? (size - 1) / 2 : 0;
  return neighbourhood.kind === "average"
    ? averageCells(map, size, border, height, width)
    : unfoldCells(map, size, border);
}

/** A cell of the map, 0 beyond its border. */
function cellOf({ height, width, data }: FeatureMap, c: number, y: number, x: number): number {
  return y < 0 || x < 0 || y >= height || x >= width ? 0 : data[(c * height + y) * width + x]!;
}

function averageCells(map: FeatureMap, size: number, border: number, height: number, width: number): FeatureMap {
  const { channels } = map;
  const data = new Float32Array(channels * height * width);
  for (let c = 0, at = 0; c < channels; c++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, at++) {
        let sum = 0;
        for (let cell = 0; cell < size * size; cell++) {
          sum += cellOf(map, c, y - border + Math.floor(cell / size), x - border + (cell % size));
        }
        data[at] = sum / (size * size);
      }
    }
  }
  return { channels, height, width, data };
}

function unfoldCells(map: FeatureMap, size: number, border: number): FeatureMap {
  const { height, width } = map;
  const cells = size * size;
  const channels = map.channels * cells;
  const data = new Float32Array(channels * height * width);
  for (let channel = 0, at = 0; channel < channels; channel++) {
    const cell = channel % cells;
    const c = (channel - cell) / cells;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, at++) {
        data[at] = cellOf(map, c, y - border + Math.floor(cell / size), x - border + (cell % size));
      }
    }
  }
  return { channels, height, width, data };
}
