import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { NominaldProcess } from "../support/daemon-process.ts";
import type { LineClient } from "../support/line-client.ts";
import { startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { connectAll, severalStations } from "../support/several-stations.ts";
import { ANY_VERDICTS, TestLine } from "../support/test-line.ts";
import { until } from "../support/until.ts";

const NAMES = ["a", "b"];
const STATIONS = NAMES.map((name) => ({ name, camera: { framerate: 5 } }));

let broker: Mosquitto;
let line: TestLine;
let daemon: NominaldProcess;
let clients: Map<string, LineClient>;

const processes = (count: number) =>
  severalStations(line, broker.url, STATIONS, {
    inference: { processes: count, threads: 1, startTimeoutMs: 120_000, frameTimeoutMs: 60_000 },
  });

before(async () => {
  broker = await startMosquitto();
  line = await TestLine.prepare(ANY_VERDICTS);
  clients = await connectAll(broker.url, NAMES);
  daemon = await line.start(processes(2));
  for (const name of NAMES) await verdicts(name);
});

after(async () => {
  daemon.kill("SIGTERM");
  await daemon.finished;
  for (const client of clients.values()) await client.close();
  await broker.dispose();
  await line.dispose();
});

const results = (name: string) => clients.get(name)?.results() ?? [];
const verdictsOf = (name: string) => results(name).filter(({ verdict }) => verdict !== "NO_VERDICT");
const lost = (name: string) => results(name).filter(({ code }) => code === "0402");

async function verdicts(name: string): Promise<void> {
  const before = verdictsOf(name).length;
  await until(`verdicts of ${name}`, () => verdictsOf(name).length >= before + 3);
}

test("an inference process that dies is lost for its own station alone", async () => {
  const children = await daemon.children("inference.child");
  assert.equal(children.length, 2);
  const [first = 0] = children;
  process.kill(first, "SIGSTOP");
  // A stopped process answers nothing: the station that waits for it is the one that it works for.
  const counts = NAMES.map((name) => verdictsOf(name).length);
  await until("verdicts of one of them", () => NAMES.some((name, i) => verdictsOf(name).length > (counts[i] ?? 0) + 3));
  process.kill(first, "SIGKILL");
  await until("the loss", () => NAMES.some((name) => lost(name).length > 0));
  for (const name of NAMES) await verdicts(name);
  const touched = NAMES.filter((name) => lost(name).length > 0);
  assert.equal(touched.length, 1, touched.join());
  const other = NAMES.find((name) => !touched.includes(name)) ?? "";
  assert.deepEqual(verdictsOf(other).length, results(other).length);
  assert.equal((await daemon.children("inference.child")).length, 2);
});

test("another number of processes is taken over while the daemon runs", async () => {
  await line.write(processes(1));
  daemon.kill("SIGHUP");
  await until("one process", async () => (await daemon.children("inference.child")).length === 1);
  for (const name of NAMES) await verdicts(name);
  await line.write(processes(2));
  daemon.kill("SIGHUP");
  await until("two processes", async () => (await daemon.children("inference.child")).length === 2);
  for (const name of NAMES) await verdicts(name);
  for (const name of NAMES) assert.deepEqual(clients.get(name)?.texts("status"), ["1"]);
});
