import assert from "node:assert/strict";
import { test } from "node:test";
import { AnomalyMap, maskOf } from "../../src/patchcore/anomaly-map.ts";
import { BugError } from "../../src/shared/errors.ts";

const options = {
  gridRows: 4,
  gridCols: 5,
  height: 32,
  width: 40,
  smoothing: { kind: "gaussian", sigma: 4, radius: 16 },
} as const;

test("equal patch scores give a flat map: the weights of each pixel add up to 1", () => {
  const map = new AnomalyMap(options).compute(new Float32Array(20).fill(3));
  for (const value of map) assert.ok(Math.abs(value - 3) < 1e-6);
});

test("a grid of one patch is drawn", () => {
  const map = new AnomalyMap({ ...options, gridRows: 1, gridCols: 1 }).compute(Float32Array.of(2));
  assert.equal(map.length, 32 * 40);
  for (const value of map) assert.ok(Math.abs(value - 2) < 1e-6);
});

test("a hot patch is hottest above itself", () => {
  const scores = new Float32Array(20);
  scores[2 * 5 + 3] = 1;
  const map = new AnomalyMap(options).compute(scores);
  const hottest = map.indexOf(Math.max(...map));
  // Patch (2, 3) covers rows 16 … 23 and columns 24 … 31.
  const [y, x] = [Math.floor(hottest / 40), hottest % 40];
  assert.ok(y >= 16 && y < 24 && x >= 24 && x < 32, `hottest at ${x}, ${y}`);
});

test("the map lies in the same buffer each time and forgets the frame before", () => {
  const drawer = new AnomalyMap(options);
  const first = drawer.compute(new Float32Array(20).fill(9));
  const second = drawer.compute(new Float32Array(20));
  assert.equal(first, second);
  assert.ok(second.every((value) => value === 0));
});

test("patch scores of another grid are refused", () => {
  assert.throws(() => new AnomalyMap(options).compute(new Float32Array(16)), BugError);
  assert.throws(() => new AnomalyMap({ ...options, gridRows: 0 }), BugError);
});

test("the mask is set strictly above the threshold", () => {
  const mask = new Uint8Array(3).fill(7);
  assert.equal(maskOf(Float32Array.of(1, 2, 3), 2, mask), mask);
  assert.deepEqual([...mask], [0, 0, 255]);
  assert.throws(() => maskOf(new Float32Array(3), 0, new Uint8Array(2)), BugError);
});
