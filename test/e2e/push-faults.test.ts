import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { copyFileSync, existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { readBank } from "../../src/bank/bundle-read.ts";
import { readSlots } from "../../src/bank/slots.ts";
import { banksFolder } from "../../src/daemon/station-banks.ts";
import { seededRandom } from "../../src/patchcore/random.ts";
import { foreignGraph, halfDims, larger, otherGolden } from "../support/bad-banks.ts";
import { nominald, NominaldProcess } from "../support/daemon-process.ts";
import { LineClient } from "../support/line-client.ts";
import { PushBreaker } from "../support/push-breaker.ts";
import { bankState, PushRig } from "../support/push-rig.ts";
import { wrongClock } from "../support/wrong-clock.ts";

const OTHER_MODELS = fileURLToPath(new URL("../backbone", import.meta.url));
const BROKER_KILLS = 5;
const KILLS = 20;
/** Between what a process with the small bank takes (some 200 MiB) and with one of 256 times its patches. */
const MAX_MEMORY_MIB = 400;

let rig: PushRig;
before(async () => {
  rig = await PushRig.prepare();
});
after(async () => {
  await rig.dispose();
});

/** As they lie on the disk. */
function folder(): string {
  return banksFolder(join(rig.line.folder, "state"), "line1", "st1");
}

test("a transfer over which the broker is killed five times and the device once, between clocks that are years wrong, goes on where it was", async (t) => {
  // A block a second, so that each kill meets the transfer.
  const slow = { maxKibibytesPerS: 64 };
  let daemon = await rig.run(slow, { environment: wrongClock("+9y") });
  const push = new NominaldProcess(rig.arguments(rig.bank), wrongClock("-8y"));
  try {
    let percent = 0;
    for (let kill = 1; kill <= BROKER_KILLS; kill++) {
      const client = await LineClient.connect(rig.broker.url);
      await client.until(`a block after ${percent} %`, () => (bankState(client)?.delivery?.percent ?? 0) > percent);
      const { delivery } = bankState(client) ?? {};
      assert.equal(delivery?.stage, "receiving", "each kill meets the transfer");
      percent = delivery.percent;
      t.diagnostic(`kill ${kill} of the broker at ${percent} %`);
      await rig.broker.kill();
      await client.close();
      await rig.broker.start();
    }
    await daemon.dispose();
    daemon = await rig.run(slow, { environment: wrongClock("-9y") });
    const { code, stdout, stderr } = await push.finished;
    assert.equal(code, 0, stderr + daemon.stderr);
    // What had come before the device's end did not come again: no percentage far below is told after it.
    const told = [...stdout.matchAll(/receiving (\d+) %/g)].map(([, one]) => Number(one));
    const rest = told.slice(told.indexOf(percent) + 1).filter((one) => one > 0);
    assert.ok(
      rest.every((one) => one >= percent),
      told.join(" "),
    );
    const client = await LineClient.connect(rig.broker.url);
    await client.until("verdicts of the new bank", () => /^second-/.test(client.records().at(-1)?.bank ?? ""));
    const years = new Date(bankState(client)?.at ?? "").getUTCFullYear() - new Date().getUTCFullYear();
    assert.ok(years >= -10 && years <= -8, `the device's clock was ${years} years off`);
    await client.close();
  } finally {
    push.kill("SIGKILL");
    await daemon.dispose();
  }
});

test("an active bank that fails its gate at a start gives way to the one before; bad banks are refused, each with its figures", async (t) => {
  const slots = readSlots(folder());
  assert.ok(slots !== null && slots.active !== null, "the bank of the test before is active");
  // Whole, and not what this device computes.
  const drifting = join(rig.folder, "drifting.bank");
  await otherGolden(rig.bank, drifting, (frame) => ({ ...frame, score: frame.score + 100 }));
  copyFileSync(drifting, join(folder(), slots.active.file));
  const daemon = await rig.run({ maxMemoryMebibytes: MAX_MEMORY_MIB, maxKibibytesPerS: 1_048_576 });
  const client = await LineClient.connect(rig.broker.url);
  try {
    await client.until("verdicts of the bank before", () => /^washer-/.test(client.records().at(-1)?.bank ?? ""));
    await client.until("its name", () => bankState(client)?.active.source === "configuration");
    await daemon.logged("why", ({ code, msg }) => code === "gate-refused" && msg.includes("scores drift by"));

    const path = (name: string): string => join(rig.folder, `${name}.bank`);
    await halfDims(rig.bank, path("dims"));
    await foreignGraph(rig.bank, path("graph"));
    await otherGolden(rig.bank, path("golden"), (frame, at) => (at === 0 ? { ...frame, expect: "FAIL" } : frame));
    await larger(rig.bank, path("large"), 16);
    const refused = async (name: string, expected: RegExp): Promise<string> => {
      const { code, stderr } = await rig.push(path(name));
      assert.equal(code, 4, `${name}: ${stderr}`);
      assert.match(stderr, expected);
      t.diagnostic(`${name}: ${stderr.trim()}`);
      await client.caughtUp();
      assert.equal(bankState(client)?.delivery?.stage, "refused");
      assert.equal(bankState(client)?.active.source, "configuration");
      const records = client.records().length;
      await client.until("further records", () => client.records().length > records + 2);
      assert.match(client.records().at(-1)?.bank ?? "", /^washer-/);
      assert.ok(!existsSync(join(folder(), "incoming")), "nothing of it stays on the disk");
      return stderr;
    };
    await refused(
      "dims",
      /^wrong-backbone: Expected patch embeddings of \d+ dimensions for the bank but backbone \S+ gives \d+/,
    );
    await refused(
      "graph",
      /^hnsw-mismatch: Expected a graph over the rows of this bank but \d+ of \d+ rows .* are in it/,
    );
    await refused("golden", /^gate-refused: .* had to FAIL and came out PASS/);
    const memory = await refused("large", /the process takes \d+ MiB, at most 400/);
    assert.doesNotMatch(memory, /a frame takes/);

    // A pushed deadline counts for the next gate: half of it is what a frame may take.
    const file = join(rig.folder, "deadline.yaml");
    writeFileSync(file, "deadlineMs: 60\n");
    const to = ["--to", rig.broker.url, "--station", "line1/st1", "--key", rig.key];
    const config = await nominald(["push", "config", file, ...to]);
    assert.equal(config.code, 0, config.stderr);
    await refused("large", /a frame takes \d+ ms \(median\), at most 30[;\s]/);
    writeFileSync(file, "deadlineMs: 30000\n");
    const calm = await nominald(["push", "config", file, ...to]);
    assert.equal(calm.code, 0, calm.stderr);
  } finally {
    await client.close();
    await daemon.dispose();
  }
});

test("a bank that scores otherwise here than where it was made is refused with figures, and verdicts go on", async () => {
  const { calibration } = (await readBank(rig.bank)).manifest;
  const drifting = join(rig.folder, "quarter.bank");
  await otherGolden(rig.bank, drifting, (frame) => ({ ...frame, score: frame.score + calibration.threshold / 4 }));
  const daemon = await rig.run();
  const client = await LineClient.connect(rig.broker.url);
  try {
    await client.until("verdicts", () => client.results().length > 0);
    const { code, stderr } = await rig.push(drifting);
    assert.equal(code, 4);
    await client.caughtUp();
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

test("a device that is killed at 20 random moments of pushes has the old or the new, whole, and verdicts go on", async (t) => {
  const seed = randomInt(2 ** 31);
  t.diagnostic(`seed ${seed}`);
  const random = seededRandom(seed);
  const breaker = new PushBreaker({
    ...{ rig, kills: KILLS, brokerKills: 0, longestMs: 1_000 },
    ...{ random: () => random.uniform(), say: (line: string) => t.diagnostic(line) },
  });
  const { ends, stages } = await breaker.run();
  t.diagnostic(`pushes: ${[...ends].map(([end, count]) => `${end} × ${count}`).join(", ")}`);
  const kills = [...stages.values()].reduce((sum, count) => sum + count, 0);
  assert.equal(kills, KILLS);
  // After all of it a bank and a configuration were pushed to their end; how many were before depends on the machine.
  assert.deepEqual([ends.get("last bank 0"), ends.get("last config 0")], [1, 1]);
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
