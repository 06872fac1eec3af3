import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { readBank } from "../../src/bank/bundle-read.ts";
import { writeBank } from "../../src/bank/bundle-write.ts";
import type { StateDocument } from "../../src/mqtt/state-document.ts";
import type { NominaldProcess } from "../support/daemon-process.ts";
import { LineClient } from "../support/line-client.ts";
import { startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { ANY_VERDICTS, slotFolders, TestLine } from "../support/test-line.ts";
import { until } from "../support/until.ts";

const BALL = { source: "test", pattern: "ball", width: 64, height: 64, framerate: 20 };
const NO_PICTURES = { pictures: { mask: false, overlay: false } };

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

/** A daemon with a state folder of its own, and who hears it. */
async function start(t: TestContext, device: object, station: object = { mode: "triggered" }) {
  const client = await LineClient.connect(broker.url);
  const daemon = await line.run({
    ...{ broker: broker.url, camera: BALL, station: { ...NO_PICTURES, ...station }, device },
  });
  t.after(async () => {
    await daemon.dispose();
    await client.close();
  });
  return { client, daemon };
}

/** @returns a `state` of this run of the daemon, and not what the broker kept of the one before */
async function stateOf(client: LineClient, daemon: NominaldProcess): Promise<StateDocument> {
  const { boot } = await daemon.logged("its start", ({ msg }) => msg === "daemon is up");
  const own = (): StateDocument | undefined => client.states().findLast((state) => state.boot === boot);
  await until("its state", () => own() !== undefined);
  const state = own();
  assert.ok(state !== undefined);
  return state;
}

test("runs that were killed are counted in the state, runs that were stopped are not", async (t) => {
  const device = { stateFolder: join(line.folder, "runs") };
  const run = async (signal: NodeJS.Signals): Promise<StateDocument["runs"]> => {
    const { client, daemon } = await start(t, device);
    const { runs } = await stateOf(client, daemon);
    daemon.kill(signal);
    await daemon.finished;
    return runs;
  };
  assert.deepEqual(await run("SIGTERM"), { unclean: 0, lastUncleanAt: null });
  assert.deepEqual(await run("SIGKILL"), { unclean: 0, lastUncleanAt: null });
  const begunMs = Date.now();
  const killed = await run("SIGTERM");
  assert.equal(killed.unclean, 1);
  assert.ok(Date.parse(killed.lastUncleanAt ?? "") >= begunMs);
  assert.deepEqual(await run("SIGTERM"), killed);
});

test("a computer with less memory than is asked for is a fault that costs no verdict", async (t) => {
  const host = { minFreeMemoryMebibytes: 1_048_576 };
  const { client } = await start(t, { stateFolder: join(line.folder, "memory"), host }, { mode: "continuous" });
  const fault = await client.fault("memory-low");
  assert.deepEqual([fault.code, fault.stops, fault.see], ["0711", false, "host"]);
  assert.match(fault.detail ?? "", /^\d+ MiB of \d+ of the (machine|control group's limit) are left$/);
  await until("verdicts", () => client.results().some(({ verdict }) => verdict !== "NO_VERDICT"));
  const state = client.states().at(-1);
  assert.ok((state?.host.memory?.availableBytes ?? 0) > 0);
  assert.equal(state?.host.faults["memory-low"], 1);
  assert.equal(client.texts("plc/state").at(-1), "5");
});

test("a station whose slots someone removed gets a camera process with new ones, and its verdicts go on", async (t) => {
  const { client, daemon } = await start(t, { stateFolder: join(line.folder, "slots") }, { mode: "continuous" });
  await until("verdicts", () => client.records().length >= 5);
  const [folder = ""] = await slotFolders(daemon.pid);
  await rm(join("/dev/shm", folder), { recursive: true });
  await daemon.logged("why", ({ msg, code }) => code === "shared-memory-unusable" && msg.includes("was removed"));
  const restarted = client.records().length;
  const scored = (): number =>
    client
      .records()
      .slice(restarted)
      .filter(({ verdict }) => verdict !== "NO_VERDICT").length;
  await until("verdicts again", () => scored() >= 5);
  assert.equal((await slotFolders(daemon.pid)).length, 1);
});

test("an inference process that hangs while nothing is asked of it is replaced before a part needs it", async (t) => {
  const { client, daemon } = await start(t, { stateFolder: join(line.folder, "idle") });
  await until("a station that is ready", () => client.texts("plc/state").at(-1) === "3");
  const [child] = await daemon.children("inference.child");
  assert.ok(child !== undefined);
  process.kill(child, "SIGSTOP");
  const fault = await client.fault("inference-lost");
  assert.match(fault.detail ?? "", /a sign of life/);
  await until("a station that is ready again", () => client.texts("plc/state").at(-1) === "3");
  await client.publish("plc/trigger", "s1;1;;");
  await until("a verdict", () => client.results().some(({ session }) => session === "s1"));
  assert.notEqual(client.results().at(-1)?.verdict, "NO_VERDICT");
});

/** The npm package of ONNX Runtime has no CUDA libraries: the same as on a device whose driver is gone. */
const CUDA = { provider: "cuda", startTimeoutMs: 120_000, frameTimeoutMs: 60_000 };

test("an accelerator that cannot be had is refused in clear words", async (t) => {
  const device = { stateFolder: join(line.folder, "cuda"), inference: CUDA };
  const { client } = await start(t, device, { mode: "continuous" });
  const { detail } = await client.fault("no-bank");
  assert.match(detail ?? "", /Expected the execution provider cuda to run the backbone on this machine but/);
  assert.ok(client.results().every(({ verdict }) => verdict === "NO_VERDICT"));
});

test("with leave the CPU stands in for it, and everything says so", async (t) => {
  const inference = { ...CUDA, allowCpuFallback: true };
  const { client } = await start(t, { stateFolder: join(line.folder, "stands-in"), inference }, { mode: "continuous" });
  const fault = await client.fault("provider-fallback");
  assert.deepEqual([fault.code, fault.stops, fault.see], ["0722", false, "executionProvider"]);
  assert.match(fault.detail ?? "", /provider cuda to run the backbone/);
  await until("a verdict", () => client.results().some(({ verdict }) => verdict !== "NO_VERDICT"));
  for (const { verdict, flags } of client.results()) if (verdict !== "NO_VERDICT") assert.equal(flags & 0x10, 0x10);
  const { executionProvider, wantedProvider } = client.states().at(-1) ?? {};
  assert.deepEqual([executionProvider, wantedProvider], ["cpu", "cuda"]);
});

test("a CPU that is too slow for the station does not stand in", async (t) => {
  const inference = { ...CUDA, allowCpuFallback: true };
  // A takt of a tenth of a millisecond, which no computer keeps.
  const station = { mode: "continuous", taktMs: 0.1 };
  const { client } = await start(t, { stateFolder: join(line.folder, "too-slow"), inference }, station);
  const { detail } = await client.fault("no-bank");
  assert.match(
    detail ?? "",
    /^Expected the CPU to take at most 0 ms for a frame .* but it takes \d+ ms\. .*provider cuda/,
  );
  assert.ok(client.results().every(({ verdict }) => verdict === "NO_VERDICT"));
});

test("a bank whose golden frames do not come out right here fails the self-test of the start", async (t) => {
  const bank = await readBank(line.bank);
  const { golden, calibration } = bank.manifest;
  assert.ok(golden !== null);
  const frames = golden.frames.map((frame) => ({ ...frame, score: frame.score + calibration.threshold / 10 }));
  const drifted = `${line.bank}.drifted`;
  await writeBank(drifted, { ...bank, manifest: { ...bank.manifest, golden: { ...golden, frames } } });
  const station = { mode: "triggered", bank: drifted };
  const { client } = await start(t, { stateFolder: join(line.folder, "drifted") }, station);
  const fault = await client.fault("self-test-failed");
  assert.deepEqual([fault.code, fault.stops], ["0303", true]);
  assert.match(fault.detail ?? "", /scores drift by 10\.00 % of the threshold, at most 5\.00 %/);
  await until("the camera", () => client.states().at(-1)?.camera.state === "playing");
  await client.publish("plc/trigger", "s1;1;;");
  await until("its outcome", () => client.results().some(({ session }) => session === "s1"));
  assert.equal(client.results().at(-1)?.code, "0303");
});
