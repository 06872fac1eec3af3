import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseWaveSize, planWaves, type WaveSize } from "../../src/cli/push/fleet/plan.ts";

const names = (count: number): string[] => Array.from({ length: count }, (_, at) => `s${at + 1}`);

test("a share is one of the whole fleet, rounded up, and all is what is left", () => {
  // 10 % of 12 stations are 1.2, so 2.
  const waves = planWaves(names(12), [{ count: 1 }, { percent: 10 }, "all"]);
  assert.deepEqual(
    waves.map((wave) => wave.length),
    [1, 2, 9],
  );
  assert.deepEqual(waves.flat(), names(12));
});

test("without all the rest is left alone, and a wave that finds nobody falls away", () => {
  assert.deepEqual(planWaves(names(5), [{ count: 2 }]), [["s1", "s2"]]);
  assert.deepEqual(planWaves(names(2), [{ count: 1 }, { count: 5 }, "all"]), [["s1"], ["s2"]]);
});

test("whatever the waves, each station is in at most one of them, in order", () => {
  const size = fc.oneof(
    fc.integer({ min: 1, max: 60 }).map((count): WaveSize => ({ count })),
    fc.integer({ min: 1, max: 100 }).map((percent): WaveSize => ({ percent })),
    fc.constant<WaveSize>("all"),
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 80 }), fc.array(size, { minLength: 1, maxLength: 6 }), (count, sizes) => {
      const waves = planWaves(names(count), sizes);
      assert.ok(waves.every((wave) => wave.length > 0));
      assert.deepEqual(waves.flat(), names(count).slice(0, waves.flat().length));
      if (sizes.includes("all")) assert.equal(waves.flat().length, count);
    }),
  );
});

test("sizes are whole numbers from 1, percent up to 100, or all", () => {
  assert.deepEqual(["1", "10%", "100%", "all"].map(parseWaveSize), [
    { count: 1 },
    { percent: 10 },
    { percent: 100 },
    "all",
  ]);
  assert.deepEqual(["0", "0%", "101%", "-1", "1.5", "", "All", "%"].map(parseWaveSize), new Array(8).fill(null));
});
