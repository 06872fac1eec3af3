import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { readBank } from "../../src/bank/bundle-read.ts";
import { writeBank } from "../../src/bank/bundle-write.ts";
import { nominald, NominaldProcess } from "../support/daemon-process.ts";
import { LineClient } from "../support/line-client.ts";
import { bankState, PushRig } from "../support/push-rig.ts";

const OTHER_MODELS = fileURLToPath(new URL("../backbone", import.meta.url));

let rig: PushRig;
before(async () => {
  rig = await PushRig.prepare();
});
after(async () => {
  await rig.dispose();
});

/** So slow that there is time to break something: a block a second. */
const SLOW = { maxKibibytesPerS: 64 };

test("a push outlives the broker's end and the device's, and goes on where it was", async () => {
  let daemon = await rig.run(SLOW);
  const push = new NominaldProcess(rig.arguments(rig.bank, "--until", "committed"));
  try {
    const before = await LineClient.connect(rig.broker.url);
    await before.until("the first block", () => (bankState(before)?.delivery?.percent ?? 0) > 0);
    await rig.broker.kill();
    await before.close();
    await rig.broker.start();
    const between = await LineClient.connect(rig.broker.url);
    await between.until("more blocks", () => (bankState(between)?.delivery?.percent ?? 0) > 30);
    const had = bankState(between)?.delivery?.percent ?? 0;
    await daemon.dispose();
    daemon = await rig.run(SLOW);
    await between.until("the transfer after the restart", () => bankState(between)?.delivery?.stage === "probation");
    await between.until("verdicts of the second bank", () => /^second-/.test(between.records().at(-1)?.bank ?? ""));
    await between.close();
    const { code, stdout, stderr } = await push.finished;
    assert.equal(code, 0, stderr + daemon.stderr);
    // What had come before the device's end did not come again: no lower percentage is told after it.
    const told = [...stdout.matchAll(/receiving (\d+) %/g)].map(([, percent]) => Number(percent));
    const rest = told.slice(told.indexOf(had) + 1);
    assert.ok(
      rest.filter((percent) => percent > 0).every((percent) => percent >= had - 20),
      told.join(" "),
    );
    const back = await rig.push("--rollback");
    assert.equal(back.code, 0, back.stderr);
  } finally {
    push.kill("SIGKILL");
    await daemon.dispose();
  }
});

test("a bank that scores otherwise here than where it was made is refused with figures, and verdicts go on", async () => {
  const { manifest, ...arrays } = await readBank(rig.bank);
  const { golden, format: _f, formatVersion: _v, files: _files, ...rest } = manifest;
  assert.ok(golden !== null);
  const frames = golden.frames.map((frame) => ({ ...frame, score: frame.score + manifest.calibration.threshold / 4 }));
  const drifting = join(rig.folder, "drifting.bank");
  await writeBank(drifting, { ...arrays, manifest: { ...rest, name: "drifting", golden: { ...golden, frames } } });
  const daemon = await rig.run();
  const client = await LineClient.connect(rig.broker.url);
  try {
    await client.until("verdicts", () => client.results().length > 0);
    const { code, stderr } = await rig.push(drifting);
    assert.equal(code, 4);
    assert.match(stderr, /gate-refused: .*scores drift by 2\d\.\d\d % of the threshold, at most 5\.00 %/);
    const results = client.results().length;
    await client.until("further verdicts", () => client.results().length > results + 3);
    assert.match(client.records().at(-1)?.bank ?? "", /^washer-/);
    assert.equal(bankState(client)?.active.source, "configuration");
  } finally {
    await client.close();
    await daemon.dispose();
  }
});

test("a backbone that the device has not got travels before the bank", async () => {
  const bank = join(rig.folder, "clip.bank");
  const work = [
    "--models",
    OTHER_MODELS,
    "--backbone",
    "clip-tiny.random",
    "--size",
    "64",
    "--false-reject-rate",
    "0.1",
  ];
  const fit = await nominald([
    "fit",
    "--images",
    join(rig.folder, "nominal"),
    "--out",
    bank,
    "--name",
    "clip",
    ...work,
  ]);
  assert.equal(fit.code, 0, fit.stderr);
  const daemon = await rig.run();
  const client = await LineClient.connect(rig.broker.url);
  try {
    const absent = await rig.push(bank);
    assert.equal(absent.code, 4);
    assert.match(absent.stderr, /wrong-backbone/);
    const { code, stderr } = await rig.push(bank, "--models", OTHER_MODELS);
    assert.equal(code, 0, stderr + daemon.stderr);
    await client.until("its verdicts", () => /^clip-/.test(client.records().at(-1)?.bank ?? ""));
  } finally {
    await client.close();
    await daemon.dispose();
  }
});
