import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";

const SCRIPT = join(import.meta.dirname, "..", "..", ".ci", "test.mjs");
let folder = "";

before(() => {
  folder = mkdtempSync(join(tmpdir(), "nominald-test-script-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

function runOn(body: string) {
  const file = join(folder, "sample.test.ts");
  writeFileSync(file, `import { test } from "node:test";\n${body}\n`);
  return spawnSync(process.execPath, [SCRIPT, file], { encoding: "utf8" });
}

test("a passing test exits with 0 and leaves the runner's summary last", () => {
  const { status, stdout } = runOn('test("one", (t: { name: string }) => void t.name);');
  assert.equal(status, 0);
  assert.match(stdout, /pass 1\n[^]*fail 0\n[^]*duration_ms [\d.]+\n*$/);
});

test("a failing test exits with 1", () => {
  assert.equal(runOn('test("one", () => { throw new Error("planted"); });').status, 1);
});

test("a run in which every test was skipped is no success", () => {
  const { status, stderr } = runOn('test("one", { skip: true }, () => undefined);');
  assert.equal(status, 1);
  assert.match(stderr, /none passed/);
});

test("a name that is neither a set, a room nor a file is refused", () => {
  const { status, stderr } = spawnSync(process.execPath, [SCRIPT, "attic"], { encoding: "utf8" });
  assert.equal(status, 1);
  assert.match(stderr, /Expected unit, real, all, a file or one of .*repository.* but received attic/);
});
