import assert from "node:assert/strict";
import { test } from "node:test";
import type { StateDocument } from "../../src/mqtt/state-document.ts";
import { FAULT_NAMES, FAULTS } from "../../src/station/faults.ts";
import { REASONS } from "../../src/station/reasons.ts";

/** The compiler holds that these are keys of `state`. */
const KEYS: Readonly<Partial<Record<keyof StateDocument, true>>> = {
  admission: true,
  bank: true,
  camera: true,
  counters: true,
  executionProvider: true,
  host: true,
  storage: true,
};

test("every fault has words, a remedy and a key of `state` that says more", () => {
  for (const name of FAULT_NAMES) {
    const { text, remedy } = REASONS[name];
    assert.ok(text.length > 0 && remedy.length > 0, name);
    assert.ok(Object.hasOwn(KEYS, FAULTS[name].see), `${name}: ${FAULTS[name].see} is no key of state`);
  }
});

test("a reason of the 07 codes is a fault that stops nothing", () => {
  for (const name of FAULT_NAMES) assert.equal(FAULTS[name].stops, !REASONS[name].code.startsWith("07"), name);
  const faults: readonly string[] = FAULT_NAMES;
  for (const [name, { code }] of Object.entries(REASONS)) {
    if (code.startsWith("07")) assert.ok(faults.includes(name), name);
  }
});
