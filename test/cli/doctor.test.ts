import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { stringify } from "yaml";
import { doctorCommand } from "../../src/cli/doctor.ts";
import type { Finding } from "../../src/doctor/finding.ts";
import { temporaryFolder } from "../capture/pictures.ts";
import { nominald } from "../support/daemon-process.ts";
import { spoken } from "../support/spoken.ts";
import { freePort, startMosquitto } from "../support/mosquitto.ts";
import { ANY_VERDICTS, TestLine } from "../support/test-line.ts";

test("without a configuration or with an unknown area the usage is exit code 2", async () => {
  for (const [args, message] of [
    [[], /^Expected --config FILE/],
    [["--config", "x", "--only", "disk"], /Expected machine, bank, camera, broker for --only but received "disk"/],
  ] as const) {
    const { code, out, err } = await spoken(doctorCommand, args);
    assert.deepEqual([code, out], [2, ""]);
    assert.match(err, message);
  }
  const { code, out } = await spoken(doctorCommand, ["--help"]);
  assert.equal(code, 0);
  assert.match(out, /^usage: nominald doctor/);
});

test("a line that is as it must be ends with 0, and with 7 where its broker, its accelerator or a plugin is missing", async (t) => {
  const line = await TestLine.prepare(ANY_VERDICTS);
  t.after(() => line.dispose());
  const broker = await startMosquitto();
  t.after(() => broker.dispose());
  const file = join(line.folder, "doctor.yaml");
  const camera = { source: "test", width: 64, height: 64, framerate: 60 };
  await writeFile(file, stringify(line.config({ broker: broker.url, camera })));

  const well = await nominald(["doctor", "--config", file, "--json"]);
  const report = JSON.parse(well.stdout) as { readonly fail: number; readonly findings: readonly Finding[] };
  assert.deepEqual([well.code, report.fail], [0, 0], well.stdout + well.stderr);
  for (const check of ["node", "bank", "backbone", "load", "provider", "camera", "frame", "broker-publish"]) {
    assert.equal(report.findings.find((finding) => finding.check === check)?.level, "ok", check);
  }

  await writeFile(file, stringify(line.config({ broker: `mqtt://127.0.0.1:${await freePort()}`, camera })));
  const gone = await nominald(["doctor", "--config", file, "--only", "broker"]);
  assert.equal(gone.code, 7, gone.stdout + gone.stderr);
  const lines = gone.stdout.trimEnd().split("\n");
  assert.match(lines[0] ?? "", /^ok {4}device {11}broker-name {8}127\.0\.0\.1 is an address$/);
  assert.match(lines[1] ?? "", /^fail {2}device {11}broker-port {8}Expected a connection/);
  assert.match(lines[2] ?? "", /^ {42}→ start the broker/);
  assert.equal(lines[3], "1 ok, 0 warn, 1 fail");

  const device = { inference: { provider: "cuda", startTimeoutMs: 120_000 } };
  await writeFile(file, stringify(line.config({ broker: broker.url, camera, device })));
  const accelerated = await nominald(["doctor", "--config", file, "--only", "bank"]);
  assert.equal(accelerated.code, 7);
  assert.match(
    accelerated.stdout,
    /fail .* provider .*\n *→ install ONNX Runtime with cuda .*, or set inference\.provider to cpu/,
  );

  await writeFile(file, stringify(line.config({ broker: broker.url, camera })));
  const broken = await temporaryFolder(t);
  // Children are started through setpriv; this one starts none.
  await writeFile(join(broken, "setpriv"), "#!/bin/sh\nexit 3\n", { mode: 0o755 });
  const path = { PATH: [broken, process.env["PATH"]].join(delimiter) };
  const childless = await nominald(["doctor", "--config", file, "--only", "bank,camera"], path);
  assert.equal(childless.code, 7, childless.stdout);
  assert.match(childless.stdout, /fail .* inference .*: exit code 3/);
  assert.match(childless.stdout, /fail .* gstreamer .*: it ended with 3/);

  const empty = await temporaryFolder(t);
  // GStreamer without the plugins of its packages, and a registry of its own that knows none either.
  const without = {
    GST_PLUGIN_SYSTEM_PATH_1_0: empty,
    GST_PLUGIN_PATH_1_0: empty,
    GST_REGISTRY_1_0: join(empty, "r.bin"),
  };
  const bare = await nominald(["doctor", "--config", file, "--only", "camera"], without);
  assert.equal(bare.code, 7, bare.stdout + bare.stderr);
  assert.match(
    bare.stdout,
    /fail .* gstreamer .*GStreamer has no videotestsrc, videoconvert, appsink\n *→ install gstreamer1\.0-plugins-base\n/,
  );
});
