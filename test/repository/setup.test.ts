import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";

const ROOT = join(import.meta.dirname, "..", "..");
/** Any user without rights; the number that most systems give to `nobody`. */
const NOBODY = 65_534;

let folder = "";
let tools = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "nominald-setup-"));
  tools = join(folder, "tools");
  mkdirSync(tools);
  cpSync(join(ROOT, ".ci"), join(folder, ".ci"), { recursive: true });
  for (const readable of [folder, tools]) {
    chmodSync(readable, 0o755);
  }
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A program of the machine, played by a shell script that writes down how it was called. */
function plantTool(name: string, script: string): void {
  writeFileSync(join(tools, name), `#!/bin/sh\necho "${name} $*" >> "${join(folder, "calls")}"\n${script}\n`);
  chmodSync(join(tools, name), 0o755);
}

function calls(): string[] {
  const file = join(folder, "calls");
  return existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : [];
}

/** Runs the setup on a machine that has the planted tools alone. */
function setup(args: string[], identity: { uid?: number; gid?: number } = {}) {
  const env = { PATH: tools, HOME: folder };
  const options = { cwd: folder, env, encoding: "utf8" as const, ...identity };
  return spawnSync(process.execPath, [join(folder, ".ci", "setup.mjs"), ...args], options);
}

function writeLock(file: string, version: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  const packages = { "": {}, "node_modules/some-package": { version, integrity: "sha512-of-it" } };
  writeFileSync(join(folder, file), JSON.stringify({ lockfileVersion: 3, packages }));
}

test("without apt-get the setup lists what a person has to install, why, and exits with 5", () => {
  const { status, stdout, stderr } = setup(["--for", "demo"]);
  assert.equal(status, 5);
  assert.match(stdout, /libgstreamer1\.0-dev libgstreamer-plugins-base1\.0-dev\n.* for: GStreamer itself/);
  assert.match(stderr, /expected apt-get[^]*build-essential[^]*gstreamer1\.0-plugins-good/);
});

test("the demo asks for less than the tests: no broker and no fake camera", () => {
  assert.doesNotMatch(setup(["--for", "demo", "--dry-run"]).stdout, /mosquitto|aravis/);
  assert.match(setup(["--for", "test", "--dry-run"]).stdout, /mosquitto-clients[^]*aravis-tools/);
});

test("apt-get is called for what is missing, with fresh lists where it knows no such package, and not believed blindly", () => {
  symlinkSync("/usr/bin/env", join(tools, "env"));
  plantTool("apt-get", "exit 0");
  plantTool("sudo", 'if [ "$1" = -n ]; then shift; fi\n"$@"');
  plantTool("true", "exit 0");
  plantTool("apt-cache", "exit 100");
  const { status, stderr } = setup(["--for", "demo"]);
  const installs = calls().filter((call) => call.startsWith("apt-get"));
  assert.equal(installs.length, 2);
  assert.match(installs[0] ?? "", / update$/);
  assert.match(installs[1] ?? "", / install --no-install-recommends .*libgstreamer1\.0-dev/);
  // The planted apt-get installed nothing, whatever it said.
  assert.equal(status, 5);
  assert.match(stderr, /apt-get succeeded, but these still lack/);
});

test("a dry run calls no installer, and exits with 3", () => {
  plantTool("apt-get", "exit 0");
  plantTool("sudo", "exit 0");
  writeLock("package-lock.json", "1.0.0");
  assert.equal(setup(["--for", "demo", "--dry-run"]).status, 3);
  assert.deepEqual(calls(), []);
});

test("a user without rights and without sudo is told the command to run as root", (t) => {
  const identity = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  if (spawnSync(process.execPath, ["--version"], { cwd: folder, ...identity }).status !== 0) {
    t.skip("this Node lies where an ordinary user cannot start it");
    return;
  }
  plantTool("apt-get", "exit 0");
  const { status, stderr } = setup(["--for", "demo"], identity);
  assert.equal(status, 5);
  assert.match(
    stderr,
    /expected to be root or to find sudo[^]*apt-get install --no-install-recommends build-essential/,
  );
  assert.deepEqual(calls(), []);
});

test("sudo that would wait for a password is not waited for when no terminal is there", (t) => {
  const identity = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  if (spawnSync(process.execPath, ["--version"], { cwd: folder, ...identity }).status !== 0) {
    t.skip("this Node lies where an ordinary user cannot start it");
    return;
  }
  plantTool("apt-get", "exit 0");
  writeFileSync(join(tools, "sudo"), "#!/bin/sh\nexit 1\n");
  chmodSync(join(tools, "sudo"), 0o755);
  const { status, stderr } = setup(["--for", "demo"], identity);
  assert.equal(status, 5);
  assert.match(stderr, /expected sudo to work without a password/);
});

test("npm ci runs when an installed version differs from the lock file, or the installation was cut off", () => {
  writeLock("package-lock.json", "1.0.1");
  assert.match(setup(["--for", "run", "--dry-run"]).stdout, /npm ci/);
  writeLock("node_modules/.package-lock.json", "1.0.0");
  assert.match(setup(["--for", "run", "--dry-run"]).stdout, /npm ci/);
  writeLock("node_modules/.package-lock.json", "1.0.1");
  const inStep = setup(["--for", "run", "--dry-run"]).stdout;
  assert.doesNotMatch(inStep, /npm ci/);
  assert.match(inStep, /gstreamer-superficial does not load/);
  assert.match(inStep, /better-sqlite3 does not load/);
});

test("an unknown purpose or option is refused with exit 2", () => {
  const { status, stderr } = setup(["--for", "fun"]);
  assert.equal(status, 2);
  assert.match(stderr, /Expected one of run, demo, test for --for but received fun/);
  assert.equal(setup(["--fast"]).status, 2);
});
