import assert from "node:assert/strict";
import { test } from "node:test";
import type { Matrix } from "../../src/patchcore/matrix.ts";
import {
  distortionDims,
  projectedDims,
  projectionMatrix,
  type ProjectionRule,
} from "../../src/patchcore/projection.ts";
import { seededRandom } from "../../src/patchcore/random.ts";

const GAUSSIAN: ProjectionRule = { kind: "gaussian", dims: 128 };
const LINEAR: ProjectionRule = { kind: "linear-untrained", dims: 128 };
const SPARSE: ProjectionRule = { kind: "sparse", eps: 0.9 };

function matrixOf(rule: ProjectionRule, dims: number, seed = 1): Matrix {
  const matrix = projectionMatrix(rule, dims, 1000, seed);
  assert.ok(matrix !== null);
  return matrix;
}

test("Gaussian and sparse projections keep squared lengths on average", () => {
  const random = seededRandom(7);
  for (const rule of [GAUSSIAN, SPARSE]) {
    const { rows, dims, data } = matrixOf(rule, 400);
    let ratio = 0;
    for (let trial = 0; trial < 40; trial++) {
      const x = Float64Array.from({ length: dims }, () => random.gaussian());
      let before = 0;
      let after = 0;
      for (const value of x) before += value * value;
      for (let o = 0; o < rows; o++) {
        let sum = 0;
        for (let d = 0; d < dims; d++) sum += data[o * dims + d]! * x[d]!;
        after += sum * sum;
      }
      ratio += after / before / 40;
    }
    // One ratio has standard deviation √(2 / 128) = 0.125 and less; their mean stays well within 0.2 of 1.
    assert.ok(Math.abs(ratio - 1) < 0.2, `${rule.kind}: mean ratio ${ratio}`);
  }
});

test("an untrained linear layer's weights are uniform within ±1/√D", () => {
  const { data } = matrixOf(LINEAR, 400);
  // 1/√400 = 0.05; of 51,200 weights the extremes come within a thousandth of the bounds, the mean near 0.
  assert.ok(data.every((weight) => Math.abs(weight) <= Math.fround(0.05)));
  assert.ok(Math.max(...data.subarray(0, 50_000)) > 0.0499 && Math.min(...data.subarray(0, 50_000)) < -0.0499);
  assert.ok(Math.abs(data.reduce((sum, weight) => sum + weight, 0) / data.length) < 0.001);
});

test("sparse entries are 0 or ±√(√D / outputs), a share of 1/√D of them not 0", () => {
  const { rows, data } = matrixOf(SPARSE, 400);
  const value = Math.fround(Math.sqrt(20 / rows));
  assert.ok(data.every((entry) => entry === 0 || Math.abs(entry) === value));
  const share = data.filter((entry) => entry !== 0).length / data.length;
  assert.ok(Math.abs(share - 0.05) < 0.005, `share ${share}`);
});

test("the dimensions of a distortion are those of scikit-learn", () => {
  // johnson_lindenstrauss_min_dim(156800, eps=0.9): 4 · ln 156800 / (0.405 − 0.243) = 295.3; of 1,000 rows 170.6.
  assert.equal(distortionDims(156_800, 0.9), 295);
  assert.equal(distortionDims(1000, 0.9), 170);
});

test("nothing is projected where that would not reduce the dimensions", () => {
  assert.equal(projectionMatrix({ kind: "none" }, 400, 1000, 1), null);
  for (const rule of [GAUSSIAN, LINEAR]) {
    assert.equal(projectionMatrix(rule, 128, 1000, 1), null);
    assert.equal(projectedDims(rule, 100, 1000), 100);
  }
  assert.equal(projectionMatrix(SPARSE, 152, 1000, 1), null);
  assert.equal(projectedDims(SPARSE, 152, 1000), 152);
});

test("the same seed gives the same projection, another seed another", () => {
  for (const rule of [GAUSSIAN, LINEAR, SPARSE]) {
    assert.deepEqual(matrixOf(rule, 400, 1), matrixOf(rule, 400, 1));
    assert.notDeepEqual(matrixOf(rule, 400, 1), matrixOf(rule, 400, 2));
  }
});
