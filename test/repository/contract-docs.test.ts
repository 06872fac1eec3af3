import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { formatResult } from "../../src/mqtt/payloads.ts";
import { RESULT_FIELDS } from "../../src/mqtt/contract.ts";
import { CONTRACT_TABLES, withTables } from "../support/contract-tables.ts";

const DOCUMENT = new URL("../../docs/mqtt.md", import.meta.url);

/* After a change of the code: NOMINALD_WRITE_DOCS=1 node .ci/test.mjs test/repository/contract-docs.test.ts */
test("the tables of docs/mqtt.md are what the code goes by", () => {
  const { text, names } = withTables(readFileSync(DOCUMENT, "utf8"));
  if (process.env["NOMINALD_WRITE_DOCS"] === "1") writeFileSync(DOCUMENT, text);
  assert.deepEqual([...names].sort(), Object.keys(CONTRACT_TABLES).sort());
  assert.equal(readFileSync(DOCUMENT, "utf8"), text);
});

test("each field of a result stands where the table says", () => {
  const line = formatResult({
    boot: "0badcafe",
    session: "PLC-7",
    seq: 42,
    part: "washer.7",
    verdict: "FAIL",
    code: "0000",
    score: 1234,
    epochMs: 1_700_000_000_123,
    flags: 0x21,
  });
  const values = RESULT_FIELDS.map(({ name, first, bytes }) => [name, line.slice(first, first + bytes)]);
  assert.deepEqual(Object.fromEntries(values), {
    version: "V1",
    boot: "0badcafe",
    session: "PLC-7   ",
    seq: "0000000042",
    part: "washer.7".padEnd(32),
    verdict: "2",
    code: "0000",
    score: "001234",
    epochms: "1700000000123",
    flags: "21",
  });
  // Nothing but semicolons between the fields, and the space at the end.
  const rest = RESULT_FIELDS.reduceRight(
    (text, { first, bytes }) => text.slice(0, first) + text.slice(first + bytes),
    line,
  );
  assert.equal(rest, ";".repeat(9) + " ");
});
