import assert from "node:assert/strict";
import { test } from "node:test";
import { gapsOf } from "../bench/soak/gaps.ts";

/** A result every 100 ms, heard at once, but for those that are missing. */
const heardBut = (...missing: readonly number[]): ReadonlyMap<number, number> => {
  const seqs = Array.from({ length: 20 }, (_, i) => i + 1).filter((seq) => !missing.includes(seq));
  return new Map(seqs.map((seq) => [seq, 100 * seq]));
};

test("a gap while the broker was away is explained, and one beside it is not", () => {
  // 7 and 8 would have come at 700 and 800 ms.
  assert.deepEqual(gapsOf(heardBut(7, 8), [[650, 850]]), { missing: 2, unexplained: 0 });
  assert.deepEqual(gapsOf(heardBut(7, 8), [[1_200, 1_500]]), { missing: 2, unexplained: 1 });
  assert.deepEqual(gapsOf(heardBut(3, 7, 8), [[650, 850]]), { missing: 3, unexplained: 1 });
});

test("nothing is missing of results that came in another order", () => {
  const reversed = new Map([...heardBut()].reverse());
  assert.deepEqual(gapsOf(reversed, []), { missing: 0, unexplained: 0 });
  assert.deepEqual(gapsOf(new Map(), []), { missing: 0, unexplained: 0 });
});
