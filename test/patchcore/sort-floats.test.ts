import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../src/patchcore/random.ts";
import { sortFloats } from "../../src/patchcore/sort-floats.ts";

/** More than the number below which the native sort does the work. */
const MANY = 10_000;

test("floats of any sign and size come out as the native sort has them", () => {
  const random = seededRandom(3);
  for (const draw of [
    () => random.gaussian(),
    () => random.gaussian() * 10 ** (60 * random.uniform() - 30),
    () => Math.round(random.gaussian() * 3),
    () => 7,
  ]) {
    const values = Float32Array.from({ length: MANY }, draw);
    const expected = values.slice().sort();
    sortFloats(values, new Uint32Array(MANY));
    assert.deepEqual(values, expected);
  }
});

test("a part of a larger array is sorted where it lies, and nothing beside it is touched", () => {
  const random = seededRandom(4);
  const all = Float32Array.from({ length: MANY + 200 }, () => random.gaussian());
  const before = all.slice();
  sortFloats(all.subarray(100, 100 + MANY), new Uint32Array(MANY + 5));
  assert.deepEqual(all.subarray(100, 100 + MANY), before.slice(100, 100 + MANY).sort());
  assert.deepEqual(all.subarray(0, 100), before.subarray(0, 100));
  assert.deepEqual(all.subarray(100 + MANY), before.subarray(100 + MANY));
});

test("few values, and none, are sorted too", () => {
  for (const values of [[], [1], [3, -1, 2]]) {
    const sorted = Float32Array.from(values);
    sortFloats(sorted, new Uint32Array(3));
    assert.deepEqual(sorted, Float32Array.from(values).sort());
  }
});
