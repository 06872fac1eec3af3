import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { Finding } from "../../src/doctor/finding.ts";
import { Findings } from "../../src/doctor/finding.ts";
import { checkAddons, checkClock, checkNode } from "../../src/doctor/host-checks.ts";
import { checkGigE } from "../../src/doctor/network-checks.ts";
import { silentLogger } from "../../src/shared/logger.ts";
import { temporaryFolder } from "../capture/pictures.ts";
import { smallTmpfs } from "../support/small-tmpfs.ts";
import { configFor, examine, examineConfig, expectLine } from "./examine.ts";

function collect(): { readonly lines: Finding[]; readonly findings: Findings } {
  const lines: Finding[] = [];
  return { lines, findings: new Findings("device", (finding) => lines.push(finding)) };
}

test("Node is old enough from 20.19 on", () => {
  for (const [version, level] of [
    ["18.20.8", "fail"],
    ["20.18.9", "fail"],
    ["20.19.0", "ok"],
    ["22.0.0", "ok"],
  ] as const) {
    const { lines, findings } = collect();
    checkNode(findings, version);
    expectLine(lines, "node", level, new RegExp(version.replaceAll(".", "\\.")));
  }
});

test("every addon is loaded and named with its version; one that does not load is a fail", async () => {
  const { lines, findings } = collect();
  await checkAddons(findings);
  for (const name of ["better-sqlite3", "usearch", "sharp", "unix-dgram"]) {
    const own = lines.filter(({ found }) => found.startsWith(`${name} `));
    assert.equal(own.length, 1, name);
    assert.equal(own[0]?.level, "ok");
    assert.match(own[0].found, / \d+\.\d+\.\d+ loads$/);
  }
  const broken = collect();
  // What Node says when an addon was compiled for another version.
  const load = async (): Promise<never> =>
    Promise.reject(new Error("was compiled against a different Node.js version"));
  await checkAddons(broken.findings, { "better-sqlite3": load });
  expectLine(broken.lines, "addon", "fail", /better-sqlite3 does not load: was compiled/, /npm run setup/);
});

test("a clock that cannot be right is a fail", async () => {
  const { lines, findings } = collect();
  await checkClock(findings, silentLogger, Date.UTC(1970, 0, 2));
  expectLine(lines, "clock", "fail", /1970-01-02T00:00:00\.000Z, which cannot be/, /time server/);
});

test("a sound machine has no fail, and nothing is left in its folders", async (t) => {
  const config = await configFor(t, {});
  const findings = await examineConfig(config, ["machine"]);
  assert.deepEqual(
    findings.filter(({ level }) => level === "fail"),
    [],
  );
  expectLine(findings, "state-folder", "ok", /can be written/);
  assert.deepEqual(await readdir(config.stateFolder), []);
});

test("a state folder that is not there yet is judged by where it would be made", async (t) => {
  const folder = await temporaryFolder(t);
  const findings = await examine(t, ["machine"], { device: { stateFolder: join(folder, "a/b") } });
  expectLine(findings, "state-folder", "ok", /a\/b can be made in /);
  assert.deepEqual(await readdir(folder), []);
});

test("a read-only state folder and a disk that is nearly full are fails", async (t) => {
  const readOnly = await smallTmpfs(t, "ro,size=1m");
  if (readOnly === null) return;
  const findings = await examine(t, ["machine"], { device: { stateFolder: readOnly } });
  expectLine(findings, "state-folder", "fail", /cannot be written: EROFS/, /for writing/);
  // 1 MiB = 1.0 MB; 100 MB are needed.
  expectLine(findings, "disk", "fail", /^1\.0 MB free/, /make room/);
});

test("shared memory that is too small, missing or a disk is told apart", async (t) => {
  const small = await smallTmpfs(t, "size=1m");
  if (small === null) return;
  // Four slots of 640 × 480 × 3 bytes are 3.7 MB.
  const camera = { width: 640, height: 480 };
  const full = await examine(t, ["machine"], { device: { sharedMemoryFolder: small }, camera });
  expectLine(full, "shared-memory", "fail", /^1\.0 MB free in .*, 3\.7 MB needed/, /larger|camera\.slots/);

  const missing = await examine(t, ["machine"], { device: { sharedMemoryFolder: join(small, "none") } });
  expectLine(missing, "shared-memory", "fail", /ENOENT/, /\/dev\/shm/);

  const disk = await mkdtemp("/var/tmp/nominald-doctor-");
  t.after(() => rm(disk, { recursive: true }));
  const slow = await examine(t, ["machine"], { device: { sharedMemoryFolder: disk } });
  expectLine(slow, "shared-memory", "warn", /no tmpfs/, /\/dev\/shm/);
});

test("a password that every user can read is a warning", async (t) => {
  const passwordFile = join(await temporaryFolder(t), "password");
  await writeFile(passwordFile, "secret");
  const device = { broker: { username: "u", passwordFile } };
  await chmod(passwordFile, 0o644);
  expectLine(await examine(t, ["machine"], { device }), "secrets", "warn", /has mode 644/, /chmod 600/);
  await chmod(passwordFile, 0o640);
  expectLine(await examine(t, ["machine"], { device }), "secrets", "ok", /has mode 640/);
});

test("small receive buffers and packets on the way to a GigE camera are warnings", async (t) => {
  const kernel = { proc: await temporaryFolder(t), sys: await temporaryFolder(t) };
  await mkdir(join(kernel.proc, "sys/net/core"), { recursive: true });
  await mkdir(join(kernel.sys, "class/net/lo"), { recursive: true });
  // The kernel's real files cannot be changed in a test without changing the machine.
  for (const [bytes, mtu, level] of [
    [212_992, 1_500, "warn"],
    [4_194_304, 9_000, "ok"],
  ] as const) {
    await writeFile(join(kernel.proc, "sys/net/core/rmem_default"), `${bytes}\n`);
    await writeFile(join(kernel.sys, "class/net/lo/mtu"), `${mtu}\n`);
    const { lines, findings } = collect();
    await checkGigE(findings, "127.0.0.1", kernel);
    expectLine(lines, "rmem", level, new RegExp(`${bytes} bytes`));
    expectLine(lines, "mtu", level, new RegExp(`^lo, .* an MTU of ${mtu}`));
  }
});

test("a GigE camera that no interface leads to is a fail, one without an address is not looked for", async () => {
  const unreachable = collect();
  // The kernel refuses a connection to the broadcast address.
  await checkGigE(unreachable.findings, "255.255.255.255");
  expectLine(unreachable.lines, "mtu", "fail", /no interface leads to 255\.255\.255\.255: /, /cable/);
  const named = collect();
  await checkGigE(named.findings, "Basler-22", undefined);
  expectLine(named.lines, "mtu", "warn", /Basler-22, is no address/, /IP address/);
});
