import assert from "node:assert/strict";
import { test } from "node:test";
import { inspectionRecord, serializeRecord } from "../../src/mqtt/record.ts";
import { reportedFaults } from "../../src/mqtt/state-document.ts";
import { InputError } from "../../src/shared/errors.ts";
import { BOOT, IDENTITY, outcome, record } from "./fixtures.ts";

const sha256 = "ab".repeat(32);

test("a record carries the part's times on the wall clock, by way of the decision", () => {
  const whole = inspectionRecord({
    identity: IDENTITY,
    boot: BOOT,
    // Captured 50 ms before it was decided at 1,700,000,000,007.
    outcome: outcome(7, { capturedAtMs: 1_000, decidedAtMs: 1_050, score: 3, threshold: 2, verdict: "FAIL" }),
    scored: { startedAtMs: 1_010.4, finishedAtMs: 1_049, stages: { backbone: 21.0499, search: 7 } },
    images: { mask: { sha256, contentType: "image/png", bytes: 1_234 } },
    publishedAtWallMs: 1_700_000_000_008,
    clockSync: "synchronised",
  });
  assert.deepEqual(whole.times, {
    trigger: null,
    capture: 1_699_999_999_957,
    scoreStart: 1_699_999_999_967,
    scoreEnd: 1_700_000_000_006,
    decision: 1_700_000_000_007,
    publish: 1_700_000_000_008,
  });
  assert.deepEqual(whole.stages, { backbone: 21, search: 7 });
  assert.deepEqual(whole.images, { mask: { sha256, contentType: "image/png", bytes: 1_234 }, overlay: null });
  assert.deepEqual([whole.version, whole.code, whole.plcScore, whole.session], [1, "0000", 1_500, BOOT]);
  assert.deepEqual(JSON.parse(serializeRecord(whole).toString()), whole);
});

test("a record is at most 4 KiB: the stages go first, and what is too large even so is refused", () => {
  const stages = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`stage-number-${index}`, index]));
  const long = { ...record(1), stages };
  assert.ok(JSON.stringify(long).length > 4_096);
  const sent = serializeRecord(long);
  assert.ok(sent.length <= 4_096);
  assert.deepEqual(JSON.parse(sent.toString()), record(1));
  assert.throws(() => serializeRecord({ ...record(1), bank: "b".repeat(5_000) }), InputError);
});

test("a fault is reported with what to do about it", () => {
  const [fault] = reportedFaults([{ reason: "camera-lost", since: { monotonicMs: 1, wallMs: 1_700_000_000_000 } }]);
  assert.equal(fault?.code, "0101");
  assert.equal(fault.since, "2023-11-14T22:13:20.000Z");
  assert.match(fault.remedy, /cable/);
  assert.deepEqual([fault.stops, fault.see], [true, "camera"]);
});
