import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import sharp from "sharp";
import { LineClient } from "../support/line-client.ts";
import { writeParts } from "../support/test-line.ts";
import { bankState, bankStates, PushRig } from "../support/push-rig.ts";

let rig: PushRig;
before(async () => {
  rig = await PushRig.prepare();
});
after(async () => {
  await rig.dispose();
});

test("a bank is pushed, passes its gate and its probation, and is rolled back by a signed word", async () => {
  const client = await LineClient.connect(rig.broker.url);
  const daemon = await rig.run();
  try {
    await client.until("verdicts of the first bank", () => client.results().length >= 5);
    const pushed = await rig.push(rig.bank);
    assert.equal(pushed.code, 0, pushed.stderr + daemon.stderr);
    assert.match(pushed.stdout, /receiving \d+ %/);
    assert.match(pushed.stdout, /activating 0 % {2}drift [\d.]+ %, \d+ ms, \d+ MiB/);
    assert.match(pushed.stdout, /second-[0-9a-f]{8} {2}committed/);
    await client.caughtUp();
    const stages = [...new Set(bankStates(client).flatMap(({ delivery }) => delivery?.stage ?? []))];
    assert.deepEqual(stages, ["receiving", "gate", "activating", "probation", "committed"]);
    assert.match(client.records().at(-1)?.bank ?? "", /^second-/);
    // Every part has its verdict, the change of banks included.
    assert.deepEqual([...new Set(client.results().map(({ verdict }) => verdict))], ["FAIL"]);
    const back = await rig.push("--rollback");
    assert.equal(back.code, 0, back.stderr);
    await client.until("the first bank at work", () => /^washer-/.test(client.records().at(-1)?.bank ?? ""));
    await client.caughtUp();
    const state = bankState(client);
    assert.deepEqual([state?.active, state?.previous], [{ bankId: null, source: "configuration" }, null]);
  } finally {
    await daemon.dispose();
    await client.close();
  }
});

test("the README's lines for sending a new bank work as they stand there", async () => {
  const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  const [, script = ""] = /## Sending a new bank[^]*?```sh\n([^]*?)```/.exec(readme) ?? [];
  assert.match(script, /nominald push bank washers-2\.bank/);
  const desk = join(rig.folder, "desk");
  await writeParts(join(desk, "good"), new Array<null>(20).fill(null), 7_000);
  await mkdir(join(desk, "bad"));
  // Noise is no washer; a bank that lets it PASS would be refused.
  const noise = Buffer.from(Array.from({ length: 240 * 240 * 3 }, (_, i) => (i * 7_919 + (i >> 5) * 104_729) % 256));
  await sharp(noise, { raw: { width: 240, height: 240, channels: 3 } })
    .png()
    .toFile(join(desk, "bad", "noise.png"));
  await mkdir(join(desk, "bin"));
  const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
  const node = [process.execPath, "--import", import.meta.resolve("tsx"), main].join(" ");
  await writeFile(join(desk, "bin", "nominald"), `#!/bin/sh\nexec ${node} "$@"\n`, { mode: 0o755 });
  const here = script
    .replaceAll("/var/lib/nominald", join(rig.line.folder, "state"))
    .replaceAll("mqtt://127.0.0.1", rig.broker.url)
    .replaceAll("line1/washers", "line1/st1");
  const daemon = await rig.run();
  try {
    const env = { ...process.env, PATH: `${join(desk, "bin")}:${process.env["PATH"]}` };
    const { stdout } = await promisify(execFile)("bash", ["-eu", "-c", here], { cwd: desk, env, timeout: 240_000 });
    assert.match(stdout, /golden {5}4 frames that a device scores before it takes the bank, 1 of them known-bad/);
    assert.match(stdout, /washers-2-[0-9a-f]{8} {2}committed\nrolled back\n$/);
  } finally {
    await daemon.dispose();
  }
});
