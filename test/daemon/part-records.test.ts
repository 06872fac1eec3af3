import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { PartRecords, type FinishedPart } from "../../src/daemon/part-records.ts";
import type { Pictures, Scored } from "../../src/inference/protocol.ts";
import { DeviceError } from "../../src/shared/errors.ts";
import { outcome } from "../mqtt/fixtures.ts";

const SCORED: Scored = {
  score: 0.5,
  threshold: 1,
  bankId: "washer-1a2b3c4d",
  startedAtMs: 1,
  finishedAtMs: 2,
  stages: { read: 0, resize: 0, backbone: 0, search: 0, score: 0 },
};
const PICTURES: Pictures = { mapMs: 1, encodeMs: 2 };
const NO_VERDICT = { verdict: "NO_VERDICT", reason: "late", score: null, threshold: null } as const;

function records() {
  const finished: FinishedPart[] = [];
  const all = new PartRecords((part) => {
    finished.push(part);
    return Promise.resolve();
  });
  return { all, finished };
}

/** A frame at the inference process, whose answers the test gives. */
function openScoring() {
  let score: (scored: Scored) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  let draw: (pictures: Pictures | null) => void = () => undefined;
  const scored = new Promise<Scored>((resolve, reject) => {
    score = resolve;
    fail = reject;
  });
  const pictures = new Promise<Pictures | null>((resolve) => {
    draw = resolve;
  });
  return { scoring: { scored, pictures }, score, fail, draw };
}

test("a part without a frame, or whose frame was never handed over, is finished without waiting", async () => {
  const { all, finished } = records();
  const lost = outcome(1, { ...NO_VERDICT, frameId: null });
  const waited = outcome(2, NO_VERDICT);
  all.decided(lost);
  all.decided(waited);
  await all.settled();
  assert.deepEqual(finished, [
    { outcome: lost, late: false },
    { outcome: waited, late: false },
  ]);
});

test("a scored part is finished when its pictures are there", async () => {
  const { all, finished } = records();
  const { scoring, score, draw } = openScoring();
  all.scoringBegun(1, scoring);
  score(SCORED);
  all.decided(outcome(1));
  await nextTurn();
  assert.deepEqual(finished, []);
  draw(PICTURES);
  await all.settled();
  assert.deepEqual(finished, [{ outcome: outcome(1), scored: SCORED, pictures: PICTURES, late: false }]);
});

test("pictures that were dropped are left out", async () => {
  const { all, finished } = records();
  const { scoring, score, draw } = openScoring();
  all.scoringBegun(1, scoring);
  score(SCORED);
  draw(null);
  all.decided(outcome(1));
  await all.settled();
  assert.deepEqual(finished, [{ outcome: outcome(1), scored: SCORED, late: false }]);
});

test("a part that was decided without its score waits for it, and the score counts as late", async () => {
  const { all, finished } = records();
  const { scoring, score, draw } = openScoring();
  all.scoringBegun(1, scoring);
  const late = outcome(1, NO_VERDICT);
  all.decided(late);
  await nextTurn();
  assert.deepEqual(finished, []);
  score(SCORED);
  draw(PICTURES);
  await all.settled();
  assert.deepEqual(finished, [{ outcome: late, scored: SCORED, pictures: PICTURES, late: true }]);
});

test("a score that failed is no part of the record, and its pictures are not waited for", async () => {
  const { all, finished } = records();
  const { scoring, fail } = openScoring();
  all.scoringBegun(1, scoring);
  const failed = outcome(1, { ...NO_VERDICT, reason: "inference-lost" });
  all.decided(failed);
  fail(new DeviceError("inference-lost", "gone"));
  await all.settled();
  assert.deepEqual(finished, [{ outcome: failed, late: false }]);
});

test("settled waits for every decided part, also for those that wait for each other's frames", async () => {
  const { all, finished } = records();
  const [first, second] = [openScoring(), openScoring()];
  all.scoringBegun(1, first.scoring);
  all.scoringBegun(2, second.scoring);
  all.decided(outcome(1));
  all.decided(outcome(2));
  let settled = false;
  const done = all.settled().then(() => (settled = true));
  second.score(SCORED);
  second.draw(null);
  await nextTurn();
  assert.deepEqual(
    finished.map((part) => part.outcome.seq),
    [2],
  );
  assert.equal(settled, false);
  first.score(SCORED);
  first.draw(null);
  await done;
  assert.equal(finished.length, 2);
});
