import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { nominald } from "../support/daemon-process.ts";

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "nominald-run-"));
});
after(() => rm(folder, { recursive: true }));

test("without a configuration, with an unknown option or with a stray word the usage is exit code 2", async () => {
  for (const [args, message] of [
    [[], /^Expected --config FILE\.\n\nusage: nominald run/],
    [["--config"], /--config/],
    [["--conf", "a.yaml"], /--conf/],
    [["a.yaml"], /a\.yaml/],
  ] as const) {
    const { code, stdout, stderr } = await nominald(["run", ...args]);
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.match(stderr, message);
  }
});

test("help is asked for and goes to stdout", async () => {
  const { code, stdout, stderr } = await nominald(["run", "--help", "--config", "/nowhere"]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /^usage: nominald run --config FILE/);
});

test("a configuration that cannot be read is exit code 3, with its path and the system's reason", async () => {
  for (const [file, reason] of [
    [join(folder, "none.yaml"), /ENOENT/],
    [folder, /EISDIR/],
  ] as const) {
    const { code, stderr } = await nominald(["run", "--config", file]);
    assert.equal(code, 3);
    assert.ok(stderr.startsWith("nominald: config-unreadable: ") && stderr.includes(file), stderr);
    assert.match(stderr, reason);
  }
});

test("all problems of a configuration and of the environment come in one message, exit code 3", async () => {
  const file = join(folder, "wrong.yaml");
  await writeFile(file, "site: Plant 1\ndevice: bench\nbroker: { url: 5 }\nspeed: 9\nstations: []\n");
  const { code, stderr, stdout } = await nominald(["run", "--config", file], { NOMINALD_LOG_LEVEL: "loud" });
  assert.deepEqual([code, stdout], [3, ""]);
  assert.match(stderr, /^nominald: config-invalid: .*wrong\.yaml/);
  for (const path of ["site", "broker.url", "speed", "stations", "NOMINALD_LOG_LEVEL"])
    assert.ok(stderr.includes(path), `${path} in ${stderr}`);
});
