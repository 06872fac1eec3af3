import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { replaceFile } from "../../src/shared/replace-file.ts";

test("a file is replaced whole, for its owner only, and no temporary file is left", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "nominald-replace-"));
  t.after(() => rmSync(folder, { recursive: true }));
  replaceFile(folder, "a", "a much longer old content");
  replaceFile(folder, "a", Uint8Array.of(1, 2));
  assert.deepEqual([...readFileSync(join(folder, "a"))], [1, 2]);
  assert.equal(statSync(join(folder, "a")).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder), ["a"]);
});

test("what cannot be replaced is left as it was, without a temporary file", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "nominald-replace-"));
  t.after(() => rmSync(folder, { recursive: true }));
  // A folder cannot be replaced by a file, whoever asks.
  mkdirSync(join(folder, "a", "b"), { recursive: true });
  chmodSync(folder, 0o700);
  assert.throws(() => replaceFile(folder, "a", "new"), { code: /EISDIR|ENOTEMPTY|EEXIST/ });
  assert.deepEqual(readdirSync(folder), ["a"]);
});
