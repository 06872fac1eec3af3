import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { placeStation, type Placed } from "../../src/daemon/place-station.ts";

/** Places stations one after the other. @returns for each process the backbones of its stations */
function placed(count: number, backbones: readonly (string | null)[]): (string | null)[][] {
  const processes = Array.from({ length: count }, (): Placed[] => []);
  for (const backbone of backbones)
    processes[placeStation(processes, { backbone }, backbones.length)]?.push({ backbone });
  return processes.map((members) => members.map(({ backbone }) => backbone));
}

test("stations of one backbone stay together where that balances", () => {
  assert.deepEqual(placed(2, ["a", "b", "a", "b"]), [
    ["a", "a"],
    ["b", "b"],
  ]);
  assert.deepEqual(placed(2, ["a", "a", "b", "b"]), [
    ["a", "a"],
    ["b", "b"],
  ]);
  assert.deepEqual(placed(2, ["a", "a", "a", "a"]), [
    ["a", "a"],
    ["a", "a"],
  ]);
  assert.deepEqual(placed(2, [null, null]), [[null], [null]]);
});

test("no process has more stations than its share, and none is empty while stations share nothing", () => {
  const backbone = fc.option(fc.constantFrom("a", "b", "c"), { nil: null });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6 }), fc.array(backbone, { maxLength: 24 }), (count, backbones) => {
      const sizes = placed(count, backbones).map(({ length }) => length);
      assert.equal(
        sizes.reduce((sum, size) => sum + size, 0),
        backbones.length,
      );
      assert.ok(Math.max(...sizes) <= Math.ceil(backbones.length / count), sizes.join());
      const unlike = placed(
        count,
        backbones.map(() => null),
      ).map(({ length }) => length);
      assert.ok(Math.max(...unlike) - Math.min(...unlike) <= 1, unlike.join());
    }),
  );
});
