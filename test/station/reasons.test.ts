import assert from "node:assert/strict";
import { test } from "node:test";
import { codeOf, REASON_NAMES, REASONS, reasonOfCode } from "../../src/station/reasons.ts";

test("each reason has four digits of its own, none of them 0000", () => {
  const codes = REASON_NAMES.map((name) => REASONS[name].code);
  assert.equal(new Set(codes).size, codes.length);
  for (const code of codes) assert.match(code, /^0[1-7][0-9]{2}$/);
});

test("a code leads back to its reason; 0000 to none; an unknown one to nothing", () => {
  for (const name of REASON_NAMES) assert.equal(reasonOfCode(codeOf(name)), name);
  assert.equal(codeOf(null), "0000");
  assert.equal(reasonOfCode("0000"), null);
  assert.equal(reasonOfCode("9999"), undefined);
});

test("codes that PLC programs know keep their meaning", () => {
  // Changing one of these is a new version of the contract.
  const known = { "camera-lost": "0101", late: "0201", overrun: "0202", "no-bank": "0301", "inference-lost": "0402" };
  for (const [name, code] of Object.entries(known)) assert.equal(REASONS[name as keyof typeof known].code, code);
});
