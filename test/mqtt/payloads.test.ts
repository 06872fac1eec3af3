import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { PlcResult } from "../../src/mqtt/payloads.ts";
import {
  formatHeartbeat,
  formatResult,
  parseHeartbeat,
  parseResult,
  plcResultOf,
  plcScore,
  RESULT_BYTES,
} from "../../src/mqtt/payloads.ts";
import { BugError, InputError } from "../../src/shared/errors.ts";
import { outcome } from "./fixtures.ts";

const example: PlcResult = {
  boot: "0badcafe",
  session: "PLC-1",
  seq: 42,
  part: "washer.7_A",
  verdict: "FAIL",
  code: "0000",
  score: 1_234,
  epochMs: 1_700_000_000_000,
  flags: 0x0c,
};

const text = (largest: number, least: number) =>
  fc
    .array(fc.constantFrom(..."0123456789ABCXYZabcxyz._-"), { minLength: least, maxLength: largest })
    .map((letters) => letters.join(""));

const results: fc.Arbitrary<PlcResult> = fc.record({
  boot: fc.integer({ min: 0, max: 0xffffffff }).map((value) => value.toString(16).padStart(8, "0")),
  session: text(8, 1),
  seq: fc.integer({ min: 0, max: 9_999_999_999 }),
  part: text(32, 0),
  verdict: fc.constantFrom("PASS" as const, "FAIL" as const, "NO_VERDICT" as const),
  code: fc.integer({ min: 0, max: 9_999 }).map((value) => String(value).padStart(4, "0")),
  score: fc.integer({ min: 0, max: 999_999 }),
  epochMs: fc.integer({ min: 0, max: 9_999_999_999_999 }),
  flags: fc.integer({ min: 0, max: 255 }),
});

test("plc/result has each byte where the contract puts it", () => {
  const line = formatResult(example);
  assert.equal(
    line,
    "V1;0badcafe;PLC-1   ;0000000042;washer.7_A                      ;2;0000;001234;1700000000000;0c ",
  );
  // The contract's widths are 2 8 8 10 32 1 4 6 13 2 = 86, with 9 semicolons and a space at the end: 96.
  assert.deepEqual(
    line
      .slice(0, -1)
      .split(";")
      .map((field) => field.length),
    [2, 8, 8, 10, 32, 1, 4, 6, 13, 2],
  );
  assert.equal(Buffer.byteLength(line), 96);
  assert.equal(line.at(-1), " ");
});

test("every result comes back from its 96 bytes", () => {
  fc.assert(
    fc.property(results, (result) => {
      const line = formatResult(result);
      assert.equal(line.length, RESULT_BYTES);
      assert.deepEqual(parseResult(Buffer.from(line)), { ...result });
    }),
  );
});

test("a result with any one byte missing, doubled or out of its place is refused", () => {
  const line = formatResult(example);
  for (let at = 0; at < line.length; at++) {
    assert.throws(() => parseResult(line.slice(0, at) + line.slice(at + 1)), InputError);
    assert.throws(() => parseResult(line.slice(0, at) + line.charAt(at) + line.slice(at)), InputError);
    assert.throws(() => parseResult(`${line.slice(0, at)}\0${line.slice(at + 1)}`), InputError);
  }
  assert.throws(() => parseResult(line.replace(";2;", ";0;")), InputError, "verdict 0 never occurs");
  const shifted = line.replace("PLC-1   ;0000000042;washer.7_A ", "PLC-1  ;0000000042;washer.7_A  ");
  assert.throws(() => parseResult(shifted), InputError, "the padding of session belongs to session");
});

test("a field that does not fit its place is our mistake and never leaves", () => {
  const wrong: readonly Partial<PlcResult>[] = [
    { boot: "0BADCAFE" },
    { session: "" },
    { session: "123456789" },
    { seq: 10_000_000_000 },
    { seq: 1.5 },
    { seq: NaN },
    { part: "a;b" },
    { part: "x".repeat(33) },
    { code: "401" },
    { score: 1_000_000 },
    { score: -1 },
    { epochMs: 1e13 },
    { flags: 256 },
  ];
  for (const change of wrong) {
    assert.throws(() => formatResult({ ...example, ...change }), BugError, JSON.stringify(change));
  }
});

test("a score reads as thousandths of the threshold, at most 1000 for a PASS and at least 1001 for a FAIL", () => {
  assert.equal(plcScore(0, 2), 0);
  assert.equal(plcScore(1, 2), 500);
  assert.equal(plcScore(2, 2), 1_000);
  // 1000.0001 would round to 1000, which a PLC that compares by itself would take for a PASS.
  assert.equal(plcScore(2.0000002, 2), 1_001);
  assert.equal(plcScore(3, 2), 1_500);
  assert.equal(plcScore(1e9, 2), 999_999);
  assert.equal(plcScore(1e308, 1e-308), 999_999);
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 1e6, noNaN: true }),
      fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
      (score, threshold) => {
        const read = plcScore(score, threshold);
        assert.equal(read > 1_000, score > threshold);
        assert.ok(Number.isInteger(read) && read >= 0 && read <= 999_999);
      },
    ),
  );
});

test("an outcome without a verdict carries its reason's code and score 000000", () => {
  const lost = plcResultOf(
    outcome(7, { verdict: "NO_VERDICT", reason: "camera-lost", score: null, threshold: null }),
    "0badcafe",
  );
  assert.equal(formatResult(lost), `V1;0badcafe;0badcafe;0000000007;${" ".repeat(32)};3;0101;000000;1700000000007;00 `);
});

test("a heartbeat is ten digits and the state, and its counter begins anew after the last", () => {
  assert.equal(formatHeartbeat(17, "5"), "0000000017;5");
  assert.equal(formatHeartbeat(10_000_000_000, "3"), "0000000000;3");
  assert.deepEqual(parseHeartbeat("0000000017;5"), { counter: 17, state: "5" });
  assert.throws(() => parseHeartbeat("17;5"), InputError);
});
