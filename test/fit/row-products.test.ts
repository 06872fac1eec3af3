import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openCentredProducts, openRowProducts } from "../../src/fit/row-products.ts";
import type { Multiplier } from "../../src/fit/row-products.ts";
import { greedyKCenter } from "../../src/patchcore/coreset.ts";
import type { CentredProducts } from "../../src/patchcore/pick-distances.ts";
import { asMatrix } from "../../src/patchcore/matrix.ts";
import { seededRandom } from "../../src/patchcore/random.ts";
import { squaredDistance } from "../../src/patchcore/squared-distance.ts";

const filters: Multiplier<CentredProducts>[] = [];
before(async () => {
  for (const threads of [1, 2]) filters.push(await openCentredProducts(threads));
});
after(async () => {
  for (const filter of filters) await filter.close();
});

const a = Float32Array.of(1, 2, 3, -1, 0, 2);
const b = Float32Array.of(1, 0, 0, 0, 1, 1, -2, -2, -2, 0, 0, 0);

test("products of rows are those of the definition", async () => {
  const multiplier = await openRowProducts(1);
  assert.deepEqual([...(await multiplier.products(a, 2, b, 4, 3))], [1, 5, -12, 0, -1, 2, -2, 0]);
  await multiplier.close();
});

test("products about a centre and the largest of each row are those of the definition", async () => {
  const shifted = a.map((value, i) => value + [7, -3, 1][i % 3]!);
  for (const { products } of filters) {
    const found = await products(shifted, 2, Float32Array.of(7, -3, 1), b, 4, Float32Array.of(0, -1, 20, 1));
    assert.deepEqual([...found.products], [1, 4, 8, 1, -1, 1, 18, 1]);
    assert.deepEqual([...found.largest], [8, 18]);
  }
});

for (const seed of [1, 2, 3]) {
  test(`filtered by ONNX Runtime on one and two threads, the picks are those of the textbook loop, seed ${seed}`, async () => {
    const random = seededRandom(seed);
    const [count, dims, picks] = [5000, 64, 250];
    const data = Float32Array.from({ length: count * dims }, () => 3 + random.gaussian() ** 3);
    for (let row = 0; row < count; row += 9) data.copyWithin((row + 4) * dims, row * dims, (row + 1) * dims);
    const rows = asMatrix(data, count, dims);
    const expected = [5];
    const nearest = new Float64Array(count).fill(Infinity);
    for (let pick = 5; ;) {
      for (let row = 0; row < count; row++)
        nearest[row] = Math.min(nearest[row]!, squaredDistance(data, row * dims, data, pick * dims, dims));
      if (expected.length === picks) break;
      pick = nearest.indexOf(nearest.reduce((most, value) => Math.max(most, value)));
      expected.push(pick);
    }
    for (const { products } of filters) {
      const found = await greedyKCenter(rows, picks, { start: { row: 5 }, products, candidates: 64 });
      assert.deepEqual([...found.picks], expected);
    }
  });
}
