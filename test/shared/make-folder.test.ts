import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { makeFolder } from "../../src/shared/make-folder.ts";

const root = mkdtempSync(join(tmpdir(), "nominald-folder-"));
after(() => rmSync(root, { recursive: true }));

test("a folder is made with its parents, and again without complaint", () => {
  const path = join(root, "a", "b", "c");
  makeFolder(path, 0o700);
  makeFolder(path, 0o700);
  assert.ok(statSync(path).isDirectory());
  assert.equal(statSync(join(root, "a")).mode & 0o777, 0o700);
});

test("a file in the folder's or a parent's place is an error, and so is a place that takes no folder", () => {
  const file = join(root, "file");
  writeFileSync(file, "");
  assert.throws(() => makeFolder(file), { code: "EEXIST" });
  assert.throws(() => makeFolder(join(file, "below")), /ENOTDIR|EEXIST/);
  // Node's own recursive mkdir never returns from this one.
  assert.throws(() => makeFolder("/proc/none/below"), { code: "ENOENT" });
});
