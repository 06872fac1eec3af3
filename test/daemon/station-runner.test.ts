import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { DeviceHealth } from "../../src/daemon/device-health.ts";
import { Admission } from "../../src/daemon/admission.ts";
import { InferenceHost } from "../../src/daemon/inference-host.ts";
import { StationRunner } from "../../src/daemon/station-runner.ts";
import type { InferenceClient } from "../../src/inference/inference-client.ts";
import { LogLevelSwitch } from "../../src/ops/log-level.ts";
import { unobserved } from "../../src/metrics/station-observer.ts";
import { systemClock } from "../../src/shared/system-clock.ts";
import { LineClient } from "../support/line-client.ts";
import { startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { ANY_VERDICTS, TestLine, writeParts } from "../support/test-line.ts";
import { isAlive, until } from "../support/until.ts";
import { BOOT, stationParts } from "./station-rig.ts";

const PARTS = 6;
let line: TestLine;
let broker: Mosquitto;
before(async () => {
  line = await TestLine.prepare(ANY_VERDICTS);
  await writeParts(join(line.folder, "parts"), new Array<null>(PARTS).fill(null), 1);
  broker = await startMosquitto();
});
after(async () => {
  await broker.dispose();
  await line.dispose();
});

/** Slots of these tests lie in the line's own folder, so that one that is left over shows. */
const FOLDER_ONCE = { source: "folder", paced: false };
const BALL = { source: "test", pattern: "ball", width: 160, height: 120, framerate: 20 };

/** One station with real capture and inference processes and a real broker: the daemon without its shell. */
async function startStation(
  t: TestContext,
  camera: object,
  station: object = {},
  onInferenceUp: (pid: number) => void = () => undefined,
) {
  const path = join(line.folder, "parts");
  const parts = stationParts(line, {
    broker: broker.url,
    camera: "source" in camera && camera.source === "folder" ? { ...camera, path } : camera,
    station,
    device: { sharedMemoryFolder: line.folder },
  });
  const { device, log, session, database, store } = parts;
  let frames = 0;
  const runner = new StationRunner({
    device,
    station: parts.station,
    boot: BOOT,
    view: {
      versions: {},
      clockSync: () => "unknown",
      storage: () => database.status(),
      eventLoop: () => ({ p50Ms: 0, p99Ms: 0, maxMs: 0 }),
      pushes: () => ({ allowUnsigned: false, trustedKeys: 0, problem: null }),
      health: new DeviceHealth({
        stateFolder: line.folder,
        limits: () => device.host,
        ...{ clockSync: () => "unknown", clock: systemClock, logger: log, onChange: () => undefined },
      }),
    },
    clock: systemClock,
    logger: log,
    session,
    store,
    observer: { ...unobserved, frame: () => void (frames += 1) },
    logLevel: new LogLevelSwitch({ configured: "info", apply: () => undefined, clock: systemClock, logger: log }),
    admission: new Admission({ order: () => ["line1/st1"], policy: () => "warn", processOf: () => 0, logger: log }),
    loadBank: (client, base) => client.loadBank(base),
    shadow: { request: () => null, asked: () => undefined },
    onOutcome: () => undefined,
  });
  const pids: number[] = [];
  const inference = new InferenceHost({
    ...{ name: "inference", settings: device.inference, clock: systemClock, logger: log },
  });
  inference.attach(runner.inference);
  inference.attach({
    inferenceUp: ({ pid = 0 }: InferenceClient) => {
      pids.push(pid);
      onInferenceUp(pid);
    },
    inferenceDown: () => undefined,
    inferenceUnsteady: () => undefined,
  });
  const client = await LineClient.connect(broker.url);
  await database.open();
  runner.start({ open: [], answered: [], challengedAtWallMs: null, challengePassed: false });
  inference.start();
  let closing: Promise<void> | undefined;
  /** In the daemon's order. */
  const close = (): Promise<void> => {
    closing ??= (async () => {
      await runner.close();
      await inference.close();
      await runner.closeSession();
      await database.close();
    })();
    return closing;
  };
  t.after(async () => {
    await close();
    await client.close();
    await broker.stop();
    await broker.start();
  });
  return { client, close, pids, frames: () => frames };
}

async function slots(): Promise<string[]> {
  return (await readdir(line.folder)).filter((name) => name.startsWith("nominald-"));
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

test("every image of a folder becomes one part with a verdict, a record and pictures, and no slot stays", async (t) => {
  const { client, close } = await startStation(t, FOLDER_ONCE, { maxPending: PARTS });
  await until("the records", () => client.records().length === PARTS);
  await until("halted", () => client.texts("plc/state").at(-1) === "9");
  assert.deepEqual(
    client.results().map(({ seq }) => seq),
    upTo(PARTS),
  );
  assert.ok(client.results().every(({ verdict }) => verdict !== "NO_VERDICT"));
  for (const record of client.records()) {
    assert.equal(record.captureSeq, record.seq);
    assert.ok((record.stages?.["backbone"] ?? 0) > 0);
  }
  await close();
  await until("status 0", () => client.texts("status").at(-1) === "0");
  assert.deepEqual(await slots(), []);
});

test("an inference process that is killed in the middle of a frame costs that frame; the next one is scored", async (t) => {
  const { client, close, pids, frames } = await startStation(t, BALL, { mode: "continuous", maxRateHz: 1_000 });
  await until("verdicts", () => client.results().length > 3);
  const [pid = 0] = pids;
  process.kill(pid, "SIGSTOP");
  // The frame that comes next is handed over and never answered; those after it show that it was.
  const seen = frames();
  await until("frames", () => frames() > seen + 3);
  process.kill(pid, "SIGKILL");
  const fault = await client.fault("inference-lost");
  assert.match(fault.detail ?? "", /SIGKILL/);
  await until("plc/state 8", () => client.texts("plc/state").includes("8"));
  const before = client.results().length;
  await until("verdicts again", () => client.results().length > before + 3);
  assert.equal(pids.length, 2);
  const results = client.results();
  assert.deepEqual(
    results.map(({ seq }) => seq),
    upTo(results.length),
  );
  assert.deepEqual(
    results.filter(({ verdict }) => verdict === "NO_VERDICT").map(({ code }) => code),
    ["0402"],
  );
  await until("no fault", () => client.states().at(-1)?.faults.length === 0);
  await close();
  assert.equal(await isAlive(pids[1] ?? 0), false);
  assert.deepEqual(await slots(), []);
});

test("an inference process that is killed while it loads the bank is a lost process and no missing bank", async (t) => {
  let kills = 0;
  const { client } = await startStation(t, BALL, { mode: "continuous" }, (pid) => {
    if (++kills === 1) process.kill(pid, "SIGKILL");
  });
  await client.until("verdicts", () => client.results().some(({ verdict }) => verdict !== "NO_VERDICT"));
  const faults = client.states().flatMap((state) => state.faults.map(({ name }) => name));
  assert.ok(faults.includes("inference-lost"));
  assert.ok(!faults.includes("no-bank"), faults.join());
});

test("without a bank that loads, every part of a triggered camera is decided at once, with that reason", async (t) => {
  const bank = join(line.folder, "none.bank");
  const { client, close } = await startStation(t, FOLDER_ONCE, { bank });
  const fault = await client.fault("no-bank");
  assert.match(fault.detail ?? "", /none\.bank but there is no such file/);
  await until("the outcomes", () => client.results().length === PARTS);
  assert.ok(client.results().every(({ verdict, code }) => verdict === "NO_VERDICT" && code === "0301"));
  await until("the records", () => client.records().length === PARTS);
  assert.ok(client.records().every(({ stages }) => stages === null));
  await close();
  assert.deepEqual(await slots(), []);
});

test("parts that are open when the station closes are decided by the restart, and their records leave", async (t) => {
  const { client, close, pids, frames } = await startStation(t, { ...BALL, slots: 16 }, { maxPending: 64 });
  await until("verdicts", () => client.results().length > 3);
  process.kill(pids[0] ?? 0, "SIGSTOP");
  const seen = frames();
  await until("frames", () => frames() > seen + 2);
  await close();
  await until("status 0", () => client.texts("status").at(-1) === "0");
  const results = client.results();
  assert.deepEqual(
    results.map(({ seq }) => seq),
    upTo(results.length),
  );
  assert.deepEqual(
    client
      .records()
      .map(({ seq }) => seq)
      .sort((a, b) => a - b),
    upTo(results.length),
  );
  const undecided = results.filter(({ verdict }) => verdict === "NO_VERDICT");
  // Frames that found no slot meanwhile are 0202; their outcomes waited behind those that were open.
  assert.ok(undecided.every(({ code }) => code === "0502" || code === "0202"));
  const open = undecided.filter(({ code }) => code === "0502");
  assert.ok(open.length >= 2, `${open.length} parts were open`);
  assert.ok(open.every(({ flags }) => flags === 0x02));
  assert.equal(await isAlive(pids[0] ?? 0), false);
  assert.deepEqual(await slots(), []);
});
