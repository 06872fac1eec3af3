import assert from "node:assert/strict";
import { test } from "node:test";
import { PartStatistics, type PartFigures } from "../../src/daemon/part-statistics.ts";
import { Probation } from "../../src/daemon/probation.ts";
import { passed } from "./passed-part.ts";

const LIMITS = { probationParts: 100, probationS: 60, maxNoVerdictRise: 0.05, maxFailRise: 0.2, maxLatencyRatio: 2 };
/** 2 % without a verdict, 10 % FAIL, 20 ms. */
const BEFORE: PartFigures = { parts: 500, noVerdictShare: 0.02, failShare: 0.1, medianMs: 20 };

const failed = passed({ verdict: "FAIL", score: 3 });
const without = passed({ verdict: "NO_VERDICT", reason: "late", score: null });

function after(parts: readonly (typeof failed)[], before = BEFORE): ReturnType<Probation["verdict"]> {
  const probation = new Probation(before, LIMITS, 0);
  for (const part of parts) probation.add(part);
  return probation.verdict(1_000);
}

const times = <T>(count: number, part: T): T[] => new Array<T>(count).fill(part);

test("shares and the median time are those of the last parts; known bad parts do not count", () => {
  const parts = new PartStatistics();
  for (const part of [passed(), failed, without, passed({ decidedAtMs: 1_050 })]) parts.add(part);
  parts.add(passed({ challenge: true, verdict: "FAIL" }));
  // 20, 20 and 50 ms.
  assert.deepEqual(parts.figures(), { parts: 4, noVerdictShare: 0.25, failShare: 0.25, medianMs: 20 });
});

test("a bank that does as before is committed after its parts", () => {
  assert.deepEqual(after(times(99, passed())), { decision: "go-on" });
  assert.deepEqual(after(times(100, passed())), { decision: "commit" });
});

test("time ends a probation too, and with parts that fail it ends in a roll back", () => {
  const probation = new Probation(BEFORE, LIMITS, 0);
  probation.add(passed());
  assert.equal(probation.verdict(59_999).decision, "go-on");
  assert.equal(probation.verdict(60_000).decision, "commit");
  const bad = new Probation(BEFORE, LIMITS, 0);
  bad.add(without);
  assert.equal(bad.verdict(59_999).decision, "go-on");
  assert.equal(bad.verdict(60_000).decision, "roll-back");
});

test("more NO_VERDICT than before and the rise that is allowed is a roll back, with both shares", () => {
  // 7 % are allowed of 20 parts: one is 5 %, two are 10 %.
  assert.equal(after([...times(19, passed()), without]).decision, "go-on");
  assert.deepEqual(after([...times(18, passed()), without, without]), {
    decision: "roll-back",
    code: "probation-no-verdict",
    message: "Expected at most 7.0 % NO_VERDICT but 10.0 % of 20 parts are",
  });
});

test("more FAIL than before and the rise that is allowed is a roll back", () => {
  // 30 % are allowed: 6 of 20.
  assert.equal(after([...times(14, passed()), ...times(6, failed)]).decision, "go-on");
  const verdict = after([...times(13, passed()), ...times(7, failed)]);
  assert.equal(verdict.decision === "roll-back" && verdict.code, "probation-fail");
});

test("more than twice the time is a roll back; where nothing is known of before, time does not count", () => {
  const slow = passed({ decidedAtMs: 1_041 });
  const verdict = after(times(20, slow));
  assert.equal(verdict.decision === "roll-back" && verdict.code, "probation-latency");
  assert.equal(after(times(20, passed({ decidedAtMs: 1_040 }))).decision, "go-on");
  assert.equal(after(times(20, slow), { ...BEFORE, parts: 3 }).decision, "go-on");
});
