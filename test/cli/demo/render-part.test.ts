import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFECT_KINDS } from "../../../src/cli/demo/part-geometry.ts";
import { renderPart } from "../../../src/cli/demo/render-part.ts";

test("the same seed gives the same bytes, another seed another part", async () => {
  const first = await renderPart({ seed: 7, defect: null, size: 240 });
  assert.deepEqual(await renderPart({ seed: 7, defect: null, size: 240 }), first);
  assert.notDeepEqual((await renderPart({ seed: 8, defect: null, size: 240 })).image.data, first.image.data);
});

test("a nominal part has no mask, and a picture of the size that was asked for", async () => {
  const { image, mask } = await renderPart({ seed: 1, defect: null, size: 200 });
  assert.equal(mask, null);
  assert.deepEqual([image.width, image.height, image.format, image.data.length], [200, 200, "RGB", 200 * 200 * 3]);
});

test("a defect changes the pixels of its mask and next to nothing else", async () => {
  for (const defect of DEFECT_KINDS) {
    for (const seed of [3, 4, 5]) {
      const nominal = await renderPart({ seed, defect: null });
      const { image, mask } = await renderPart({ seed, defect });
      assert.ok(mask !== null && mask.length === 480 * 480);
      const name = `${defect}, seed ${seed}`;
      // The same seed shows the same part with the same noise, so whatever differs is the defect's.
      let masked = 0;
      let changedInside = 0;
      let changedOutside = 0;
      for (const [at, value] of mask.entries()) {
        assert.ok(value === 0 || value === 255);
        const changed = [0, 1, 2].some(
          (c) => Math.abs(image.data[at * 3 + c]! - nominal.image.data[at * 3 + c]!) >= 12,
        );
        if (value === 255) masked++;
        if (changed && value === 255) changedInside++;
        if (changed && value === 0) changedOutside++;
      }
      assert.ok(masked >= 100, `${name}: a mask of ${masked} pixels`);
      // A groove has a line between its lit and its shaded flank, and a dent's middle is flat: not every pixel changes.
      assert.ok(changedInside >= masked * 0.5, `${name}: ${changedInside} of ${masked} masked pixels changed`);
      // Anti-aliased edges, and the metal that a dent throws up around it.
      assert.ok(
        changedOutside <= masked * 0.7,
        `${name}: ${changedOutside} pixels changed outside a mask of ${masked}`,
      );
    }
  }
});

test("a missing hole is masked as a disc of hole and bevel", async () => {
  const { mask } = await renderPart({ seed: 11, defect: "missing-hole" });
  const pixels = mask?.filter((value) => value === 255).length ?? 0;
  // Radius 17 + 5 pixels: π · 22² = 1520.5 pixels, give or take the raster.
  assert.ok(Math.abs(pixels - 1_520.5) < 15, `${pixels} pixels`);
});

test("a picture too small to show a part is refused", async () => {
  for (const size of [0, 159, 1_281, 300.5, Number.NaN]) {
    await assert.rejects(renderPart({ seed: 1, defect: null, size }), { code: "part-size" });
  }
});
