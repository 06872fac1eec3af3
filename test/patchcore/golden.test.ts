import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { AnomalyMap } from "../../src/patchcore/anomaly-map.ts";
import { PictureBlur } from "../../src/patchcore/blur-picture.ts";
import { greedyKCenter } from "../../src/patchcore/coreset.ts";
import { joinLayers } from "../../src/patchcore/join.ts";
import { asMatrix, gatherRows } from "../../src/patchcore/matrix.ts";
import { auroc, averagePrecision, f1Max, wilsonInterval } from "../../src/patchcore/metrics.ts";
import { aggregateNeighbourhood, type FeatureMap } from "../../src/patchcore/neighbourhood.ts";
import { inverseNormalCdf } from "../../src/patchcore/normal.ts";
import { percentile } from "../../src/patchcore/percentile.ts";
import { fitQuantiser, quantise } from "../../src/patchcore/quantiser.ts";
import { imageScore, reweightedImageScore } from "../../src/patchcore/scores.ts";
import { goldenDir, readNpy } from "../support/npy.ts";

/** What generate.py writes into golden.json. */
interface Golden {
  readonly grid: readonly [number, number];
  readonly coreset: {
    readonly start: number;
    readonly picks: number;
    readonly indices: readonly number[];
    readonly radii: readonly number[];
    readonly final_radius: number;
  };
  readonly quantiser: { readonly scale: number };
  readonly image_score: {
    readonly maximum: number;
    readonly reweight_b3: number;
    readonly reweight_b9: number;
    readonly reproduction_k3: number;
    readonly mean_squared_5: number;
  };
  readonly metrics: {
    readonly auroc: number;
    readonly average_precision: number;
    readonly f1_max: number;
    readonly f1_threshold: number;
    readonly percentile_99: number;
    readonly wilson_7_of_60: readonly [number, number];
    readonly normal_quantiles: Readonly<Record<string, number>>;
  };
}

const golden = JSON.parse(readFileSync(join(goldenDir, "golden.json"), "utf8")) as Golden;

function assertClose(actual: ArrayLike<number>, expected: ArrayLike<number>, relative = 1e-4, absolute = 1e-5): void {
  assert.equal(actual.length, expected.length);
  for (let i = 0; i < actual.length; i++) {
    const error = Math.abs(actual[i]! - expected[i]!);
    assert.ok(error <= absolute + relative * Math.abs(expected[i]!), `value ${i}: ${actual[i]} is not ${expected[i]}`);
  }
}

/** Feature map of one image of a golden [N, C, H, W]. */
function featureMap(name: string, image: number): FeatureMap {
  const { shape, data } = readNpy(name, Float32Array);
  const [, channels, height, width] = shape;
  assert.ok(channels !== undefined && height !== undefined && width !== undefined);
  const size = channels * height * width;
  return { channels, height, width, data: data.slice(image * size, (image + 1) * size) };
}

function matrixOf(name: string) {
  const { shape, data } = readNpy(name, Float32Array);
  const dims = shape[shape.length - 1] ?? 0;
  return asMatrix(data, data.length / dims, dims);
}

const AVERAGE = { kind: "average", size: 3, padding: "zeros" } as const;
const UNPADDED = { kind: "average", size: 3, padding: "none" } as const;
const UNFOLD = { kind: "unfold", size: 3 } as const;

for (const [layer, pooled, neighbourhood] of [
  ["layer2.npy", "pooled2.npy", AVERAGE],
  ["layer3.npy", "pooled3.npy", AVERAGE],
  ["layer2.npy", "unpadded2.npy", UNPADDED],
  ["layer3.npy", "unpadded3.npy", UNPADDED],
] as const) {
  test(`the neighbourhood in ${pooled} equals torch's average pooling`, () => {
    for (let image = 0; image < 4; image++) {
      const found = aggregateNeighbourhood(featureMap(layer, image), neighbourhood);
      assertClose(found.data, featureMap(pooled, image).data);
    }
  });
}

for (const [file, neighbourhood, join] of [
  ["embeddings.npy", AVERAGE, { kind: "concat", stretch: "bilinear" }],
  ["reproduction.npy", UNPADDED, { kind: "concat", stretch: "adaptive-pooling" }],
  ["adaptive.npy", UNFOLD, { kind: "adaptive", layerDims: 24, dims: 20 }],
  ["adaptive_even.npy", UNFOLD, { kind: "adaptive", layerDims: 6, dims: 4 }],
  ["adaptive_wide.npy", UNFOLD, { kind: "adaptive", layerDims: 100, dims: 160 }],
] as const) {
  test(`neighbourhoods joined as in ${file} equal torch's`, () => {
    const expected = matrixOf(file);
    const [rows, cols] = golden.grid;
    const size = rows * cols * expected.dims;
    for (let image = 0; image < 4; image++) {
      const maps = ["layer2.npy", "layer3.npy"].map((layer) =>
        aggregateNeighbourhood(featureMap(layer, image), neighbourhood),
      );
      const joined = joinLayers(maps, join, { rows, cols });
      assertClose(joined.data, expected.data.subarray(image * size, (image + 1) * size));
    }
  });
}

test("the coreset equals the textbook loop, pick by pick and radius by radius", () => {
  const embeddings = matrixOf("embeddings.npy");
  const { dims } = embeddings;
  const nominal = asMatrix(embeddings.data.slice(0, 3 * 64 * dims), 3 * 64, dims);
  const { picks, radii } = greedyKCenter(nominal, golden.coreset.picks, { start: golden.coreset.start });
  assert.deepEqual([...picks], golden.coreset.indices);
  assertClose(radii, [...golden.coreset.radii, golden.coreset.final_radius], 1e-9, 1e-9);
  assert.deepEqual(gatherRows(nominal, picks).data, matrixOf("bank.npy").data);
});

test("the quantiser finds NumPy's scale and gives its levels exactly", () => {
  const bank = matrixOf("bank.npy");
  const quantiser = fitQuantiser(bank);
  assertClose(quantiser.mean, readNpy("quantiser_mean.npy", Float32Array).data, 1e-7, 0);
  assertClose([quantiser.scale], [golden.quantiser.scale], 1e-9, 0);
  assert.deepEqual(quantise(quantiser, bank.data, bank.rows), readNpy("quantised_bank.npy", Int8Array).data);
  const query = matrixOf("embeddings.npy").data.slice(3 * 64 * bank.dims);
  assert.deepEqual(quantise(quantiser, query, 64), readNpy("quantised_query.npy", Int8Array).data);
});

test("image scores equal the formulas in NumPy", () => {
  const bank = matrixOf("bank.npy");
  const scores = readNpy("nearest.npy", Float32Array).data;
  const ids = readNpy("nearest_ids.npy", Int32Array).data;
  const query = asMatrix(matrixOf("embeddings.npy").data.slice(3 * 64 * bank.dims), 64, bank.dims);
  const reweighted = (neighbours: number) =>
    reweightedImageScore(scores, ids, query, bank, { kind: "reweighted", neighbours });
  assertClose([imageScore(scores)], [golden.image_score.maximum]);
  assertClose([reweighted(3)], [golden.image_score.reweight_b3]);
  assertClose([reweighted(9)], [golden.image_score.reweight_b9]);
  const reproduction = { kind: "reweighted-reproduction", neighbours: 3 } as const;
  assertClose([reweightedImageScore(scores, ids, query, bank, reproduction)], [golden.image_score.reproduction_k3]);
});

test("the anomaly map equals torch's interpolation followed by SciPy's Gaussian", () => {
  const [gridRows, gridCols] = golden.grid;
  const map = new AnomalyMap({
    gridRows,
    gridCols,
    height: 64,
    width: 64,
    smoothing: { kind: "gaussian", sigma: 4, radius: 16 },
  });
  const grid = readNpy("grid.npy", Float32Array).data;
  assertClose(map.compute(grid), readNpy("anomaly_map.npy", Float32Array).data);
});

test("without the Gaussian the map is torch's interpolation", () => {
  const [gridRows, gridCols] = golden.grid;
  const map = new AnomalyMap({
    gridRows,
    gridCols,
    height: 64,
    width: 64,
    smoothing: { kind: "gaussian", sigma: 0, radius: 16 },
  });
  const grid = readNpy("grid.npy", Float32Array).data;
  assertClose(map.compute(grid), readNpy("upsampled.npy", Float32Array).data);
});

test("a map that is not square and lower than the kernel is reflected as SciPy does", () => {
  const map = new AnomalyMap({
    gridRows: 3,
    gridCols: 7,
    height: 12,
    width: 40,
    smoothing: { kind: "gaussian", sigma: 4, radius: 16 },
  });
  const grid = readNpy("odd_grid.npy", Float32Array).data;
  assertClose(map.compute(grid), readNpy("odd_map.npy", Float32Array).data);
});

test("the 8-bit Gaussian equals Pillow's, level for level", () => {
  for (const [levels, blurred, sigma] of [
    ["picture_levels.npy", "picture_blurred.npy", 4],
    ["odd_levels.npy", "odd_blurred_4.npy", 4],
    ["odd_levels.npy", "odd_blurred_1_3.npy", 1.3],
  ] as const) {
    const { shape, data } = readNpy(levels, Uint8Array);
    const [height = 0, width = 0] = shape;
    new PictureBlur(width, height, sigma).apply(data);
    assert.deepEqual(data, readNpy(blurred, Uint8Array).data, blurred);
  }
});

test("the reproduction's map equals torch's interpolation through Pillow's blur", () => {
  const [gridRows, gridCols] = golden.grid;
  const smoothing = { kind: "gaussian-8bit", sigma: 4 } as const;
  const map = new AnomalyMap({ gridRows, gridCols, height: 64, width: 64, smoothing });
  const grid = readNpy("grid.npy", Float32Array).data;
  assertClose(map.compute(grid), readNpy("picture_map.npy", Float32Array).data);
});

test("metrics with many ties equal scikit-learn's", () => {
  const labels = readNpy("metric_labels.npy", Int32Array).data;
  const scores = readNpy("metric_scores.npy", Float64Array).data;
  const best = f1Max(scores, labels);
  const { metrics } = golden;
  assertClose(
    [auroc(scores, labels), averagePrecision(scores, labels), best.f1, best.threshold, percentile(scores, 99)],
    [metrics.auroc, metrics.average_precision, metrics.f1_max, metrics.f1_threshold, metrics.percentile_99],
    1e-6,
    0,
  );
  const { low, high } = wilsonInterval(7, 60);
  assertClose([low, high], metrics.wilson_7_of_60, 1e-6, 0);
});

test("quantiles of the normal distribution equal SciPy's far into the tails", () => {
  const [probabilities, quantiles] = [
    Object.keys(golden.metrics.normal_quantiles).map(Number),
    Object.values(golden.metrics.normal_quantiles),
  ];
  assertClose(probabilities.map(inverseNormalCdf), quantiles, 1e-12, 1e-15);
});
