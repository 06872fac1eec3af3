import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { StateDocument } from "../../src/mqtt/state-document.ts";
import { nominald } from "../support/daemon-process.ts";
import { FakeCamera } from "../support/fake-camera.ts";
import { LineClient } from "../support/line-client.ts";
import { startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { readOnlyBind } from "../support/read-only-bind.ts";
import { smallTmpfs } from "../support/small-tmpfs.ts";
import { TestLine } from "../support/test-line.ts";

/*
 * What a person gets wrong on site, through the whole program: each has a clear word in `state` or on stderr. What is
 * wrong with one station leaves the daemon alive; what the device cannot do at all ends it with its exit code.
 */

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
type Fault = StateDocument["faults"][number];

/** Runs the daemon until the fault shows in `state`, then stops it: a fault of a station is no end of the daemon. */
async function faultOf(name: string, station: object, camera: object, device: object = {}): Promise<Fault> {
  const client = await LineClient.connect(broker.url);
  const daemon = await line.run({ broker: broker.url, station: { mode: "continuous", ...station }, camera, device });
  try {
    const fault = await client.fault(name);
    await client.until("plc/state 8, the error", () => client.texts("plc/state").includes("8"));
    daemon.kill("SIGTERM");
    assert.equal((await daemon.finished).code, 0);
    return fault;
  } finally {
    await daemon.dispose();
    await client.close();
  }
}

test("a frame size that the camera does not have is told with what was asked for", async () => {
  const camera = new FakeCamera();
  await camera.start();
  try {
    const source = { source: "aravis", device: camera.address, width: 4096, height: 4096, framerate: 10 };
    const fault = await faultOf("camera-lost", {}, source);
    assert.match(fault.detail ?? "", /4096/);
  } finally {
    await camera.stop();
  }
});

test("a bank whose backbone this device has not is told with the backbone's name", async () => {
  const models = join(line.folder, "models");
  const folder = join(models, "other");
  const original = new URL("../../models/efficientnet-lite0/", import.meta.url);
  const manifest = JSON.parse(await readFile(new URL("manifest.json", original), "utf8")) as Record<string, unknown>;
  // The same network with another producer version (field 3 of ModelProto): another file, so another backbone.
  const model = Buffer.concat([
    await readFile(new URL("efficientnet-lite0.onnx", original)),
    Buffer.from([0x1a, 0x01, 0x78]),
  ]);
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "other.onnx"), model);
  const sha256 = createHash("sha256").update(model).digest("hex");
  await writeFile(
    join(folder, "manifest.json"),
    JSON.stringify({ ...manifest, name: "other", file: "other.onnx", sha256 }),
  );
  const bank = join(line.folder, "other.bank");
  const args = ["--images", join(line.folder, "nominal"), "--size", "64", "--false-reject-rate", "0.1"];
  const fit = await nominald(["fit", ...args, "--out", bank, "--backbone", "other", "--models", models]);
  assert.equal(fit.code, 0, fit.stderr);

  const fault = await faultOf("no-bank", { bank }, BALL);
  assert.match(fault.detail ?? "", /other/);
  assert.match(fault.detail ?? "", new RegExp(sha256.slice(0, 12)));
  const score = await nominald(["score", "--bank", bank, join(line.folder, "nominal", "001.png")]);
  assert.equal(score.code, 4);
  assert.match(score.stderr, /other/);
  // With the folder in the configuration the same bank works.
  const daemon = await line.run({
    broker: broker.url,
    station: { mode: "continuous", bank },
    camera: BALL,
    device: { modelsFolders: [models] },
  });
  const client = await LineClient.connect(broker.url);
  try {
    await client.until("a verdict", () => client.results().some(({ verdict }) => verdict !== "NO_VERDICT"));
  } finally {
    await daemon.dispose();
    await client.close();
  }
});

test("shared memory without room for a frame is told with its folder", async (t) => {
  const folder = await smallTmpfs(t, "size=1m");
  if (folder === null) return;
  // 1280 × 960 in RGB take 3.5 MiB.
  const camera = { ...BALL, width: 1280, height: 960 };
  const fault = await faultOf("camera-lost", {}, camera, { sharedMemoryFolder: folder });
  assert.match(fault.detail ?? "", /room for 14745600 bytes .* but 1048576 bytes are available/);
  assert.ok((fault.detail ?? "").includes(folder), fault.detail ?? "no detail");
});

test("a state folder on a read-only file system ends the daemon with exit code 5", async (t) => {
  const folder = await readOnlyBind(t);
  if (folder === null) return;
  for (const stateFolder of [folder, join(folder, "state")]) {
    const daemon = await line.run({ broker: broker.url, camera: BALL, device: { stateFolder } });
    const { code, stderr } = await daemon.finished;
    assert.equal(code, 5, stderr);
    assert.match(stderr, /state-folder-unwritable.*EROFS/);
    assert.ok(stderr.includes(stateFolder));
  }
});
