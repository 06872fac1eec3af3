import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseBoundedJson } from "../../src/shared/bounded-json.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (text: string, depth = 3, size = 1_000): unknown =>
  parseBoundedJson(bytes(text), { bytes: size, depth }, "the document");

test("JSON within its limits is parsed", () => {
  assert.deepEqual(parse('{"a":[{"b":"ü"}]}'), { a: [{ b: "ü" }] });
});

test("a document larger than its limit is refused before it is parsed, broken or not", () => {
  assert.throws(() => parse("x".repeat(1_001)), {
    code: "json-too-large",
    message: /at most 1000 bytes but received 1001/,
  });
});

test("a document deeper than its limit is refused, and so is one whose brackets never close", () => {
  assert.throws(() => parse("[[[[1]]]]"), { code: "json-too-deep" });
  assert.throws(() => parseBoundedJson(bytes("[".repeat(1_000_000)), { bytes: 2_000_000, depth: 3 }, "it"), {
    code: "json-too-deep",
  });
  assert.deepEqual(parse("[[[1]],[[2]]]"), [[[1]], [[2]]]);
});

test("brackets inside strings are no depth, whatever is escaped there", () => {
  assert.deepEqual(parse(String.raw`["[[[[\"[[[[\\"]`), ['[[[["[[[[\\']);
});

test("text that is no JSON and bytes that are no UTF-8 are told apart", () => {
  assert.throws(() => parse("{"), { code: "json-syntax" });
  assert.throws(() => parseBoundedJson(Uint8Array.of(0x22, 0xff, 0x22), { bytes: 10, depth: 1 }, "it"), {
    code: "json-not-utf8",
  });
});

test("what it accepts is what JSON.parse would say, for any JSON value within the depth", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      const text = JSON.stringify(value);
      assert.deepEqual(parse(text, 6, 1_000_000), JSON.parse(text));
    }),
  );
});
