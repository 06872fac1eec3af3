import assert from "node:assert/strict";
import { test } from "node:test";
import type { Instant } from "../../src/station/instant.ts";
import { judge, noVerdict } from "../../src/station/judge.ts";
import type { Finish } from "../../src/station/ledger.ts";
import { Ledger } from "../../src/station/ledger.ts";

const at = (monotonicMs: number): Instant => ({ monotonicMs, wallMs: 1_700_000_000_000 + monotonicMs });
/** Changes nothing but adds `flags`. */
const withFlags =
  (flags: number): Finish =>
  (_entry, judgement) => ({ judgement, flags });
const frame = (frameId: number) => ({ frameId, captureSeq: frameId, capturedAtMs: 0 });

test("the first decision of a part stands, so that a score after the outcome cannot turn it into a PASS", () => {
  const ledger = new Ledger({ deadlineMs: 100 });
  const entry = ledger.accept(frame(1), at(0));
  ledger.decide(entry, noVerdict("camera-lost"), null, at(1));
  ledger.decide(entry, judge(0.5, 1), "bank-a", at(2));
  assert.deepEqual(
    ledger.takeDecided(withFlags(0)).map((outcome) => [outcome.verdict, outcome.reason, outcome.decidedAtMs]),
    [["NO_VERDICT", "camera-lost", 1]],
  );
});

test("a part that is decided first waits for the part before it, and both leave together", () => {
  const ledger = new Ledger({ deadlineMs: 100 });
  const first = ledger.accept(frame(1), at(0));
  const second = ledger.accept(frame(2), at(0));
  ledger.decide(second, judge(3, 1), "bank-a", at(5));
  assert.deepEqual(ledger.takeDecided(withFlags(0)), []);
  ledger.decide(first, judge(0.5, 1), "bank-a", at(6));
  assert.deepEqual(
    ledger
      .takeDecided(withFlags(0x08))
      .map(({ seq, verdict, decidedAtWallMs, flags }) => [seq, verdict, decidedAtWallMs, flags]),
    [
      [1, "PASS", 1_700_000_000_006, 0x08],
      [2, "FAIL", 1_700_000_000_005, 0x08],
    ],
  );
  assert.equal(ledger.size, 0);
});

test("the next deadline is the earliest of the parts whose outcome time can still change", () => {
  const ledger = new Ledger({ deadlineMs: 100 });
  assert.equal(ledger.nextDeadlineMs(), null);
  ledger.accept({ frameId: 1, captureSeq: 1, capturedAtMs: 40 }, at(50));
  const older = ledger.accept({ frameId: 2, captureSeq: 2, capturedAtMs: 30 }, at(50));
  assert.equal(ledger.nextDeadlineMs(), 130);
  // A NO_VERDICT that waits for its turn cannot become late.
  ledger.decide(older, noVerdict("overrun"), null, at(50));
  assert.equal(ledger.nextDeadlineMs(), 140);
});
