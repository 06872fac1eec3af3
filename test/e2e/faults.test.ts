import assert from "node:assert/strict";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { nominald } from "../support/daemon-process.ts";
import { FakeCamera } from "../support/fake-camera.ts";
import { LineClient } from "../support/line-client.ts";
import { freePort, startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { slotFolders, TestLine } from "../support/test-line.ts";
import { until } from "../support/until.ts";

let broker: Mosquitto;
let line: TestLine;

before(async () => {
  broker = await startMosquitto();
  line = await TestLine.prepare();
});

after(async () => {
  await broker.dispose();
  await line.dispose();
});

const BALL = { source: "test", pattern: "ball", width: 320, height: 240, framerate: 10 };
const CONTINUOUS = { mode: "continuous" };

for (const signal of ["SIGKILL", "SIGSTOP"] as const) {
  test(`a capture process that gets ${signal} is replaced, and the loss shows in the state`, async () => {
    const client = await LineClient.connect(broker.url);
    const daemon = await line.run({ broker: broker.url, station: CONTINUOUS, camera: BALL });
    try {
      await until("a verdict", () => client.results().length > 0);
      const [child] = await daemon.children("capture.child");
      assert.ok(child !== undefined);
      process.kill(child, signal);
      await client.fault("camera-lost");
      await until("plc/state 8", () => client.texts("plc/state").includes("8"));
      const before = client.results().length;
      await until("verdicts again", () => client.results().length > before + 3);
      assert.equal((await slotFolders(daemon.pid)).length, 1);
      assert.notDeepEqual(await daemon.children("capture.child"), [child]);
    } finally {
      await daemon.dispose();
      await client.close();
    }
  });
}

test("after the inference process was killed at work the next frames are scored", async () => {
  const client = await LineClient.connect(broker.url);
  const daemon = await line.run({ broker: broker.url, station: CONTINUOUS, camera: BALL });
  try {
    await until("verdicts", () => client.results().length > 2);
    const [child] = await daemon.children("inference.child");
    assert.ok(child !== undefined);
    process.kill(child, "SIGKILL");
    await client.fault("inference-lost");
    const before = client.results().length;
    await until("verdicts again", () => client.results().length > before + 3);
    const seqs = client.results().map(({ seq }) => seq);
    assert.deepEqual(
      seqs,
      seqs.map((_, i) => i + 1),
    );
  } finally {
    await daemon.dispose();
    await client.close();
  }
});

test("the aravis fake GigE camera delivers frames end to end", async (t) => {
  const camera = new FakeCamera();
  t.after(() => camera.stop());
  await camera.start();
  const client = await LineClient.connect(broker.url);
  const source = { source: "aravis", device: camera.address, width: 512, height: 512, framerate: 10 };
  const daemon = await line.run({ broker: broker.url, station: CONTINUOUS, camera: source });
  try {
    await until("verdicts", () => client.results().length > 3);
    // The ramp of the fake camera is like no washer.
    assert.ok(client.results().every(({ verdict }) => verdict === "FAIL"));
  } finally {
    await daemon.dispose();
    await client.close();
  }
});

test("a missing camera and a damaged bank are faults with their cause, and the daemon stays", async () => {
  const client = await LineClient.connect(broker.url);
  const damaged = `${line.folder}/damaged.bank`;
  await copyFile(line.bank, damaged);
  const bytes = await readFile(damaged);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
  await writeFile(damaged, bytes);
  const daemon = await line.run({
    broker: broker.url,
    station: { ...CONTINUOUS, bank: damaged },
    camera: { source: "v4l2", device: "/dev/video99" },
  });
  try {
    const bank = await client.fault("no-bank");
    assert.match(bank.detail ?? "", /damaged\.bank/);
    const camera = await client.fault("camera-lost");
    assert.match(camera.detail ?? "", /video99/);
    daemon.kill("SIGTERM");
    assert.equal((await daemon.finished).code, 0);
  } finally {
    await daemon.dispose();
    await client.close();
  }
});

test("an unreachable broker is told in the log, and the daemon stays and stops cleanly", async () => {
  const url = `mqtt://127.0.0.1:${await freePort()}`;
  const daemon = await line.run({ broker: url, station: CONTINUOUS, camera: BALL });
  try {
    await daemon.logged("the broker's URL", ({ msg, level }) => level !== "info" && msg.includes("127.0.0.1"));
    daemon.kill("SIGTERM");
    assert.equal((await daemon.finished).code, 0);
  } finally {
    await daemon.dispose();
  }
});

test("exit codes tell whose fault it was", async () => {
  const config = `${line.folder}/bad.yaml`;
  await writeFile(config, "site: Test\nstations: []\n");
  assert.equal((await nominald(["fly"])).code, 2);
  assert.equal((await nominald(["run", "--config", config])).code, 3);
  const noBank = await nominald(["score", "--bank", `${line.folder}/none.bank`, "a.png"]);
  assert.equal(noBank.code, 4);
  assert.match(noBank.stderr, /bank-missing.*none\.bank/);
  const noShm = await line.run({ broker: broker.url, camera: BALL, device: { sharedMemoryFolder: "/proc/none" } });
  assert.equal((await noShm.finished).code, 5);
  assert.match(noShm.stderr, /shared-memory-unusable.*\/proc\/none/);
  const noState = await line.run({ broker: broker.url, camera: BALL, device: { stateFolder: "/proc/none" } });
  assert.equal((await noState.finished).code, 5);
  assert.match(noState.stderr, /state-folder-unwritable.*\/proc\/none/);
});
