import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { steadyMemory } from "../../src/shared/steady-memory.ts";

const FOLDER = join(import.meta.dirname, "..", "..", "systemd");
const INSTALLED_NODE = "/usr/lib/nominald/bin/node";

const DROP_INS = join(FOLDER, "drop-ins");
const skip = spawnSync("systemd-analyze", ["--version"]).status !== 0 && "no systemd-analyze";

/** A unit with the drop-ins in a folder where systemd-analyze finds them. */
function verify(dropIns: readonly string[]): void {
  const folder = mkdtempSync(join(tmpdir(), "nominald-unit-"));
  try {
    const unit = readFileSync(join(FOLDER, "nominald.service"), "utf8");
    assert.ok(unit.includes(`ExecStart=${INSTALLED_NODE} `));
    // verify wants the program to exist, and nominald is not installed where tests run.
    const file = join(folder, "nominald.service");
    writeFileSync(file, unit.replace(INSTALLED_NODE, process.execPath));
    mkdirSync(join(folder, "nominald.service.d"));
    for (const name of dropIns) copyFileSync(join(DROP_INS, name), join(folder, "nominald.service.d", name));
    const { status, stdout, stderr } = spawnSync("systemd-analyze", ["verify", "--man=no", file], { encoding: "utf8" });
    // An unknown key or section is a warning with exit 0, so silence is asked for too; other units may speak.
    const said = `${stdout}${stderr}`.split("\n").filter((line) => line.includes("nominald.service"));
    assert.deepEqual(said, [], dropIns.join());
    assert.equal(status, 0, stderr);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("the daemon's allocator is set as its children's is, and its room for new objects is small", () => {
  const unit = readFileSync(join(FOLDER, "nominald.service"), "utf8");
  const said = [...unit.matchAll(/^Environment=(.*)$/gm)].flatMap(([, line = ""]) => line.split(" "));
  for (const [name, value] of Object.entries(steadyMemory({}))) assert.ok(said.includes(`${name}=${value}`), name);
  assert.ok(unit.includes(`ExecStart=${INSTALLED_NODE} --max-semi-space-size=2 `));
});

test("systemd-analyze verify finds no fault in the unit, alone and with each drop-in", { skip }, () => {
  verify([]);
  for (const name of readdirSync(DROP_INS)) verify([name]);
});

test("systemd-analyze security rates the unit's exposure at 2.0 of 10 at most", { skip }, () => {
  const file = join(FOLDER, "nominald.service");
  const args = ["security", "--offline=true", "--no-pager", file];
  const { stdout } = spawnSync("systemd-analyze", args, { encoding: "utf8" });
  const exposure = /Overall exposure level for nominald\.service: ([\d.]+)/.exec(stdout)?.[1];
  assert.ok(Number(exposure) <= 2, `exposure ${exposure ?? "unknown"}\n${stdout}`);
});

test("the unit restarts for ever, and does not forbid what Node needs", () => {
  const lines = readFileSync(join(FOLDER, "nominald.service"), "utf8").split("\n");
  for (const wanted of ["Restart=always", "StartLimitIntervalSec=0", "KillMode=mixed", "TimeoutStopSec=10"]) {
    assert.ok(lines.includes(wanted), `expected the line ${wanted}`);
  }
  assert.ok(!lines.some((line) => line.startsWith("MemoryDenyWriteExecute")));
});
