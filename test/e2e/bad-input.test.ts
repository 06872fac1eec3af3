import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { builtInModelsFolder } from "../../src/backbone/find.ts";
import { REASONS, type ReasonName } from "../../src/station/reasons.ts";
import type { NominaldProcess } from "../support/daemon-process.ts";
import { FakeCamera } from "../support/fake-camera.ts";
import { LineClient } from "../support/line-client.ts";
import { startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { readOnlyMount } from "../support/read-only-mount.ts";
import { smallTmpfs } from "../support/small-tmpfs.ts";
import { ANY_VERDICTS, slotFolders, TestLine, writeParts } from "../support/test-line.ts";
import { until } from "../support/until.ts";

let broker: Mosquitto;
let line: TestLine;

before(async () => {
  broker = await startMosquitto();
  line = await TestLine.prepare(ANY_VERDICTS);
});

after(async () => {
  await broker.dispose();
  await line.dispose();
});

const BALL = { source: "test", pattern: "ball", width: 320, height: 240, framerate: 10 };
const CONTINUOUS = { mode: "continuous" };

/**
 * The station says in its state what was expected and what came, shows the PLC an error, logs the same, and the daemon
 * stays and stops cleanly.
 */
async function assertFault(
  daemon: NominaldProcess,
  client: LineClient,
  name: ReasonName,
  detail: RegExp,
): Promise<void> {
  const fault = await client.fault(name);
  assert.equal(fault.code, REASONS[name].code);
  assert.match(fault.detail ?? "", detail);
  await until("plc/state 8", () => client.texts("plc/state").at(-1) === "8");
  const logged = await daemon.logged(`the fault ${name}`, (one) => one["fault"] === name);
  assert.equal(logged.level, "error");
  assert.match(String(logged["detail"]), detail);
  assert.ok(client.results().every(({ verdict }) => verdict === "NO_VERDICT"));
  await assertStops(daemon);
}

async function assertStops(daemon: NominaldProcess): Promise<void> {
  daemon.kill("SIGTERM");
  const { code, stderr } = await daemon.finished;
  assert.equal(code, 0, stderr);
  assert.deepEqual(await slotFolders(daemon.pid), []);
}

/** Runs the daemon and a client; both are ended whatever `body` does. */
async function withDaemon(
  options: Omit<Parameters<TestLine["run"]>[0], "broker">,
  body: (daemon: NominaldProcess, client: LineClient) => Promise<void>,
): Promise<void> {
  const client = await LineClient.connect(broker.url);
  const daemon = await line.run({ broker: broker.url, station: CONTINUOUS, ...options });
  try {
    await body(daemon, client);
  } finally {
    await daemon.dispose();
    await client.close();
    await broker.stop();
    // It keeps nothing: the next test hears no retained fault of this one.
    await broker.start();
  }
}

test("a GigE camera that is asked for a size it has not is a fault that names the size", async (t) => {
  const camera = new FakeCamera();
  t.after(() => camera.stop());
  await camera.start();
  const source = { source: "aravis", device: camera.address, width: 9_999, height: 512, framerate: 10 };
  await withDaemon({ camera: source }, (daemon, client) =>
    assertFault(daemon, client, "camera-lost", /GenICam camera 127\.0\.0\.1 to give width=9999,height=512,.* does not/),
  );
});

test("a folder whose files have not the configured size is a fault that names the file and both sizes", async () => {
  const path = join(line.folder, "parts");
  await writeParts(path, [null, null], 1);
  await withDaemon({ camera: { source: "folder", path, width: 640, height: 480 } }, (daemon, client) =>
    assertFault(daemon, client, "camera-lost", /Expected 640 × 480 pixels as configured but .*001\.png has 480 × 480/),
  );
});

test("a folder of mixed types is a fault that names the files", async () => {
  const path = join(line.folder, "mixed");
  await writeParts(path, [null, null], 1);
  await cp(join(path, "002.png"), join(path, "003.bmp"));
  await withDaemon({ camera: { source: "folder", path } }, (daemon, client) =>
    assertFault(daemon, client, "camera-lost", /one type in .*mixed but found 2 png .* and 1 bmp \(003\.bmp\)/),
  );
});

test("a device that is no camera is a fault that names it", async () => {
  await withDaemon({ camera: { source: "v4l2", device: "/dev/null" } }, (daemon, client) =>
    assertFault(daemon, client, "camera-lost", /Expected frames from camera \/dev\/null but: .*\/dev\/null/),
  );
});

test("a bank of a backbone that the device has not is a fault that names both, and works where it has it", async () => {
  const models = join(line.folder, "models");
  const other = await otherBackbone(models);
  const strange = await TestLine.prepare(ANY_VERDICTS, ["--models", models, "--backbone", "other"]);
  try {
    const station = { ...CONTINUOUS, bank: strange.bank };
    await withDaemon({ camera: BALL, station }, (daemon, client) =>
      assertFault(
        daemon,
        client,
        "no-bank",
        new RegExp(`Expected backbone other with SHA-256 ${other} in .* but found:\n.*efficientnet-lite0 with SHA-256`),
      ),
    );
    const device = { modelsFolders: [models] };
    await withDaemon({ camera: BALL, station, device }, async (daemon, client) => {
      await until("verdicts", () => client.results().some(({ verdict }) => verdict !== "NO_VERDICT"));
      await assertStops(daemon);
    });
    // The manifest still promises the backbone that the bank wants, but its file is another one.
    await writeFile(join(models, "other", "efficientnet-lite0.onnx"), "not this one");
    await withDaemon({ camera: BALL, station, device }, (daemon, client) =>
      assertFault(daemon, client, "no-bank", /efficientnet-lite0\.onnx/),
    );
  } finally {
    await strange.dispose();
  }
});

/** The built-in backbone under another name, with a note in its file, so that its digest differs. @returns the digest */
async function otherBackbone(models: string): Promise<string> {
  const folder = join(models, "other");
  await mkdir(models, { recursive: true });
  await cp(join(builtInModelsFolder(), "efficientnet-lite0"), folder, { recursive: true });
  const file = join(folder, "efficientnet-lite0.onnx");
  // ModelProto.doc_string: field 6, length-delimited, one byte.
  const model = Buffer.concat([await readFile(file), Buffer.from([0x32, 1, 0x6f])]);
  await writeFile(file, model);
  const sha256 = createHash("sha256").update(model).digest("hex");
  const manifest = JSON.parse(await readFile(join(folder, "manifest.json"), "utf8")) as object;
  await writeFile(join(folder, "manifest.json"), JSON.stringify({ ...manifest, name: "other", sha256 }));
  return sha256;
}

test("full shared memory is a fault with the bytes that are needed, and heals when there is room", async (t) => {
  const sharedMemoryFolder = await smallTmpfs(t, "size=2m");
  if (sharedMemoryFolder === null) return;
  const filler = join(sharedMemoryFolder, "of-somebody-else");
  await writeFile(filler, new Uint8Array(1.5 * 2 ** 20));
  // 4 slots of 320 × 240 × 3 = 230,400 bytes are 921,600, and half a megabyte is left.
  await withDaemon({ camera: BALL, device: { sharedMemoryFolder } }, async (daemon, client) => {
    const { detail } = await client.fault("camera-lost");
    assert.match(
      detail ?? "",
      /Expected room for 921600 bytes \(4 slots of 230400\) in .* but \d+ bytes are available/,
    );
    await daemon.logged("the code", (one) => one["code"] === "shared-memory-full");
    assert.deepEqual(client.results(), []);
    await rm(filler);
    await until("verdicts", () => client.results().length > 2, 120_000);
    await until("no fault", () => client.ownFaults()?.length === 0);
    await assertStops(daemon);
  });
});

test("a state folder on a read-only disk ends the daemon with exit code 5 and the folder's name", async (t) => {
  const stateFolder = join(line.folder, "read-only");
  await mkdir(stateFolder);
  const prefix = await readOnlyMount(t, stateFolder);
  if (prefix === null) return;
  for (const folder of [stateFolder, join(stateFolder, "below")]) {
    const daemon = await line.run({ broker: broker.url, camera: BALL, device: { stateFolder: folder }, prefix });
    const { code, stderr } = await daemon.finished;
    assert.equal(code, 5, stderr);
    assert.match(stderr, /^nominald: state-folder-unwritable: Expected stateFolder .*read-only.* but: EROFS/m);
  }
});
