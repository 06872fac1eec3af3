import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { connectAsync } from "mqtt";
import type { NominaldProcess } from "../support/daemon-process.ts";
import type { LineClient } from "../support/line-client.ts";
import { startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { clientOf, connectAll, severalStations, type SetStation } from "../support/several-stations.ts";
import { ANY_VERDICTS, TestLine } from "../support/test-line.ts";
import { until } from "../support/until.ts";

const FIVE_A_SECOND = { framerate: 5 };
const STAYS: SetStation = { name: "stays", camera: FIVE_A_SECOND };

let broker: Mosquitto;
let line: TestLine;
let daemon: NominaldProcess;
let clients: Map<string, LineClient>;

before(async () => {
  broker = await startMosquitto();
  line = await TestLine.prepare(ANY_VERDICTS);
  clients = await connectAll(broker.url, ["stays", "second", "third"]);
  daemon = await line.start(severalStations(line, broker.url, [STAYS, { name: "second", camera: FIVE_A_SECOND }]));
  for (const name of ["stays", "second"]) await verdicts(name);
});

after(async () => {
  daemon.kill("SIGTERM");
  await daemon.finished;
  for (const client of clients.values()) await client.close();
  await broker.dispose();
  await line.dispose();
});

const client = (name: string): LineClient => clientOf(clients, name);
const isVerdict = ({ verdict }: { readonly verdict: string }): boolean => verdict !== "NO_VERDICT";

/** Waits for further verdicts of a station. */
async function verdicts(name: string, count = 3): Promise<void> {
  const before = client(name).results().filter(isVerdict).length;
  await until(`verdicts of ${name}`, () => client(name).results().filter(isVerdict).length >= before + count);
}

/** Sets these stations, and waits until the daemon says that it has taken them over. */
async function reload(stations: readonly SetStation[]): Promise<void> {
  const reloads = (): number => daemon.log().filter(({ msg }) => msg.startsWith("reloaded")).length;
  const before = reloads();
  await line.write(severalStations(line, broker.url, stations));
  daemon.kill("SIGHUP");
  await until("the reload", () => reloads() > before);
}

/** Its one run goes on: every ordinal has a verdict, its heartbeat counts on, nothing ended and nothing began. */
function assertUntouched(name: string): void {
  const results = client(name).results();
  assert.deepEqual(
    results.map(({ seq }) => seq),
    results.map((_, i) => i + 1),
  );
  assert.deepEqual(
    results.filter((result) => !isVerdict(result)).map(({ seq, code }) => [seq, code]),
    [],
  );
  assert.deepEqual([...new Set(results.map(({ boot }) => boot))].length, 1);
  const beats = client(name)
    .texts("plc/hb")
    .map((text) => Number(text.split(";")[0]));
  assert.ok(beats.length > 0);
  assert.deepEqual(
    beats,
    beats.map((_, i) => (beats[0] ?? 0) + i),
  );
  assert.deepEqual(client(name).texts("status"), ["1"]);
  const state = client(name).states().at(-1);
  assert.deepEqual([state?.mqtt.connects, state?.camera.restarts, state?.faults], [1, 0, []]);
}

test("a station is added while another one works, which does not notice", async () => {
  await reload([STAYS, { name: "second", camera: FIVE_A_SECOND }, { name: "third", camera: FIVE_A_SECOND }]);
  await verdicts("third");
  await verdicts("stays");
  assert.equal(client("third").results()[0]?.seq, 1);
  assertUntouched("stays");
  assertUntouched("second");
});

test("a station with another mode begins anew, with a boot of its own, and the others do not notice", async () => {
  const before = client("second").results().at(-1);
  await reload([STAYS, { name: "second", station: { mode: "continuous" }, camera: FIVE_A_SECOND }, { name: "third" }]);
  await until("the new mode", () => client("second").states().at(-1)?.mode === "continuous");
  await verdicts("second");
  // The PLC knows parts by session and seq: what is counted from 1 again must not be taken for a copy.
  const keys = client("second")
    .results()
    .map(({ session, seq }) => `${session} ${seq}`);
  assert.equal(new Set(keys).size, keys.length);
  assert.notEqual(client("second").results().at(-1)?.boot, before?.boot);
  assert.deepEqual(client("second").texts("status"), ["1", "0", "1"]);
  await verdicts("stays");
  assertUntouched("stays");
});

test("a station that is removed says so, the broker forgets the rest of it, and the others do not notice", async () => {
  await reload([STAYS]);
  await verdicts("stays");
  for (const name of ["second", "third"]) {
    const texts = client(name).texts("status");
    assert.equal(texts.at(-1), "0");
    const count = client(name).results().length;
    await verdicts("stays");
    assert.equal(client(name).results().length, count);
  }
  assertUntouched("stays");
  // Who subscribes now finds nothing of it but that it is away.
  const late = await connectAsync(broker.url);
  const kept: string[] = [];
  late.on("message", (topic) => void kept.push(topic.split("/").slice(4).join("/")));
  await late.subscribeAsync("nominal/v1/test/line1/+/#", { qos: 1 });
  await until("the other's state", () => kept.includes("stays/state"));
  await verdicts("stays");
  await late.endAsync();
  const ofRemoved = kept.filter((topic) => !topic.startsWith("stays/")).sort();
  assert.deepEqual(ofRemoved, ["second/plc/state", "second/status", "third/plc/state", "third/status"]);
  const children = await daemon.children("capture.child");
  assert.equal(children.length, 1);
});

test("a station that comes back begins as a new one does", async () => {
  const before = client("third").results().length;
  await reload([STAYS, { name: "third", camera: FIVE_A_SECOND }]);
  await verdicts("third");
  assert.equal(client("third").results()[before]?.seq, 1);
  assertUntouched("stays");
});

test("a list of stations that is wrong changes nothing", async () => {
  const refusals = (): number => daemon.log().filter(({ msg }) => msg.startsWith("the configuration stays")).length;
  await line.write(severalStations(line, broker.url, [STAYS, STAYS]));
  daemon.kill("SIGHUP");
  await until("the refusal", () => refusals() === 1);
  await verdicts("third");
  assertUntouched("stays");
});
