import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { StateFolder } from "../../src/daemon/state-folder.ts";
import { DeviceError } from "../../src/shared/errors.ts";

function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "nominald-state-"));
}

test("a state folder is made, taken, and released", async () => {
  const root = temporaryFolder();
  const folder = new StateFolder(join(root, "deep", "state"));
  await folder.take();
  assert.deepEqual(readdirSync(folder.path), ["daemon.lock"]);
  folder.release();
  folder.release();
  assert.deepEqual(readdirSync(folder.path), []);
  rmSync(root, { recursive: true });
});

test("a folder that another living process holds is refused, naming its pid", async () => {
  const root = temporaryFolder();
  const other = spawn("sleep", ["60"]);
  try {
    const stat = readFileSync(`/proc/${other.pid}/stat`, "utf8");
    const start = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    writeFileSync(join(root, "daemon.lock"), `${other.pid} ${start}\n`);
    await assert.rejects(
      new StateFolder(root).take(),
      (error) =>
        error instanceof DeviceError &&
        error.code === "state-folder-in-use" &&
        error.message.includes(String(other.pid)),
    );
  } finally {
    other.kill("SIGKILL");
  }
  rmSync(root, { recursive: true });
});

test("the lock of a dead daemon whose pid was given to another process does not hold", async () => {
  const root = temporaryFolder();
  // Pid 1 lives, but it did not start at jiffy 1 of this boot's count that the lock names.
  writeFileSync(join(root, "daemon.lock"), "1 99999999999\n");
  await new StateFolder(root).take();
  rmSync(root, { recursive: true });
});

test("a state folder below a file is refused with its path", async () => {
  const root = temporaryFolder();
  writeFileSync(join(root, "file"), "");
  await assert.rejects(
    new StateFolder(join(root, "file", "state")).take(),
    (error) =>
      error instanceof DeviceError && error.code === "state-folder-unwritable" && error.message.includes("file/state"),
  );
  rmSync(root, { recursive: true });
});

test("a lock that cannot be removed any more is told and does not end the daemon", async () => {
  const root = temporaryFolder();
  const folder = new StateFolder(root);
  await folder.take();
  // In place of a disk that has become read-only: unlink refuses a folder, even to root.
  rmSync(join(root, "daemon.lock"));
  mkdirSync(join(root, "daemon.lock"));
  assert.match(folder.release()?.message ?? "", /daemon\.lock/);
  rmSync(root, { recursive: true });
  assert.equal(folder.release(), null);
});
