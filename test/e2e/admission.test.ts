import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { NominaldProcess } from "../support/daemon-process.ts";
import type { LineClient } from "../support/line-client.ts";
import { startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { clientOf, connectAll, severalStations } from "../support/several-stations.ts";
import { ANY_VERDICTS, TestLine } from "../support/test-line.ts";
import { until } from "../support/until.ts";

let broker: Mosquitto;
let line: TestLine;
let daemon: NominaldProcess;
let clients: Map<string, LineClient>;

/** `greedy` asks for a part each hundredth of a millisecond, which no machine can do. */
const config = (admission: "refuse" | "warn", taktMs: number): object =>
  severalStations(
    line,
    broker.url,
    [
      { name: "modest", station: { taktMs: 200 }, camera: { framerate: 5 } },
      { name: "greedy", station: { taktMs }, camera: { framerate: 5 } },
    ],
    { admission },
  );

before(async () => {
  broker = await startMosquitto();
  line = await TestLine.prepare(ANY_VERDICTS);
  clients = await connectAll(broker.url, ["modest", "greedy"]);
  daemon = await line.start(config("refuse", 0.01));
});

after(async () => {
  daemon.kill("SIGTERM");
  await daemon.finished;
  for (const client of clients.values()) await client.close();
  await broker.dispose();
  await line.dispose();
});

const client = (name: string): LineClient => clientOf(clients, name);
const admissionOf = (name: string) => client(name).states().at(-1)?.admission;
const faultsOf = (name: string) =>
  client(name)
    .states()
    .at(-1)
    ?.faults.map((fault) => fault.name);

async function verdicts(name: string): Promise<void> {
  const count = (): number =>
    client(name)
      .results()
      .filter(({ verdict }) => verdict !== "NO_VERDICT").length;
  const before = count();
  await until(`verdicts of ${name}`, () => count() >= before + 3);
}

async function reload(next: object): Promise<void> {
  await line.write(next);
  daemon.kill("SIGHUP");
}

test("a station that cannot have what it asks for is refused with figures, and the other one works", async () => {
  await until("the refusal", () => admissionOf("greedy")?.verdict === "refused");
  const { detail } = await client("greedy").fault("admission-refused");
  assert.match(detail ?? "", /the frames of all stations take \d+ % of the time \(.*line1\/greedy [\d.]+ ms a frame/);
  assert.ok((admissionOf("greedy")?.utilisation ?? 0) > 1);
  await until("parts", () => client("greedy").results().length > 2);
  assert.ok(
    client("greedy")
      .results()
      .every(({ verdict, code }) => verdict === "NO_VERDICT" && code === "0305"),
  );
  assert.equal(client("greedy").texts("plc/state").at(-1), "8");
  assert.equal(admissionOf("modest")?.verdict, "admitted");
  await verdicts("modest");
});

test("under the policy warn it works, says that it is overbooked, and nothing begins anew", async () => {
  await reload(config("warn", 0.01));
  await until("the warning", () => admissionOf("greedy")?.verdict === "overbooked");
  await until("the fault", () => faultsOf("greedy")?.join() === "overbooked");
  await verdicts("greedy");
  assert.deepEqual(client("greedy").texts("status"), ["1"]);
});

test("a takt that can be met ends the fault", async () => {
  await reload(config("refuse", 200));
  await until("the admission", () => admissionOf("greedy")?.verdict === "admitted");
  await until("no fault", () => faultsOf("greedy")?.length === 0);
  await verdicts("greedy");
  await verdicts("modest");
});
