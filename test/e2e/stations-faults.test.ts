import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { NominaldProcess } from "../support/daemon-process.ts";
import type { LineClient } from "../support/line-client.ts";
import { startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { connectAll, severalStations } from "../support/several-stations.ts";
import { ANY_VERDICTS, TestLine } from "../support/test-line.ts";
import { isAlive, until } from "../support/until.ts";

const NAMES = ["a", "b", "c", "d"];
/** Ten parts a second of all four. */
const FRAMERATE = 2.5;
/** Far more than what the station may have waiting. */
const FLOOD = 250;
/** Verdicts of each other station that a fault is watched for. */
const WATCHED = 3;

let broker: Mosquitto;
let line: TestLine;
let daemon: NominaldProcess;
let clients: Map<string, LineClient>;
/** Parts of each station before its present fault and after its last one had healed: what happens between is its own. */
const faults = new Map<string, { from: number; to: number }[]>();

const config = (flooding?: string): object =>
  severalStations(
    line,
    broker.url,
    // A machine that is busy with other things may stand still for seconds: the frames of that time have room. Those of a
    // flood have not.
    NAMES.map((name) => ({
      name,
      station: { maxPending: name === flooding ? 4 : 64, pictures: { mask: true, overlay: false } },
      camera: name === flooding ? { framerate: FLOOD, slots: 4 } : { framerate: FRAMERATE, slots: 48 },
    })),
    // Process ids are read from the log, which holds repeats back at any other level.
    { log: { level: "debug" } },
  );

before(async () => {
  broker = await startMosquitto();
  line = await TestLine.prepare(ANY_VERDICTS);
  clients = await connectAll(broker.url, NAMES);
  daemon = await line.start(config());
  for (const name of NAMES) await verdicts(name);
});

after(async () => {
  daemon.kill("SIGTERM");
  await daemon.finished;
  for (const client of clients.values()) await client.close();
  await broker.dispose();
  await line.dispose();
});

const resultsOf = (name: string) => clients.get(name)?.results() ?? [];
const verdictsOf = (name: string) => resultsOf(name).filter(({ verdict }) => verdict !== "NO_VERDICT");

async function verdicts(name: string): Promise<void> {
  const before = verdictsOf(name).length;
  await until(`verdicts of ${name}`, () => verdictsOf(name).length >= before + WATCHED);
}

/** Waits for verdicts that were decided from now on: results come in order, so all before them have come then. */
async function freshVerdicts(name: string): Promise<void> {
  const nowMs = Date.now();
  await until(
    `fresh verdicts of ${name}`,
    () => verdictsOf(name).filter(({ epochMs }) => epochMs > nowMs).length >= WATCHED,
  );
}

/** Does something to one station, watches the others meanwhile, and waits until it gives verdicts again. */
async function during(
  victim: string,
  begin: () => void | Promise<void>,
  end: () => void | Promise<void>,
): Promise<void> {
  const from = resultsOf(victim).length;
  await begin();
  await Promise.all(NAMES.filter((name) => name !== victim).map(verdicts));
  await end();
  await freshVerdicts(victim);
  faults.set(victim, [...(faults.get(victim) ?? []), { from, to: resultsOf(victim).length }]);
}

/** The capture process that plays for the station now. */
function captureOf(name: string): number {
  const pids = daemon
    .log()
    .filter(({ msg, station }) => msg === "camera is playing" && station === `line1/${name}`)
    .map(({ childPid }) => Number(childPid));
  return pids.at(-1) ?? 0;
}

/** Of parts outside its own faults every one has a verdict, and none is missing. */
function assertNothingLost(): void {
  for (const name of NAMES) {
    const results = resultsOf(name);
    assert.deepEqual(
      results.map(({ seq }) => seq),
      results.map((_, i) => i + 1),
      name,
    );
    const own = faults.get(name) ?? [];
    const lost = results.filter(
      ({ verdict }, i) => verdict === "NO_VERDICT" && !own.some(({ from, to }) => i >= from && i < to),
    );
    assert.deepEqual(
      lost.map(({ seq, code }) => [seq, code]),
      [],
      name,
    );
    assert.equal(clients.get(name)?.states().at(-1)?.counters.deadlineMisses, 0, name);
    assert.deepEqual(clients.get(name)?.texts("status"), ["1"], name);
  }
}

test("a camera's process that is killed costs the other stations nothing", async () => {
  for (const victim of NAMES) {
    const pid = captureOf(victim);
    await during(
      victim,
      async () => {
        process.kill(pid, "SIGKILL");
        await until("its end", async () => !(await isAlive(pid)));
      },
      () => until("another one", () => captureOf(victim) !== pid),
    );
  }
  assertNothingLost();
});

test("a camera's process that hangs costs the other stations nothing", async () => {
  for (const victim of NAMES) {
    const pid = captureOf(victim);
    await during(
      victim,
      () => void process.kill(pid, "SIGSTOP"),
      // Its frame watchdog would end it, too, after its time.
      () => void process.kill(pid, "SIGKILL"),
    );
  }
  assertNothingLost();
});

test("a camera that floods its station costs the other stations nothing", async () => {
  for (const victim of NAMES) {
    const pid = captureOf(victim);
    const overruns = (): number => resultsOf(victim).filter(({ code }) => code === "0202").length;
    const before = overruns();
    await during(
      victim,
      async () => {
        await line.write(config(victim));
        daemon.kill("SIGHUP");
        await until("the flood", () => captureOf(victim) !== pid && overruns() > before);
      },
      async () => {
        const flooding = captureOf(victim);
        await line.write(config());
        daemon.kill("SIGHUP");
        await until("the end of the flood", () => captureOf(victim) !== flooding);
      },
    );
  }
  assertNothingLost();
});
