import assert from "node:assert/strict";
import { test } from "node:test";
import type { Bank } from "../../src/bank/bundle-read.ts";
import { presetParameters } from "../../src/bank/parameters.ts";
import { FrameScorer } from "../../src/inference/frame-scorer.ts";
import { ScorerPools } from "../../src/inference/scorer-pools.ts";
import { SharedPool } from "../../src/inference/shared-pool.ts";
import { bankOf, goldenBackbone, picture, settings } from "./golden-bank.ts";

/** Digests as a bank that was read from a file has them. */
function withRows(bank: Bank, sha256: string): Bank {
  return { ...bank, manifest: { ...bank.manifest, files: { "rows.f32": { bytes: bank.rows.byteLength, sha256 } } } };
}

test("stations share a backbone's session and a bank's index, and score as stations that share nothing", async () => {
  const backbone = await goldenBackbone();
  const parameters = presetParameters("edge", { size: 64 });
  const one = withRows(await bankOf(backbone, parameters), "1");
  const wide = withRows(await bankOf(backbone, presetParameters("edge", { size: 96 })), "2");
  const pools = new ScorerPools();
  const make = (bank: Bank, overrides = {}) => FrameScorer.create(bank, backbone, settings, overrides, pools);
  const first = await make(one);
  const region = { x: 8, y: 8, width: 48, height: 48 };
  // The same bank as another copy in memory, with a region and a threshold of its own; then another bank.
  const second = await make({ ...one, rows: one.rows.slice() }, { region, threshold: 7 });
  const third = await make(wide);
  assert.deepEqual([pools.sessions, pools.indexes], [1, 2]);
  assert.equal(second.bank.rows, first.bank.rows);
  for (const [scorer, bank, overrides] of [
    [first, one, {}],
    [second, one, { region, threshold: 7 }],
    [third, wide, {}],
  ] as const) {
    const alone = await FrameScorer.create(bank, backbone, settings, overrides);
    const expected = await alone.score(picture(3));
    const found = await scorer.score(picture(3));
    assert.deepEqual([found.score, found.threshold], [expected.score, expected.threshold]);
    assert.deepEqual(found.patchScores, expected.patchScores);
    await alone.close();
  }
  await first.close();
  assert.deepEqual([pools.sessions, pools.indexes], [1, 2]);
  assert.ok((await second.score(picture(0))).score >= 0);
  await second.close();
  assert.deepEqual([pools.sessions, pools.indexes], [1, 1]);
  await third.close();
  assert.deepEqual([pools.sessions, pools.indexes], [0, 0]);
});

test("another recipe of the embedding, or another search, is not shared", async () => {
  const backbone = await goldenBackbone();
  const edge = withRows(await bankOf(backbone, presetParameters("edge", { size: 64 })), "1");
  const shallow = presetParameters("edge", { size: 64, layers: ["layer2"] });
  const pools = new ScorerPools();
  const scorers = [
    await FrameScorer.create(edge, backbone, settings, {}, pools),
    await FrameScorer.create(edge, backbone, settings, { index: "float32" }, pools),
    await FrameScorer.create(withRows(await bankOf(backbone, shallow), "1"), backbone, settings, {}, pools),
  ];
  assert.deepEqual([pools.sessions, pools.indexes], [2, 3]);
  for (const scorer of scorers) await scorer.close();
});

test("what could not be made is tried again by the next one, and is closed once by the last", async () => {
  const pool = new SharedPool<{ close(): Promise<void> }>();
  let closed = 0;
  const fails = (): Promise<never> => Promise.reject(new Error("no"));
  await assert.rejects(pool.lease("k", fails), /no/);
  assert.equal(pool.size, 0);
  const make = async (): Promise<{ close(): Promise<void> }> => ({
    close: async () => {
      closed++;
    },
  });
  const [a, b] = await Promise.all([pool.lease("k", make), pool.lease("k", fails)]);
  assert.equal(a.value, b.value);
  await a.release();
  await a.release();
  assert.equal(closed, 0);
  await b.release();
  assert.deepEqual([closed, pool.size], [1, 0]);
});
