/**
 * `npm run soak -- --minutes 30`: the built daemon on two synthetic cameras and a real broker, watched from outside while the
 * broker is stopped and started and the process of one camera is killed; the other camera's lives through the run, as does the
 * inference process of both. Every two seconds memory and file descriptors of each process, files in shared memory and the size
 * of the database are read. Writes soak.csv and soak.svg into the output folder and prints a table.
 *
 * The first half is the warm-up. After it a quantity is `flat` when even the upper 95 % limit of its slope makes no more than
 * `allowed` of the time that is left (soak/trend.ts, soak/watch.ts); it `grows` when even the lower limit makes more;
 * `unsettled` is neither, and a longer run has to say. Exit code 1 unless all are flat, when a result is missing while the
 * broker was there, when a process was lost that nobody killed, or when the daemon does not stop in order.
 */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { connectAsync } from "mqtt";
import { stringify } from "yaml";
import { parseResult } from "../../src/mqtt/payloads.ts";
import { steadyMemory } from "../../src/shared/steady-memory.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { severalStations } from "../support/several-stations.ts";
import { ANY_VERDICTS, TestLine } from "../support/test-line.ts";
import { until } from "../support/until.ts";
import { machineLine } from "./machine.ts";
import { gapsOf, type Absence } from "./soak/gaps.ts";
import { csvOf, svgOf, tableOf, trendsOf, type SoakEvent, type SoakSample } from "./soak/report.ts";
import { DaemonWatch } from "./soak/watch.ts";

const ROOT = resolve(import.meta.dirname, "..", "..");
const STATIONS = ["st1", "st2"] as const;
const LINE = "nominal/v1/test/line1";
const SAMPLE_EVERY_MS = 2_000;
const WARM_UP_SHARE = 1 / 2;
/** What is left of fewer after the warm-up says nothing. */
const LEAST_MINUTES = 10;
const BROKER_AWAY_MS = 3_000;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "30" },
    out: { type: "string", default: "soak-out" },
    /** Frames of each camera scored a second; more of them make up for less time. */
    rate: { type: "string", default: "5" },
    /** Seconds between two restarts of the broker, and two kills of the camera's process. */
    "broker-every": { type: "string", default: "120" },
    "camera-every": { type: "string", default: "90" },
  },
});
const minutes = Number(values.minutes);
const [brokerEveryS, cameraEveryS] = [Number(values["broker-every"]), Number(values["camera-every"])];
const rateHz = Number(values.rate);
if (!(minutes >= LEAST_MINUTES && rateHz > 0 && rateHz <= 100 && brokerEveryS >= 20 && cameraEveryS >= 45)) {
  throw new Error(
    `Expected --minutes of ${LEAST_MINUTES} at least, --rate of 100 at most, --broker-every of 20 s and --camera-every of 45 s at least`,
  );
}
const out = resolve(values.out);
mkdirSync(out, { recursive: true });

const broker = await startMosquitto();
const line = await TestLine.prepare(ANY_VERDICTS);
const stateFolder = join(line.folder, "state");
const configFile = join(line.folder, "soak.yaml");
const camera = { source: "test", pattern: "ball", width: 640, height: 480, framerate: Math.ceil(2 * rateHz) };
const station = { mode: "continuous", maxRateHz: rateHz };
const stations = STATIONS.map((name) => ({ name, station, camera }));
writeFileSync(configFile, stringify(severalStations(line, broker.url, stations)));
/** As the service's unit starts it. */
const command = ["--max-semi-space-size=2", join(ROOT, "dist/main.js"), "run", "--config", configFile];
const daemon = spawn(process.execPath, command, {
  stdio: ["ignore", "ignore", "pipe"],
  env: { ...process.env, ...steadyMemory(process.env) },
});
let log = "";
daemon.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
const ended = new Promise<number | null>((done) => daemon.once("close", done));

const client = await connectAsync(broker.url, { protocolVersion: 4, reconnectPeriod: 200 });
/** When each result of a station was heard first, ms. */
const heardAtMs = new Map(STATIONS.map((name) => [`${LINE}/${name}/plc/result`, new Map<number, number>()]));
const absences: Absence[] = [];
const verdicts = new Map<string, number>();
const allVerdicts = (): number => [...verdicts.values()].reduce((sum, count) => sum + count, 0);
client.on("message", (topic, payload) => {
  const heard = heardAtMs.get(topic);
  if (heard === undefined) return;
  const { seq, verdict } = parseResult(payload);
  if (!heard.has(seq)) heard.set(seq, performance.now());
  if (verdict !== "NO_VERDICT") verdicts.set(topic, (verdicts.get(topic) ?? 0) + 1);
});
await client.subscribeAsync(`${LINE}/+/#`, { qos: 1 });
const verdictsOfAll = (label: string, more: number): Promise<void> => {
  const before = new Map(verdicts);
  return until(label, () =>
    [...heardAtMs.keys()].every((topic) => (verdicts.get(topic) ?? 0) >= (before.get(topic) ?? 0) + more),
  );
};
await verdictsOfAll("verdicts", 10);

const watch = new DaemonWatch(daemon.pid ?? 0, stateFolder);
const livesThrough = async (): Promise<string> => `${await watch.inference()}, ${(await watch.captures())[0]}`;
const atBegin = await livesThrough();
const samples: SoakSample[] = [];
const events: SoakEvent[] = [];
const begunMs = performance.now();
const atS = (): number => (performance.now() - begunMs) / 1_000;
const happened = (what: string): void => {
  events.push({ atS: atS(), what });
  console.error(`${atS().toFixed(0)} s: ${what}`);
};
const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());

let [nextBrokerS, nextCameraS] = [brokerEveryS, cameraEveryS / 2];
while (atS() < minutes * 60 && daemon.exitCode === null && !interrupted.signal.aborted) {
  samples.push({ atS: atS(), look: await watch.look() });
  if (atS() > nextBrokerS) {
    nextBrokerS += brokerEveryS;
    happened("broker restarted");
    const fromMs = performance.now();
    await broker.stop();
    await sleep(BROKER_AWAY_MS);
    await broker.start();
    await until("the subscriber again", () => client.connected);
    absences.push([fromMs, performance.now()]);
  } else if (atS() > nextCameraS) {
    nextCameraS += cameraEveryS;
    const youngest = (await watch.captures())[STATIONS.length - 1];
    if (youngest !== undefined) {
      process.kill(youngest, "SIGKILL");
      happened("camera killed");
    }
  }
  await sleep(SAMPLE_EVERY_MS);
}
const goesOn = await verdictsOfAll("verdicts at the end", 3).then(
  () => true,
  () => false,
);
const livedThrough = (await livesThrough()) === atBegin;
daemon.kill("SIGTERM");
const exitCode = await ended;
await client.endAsync();

const run = { samples, events, warmUpS: atS() * WARM_UP_SHARE };
writeFileSync(join(out, "soak.csv"), csvOf(run));
writeFileSync(join(out, "soak.svg"), svgOf(run));
writeFileSync(join(out, "daemon.log"), log);
const trends = trendsOf(run);
const gaps = [...heardAtMs.values()].map((heard) => gapsOf(heard, absences));
const [missing, unexplained] = (["missing", "unexplained"] as const).map((what) =>
  gaps.reduce((sum, one) => sum + one[what], 0),
);
const problems = [
  ...[...trends].flatMap(([name, { verdict }]) =>
    verdict === "flat" ? [] : [`${name} ${verdict === "grows" ? "GROWS" : "is UNSETTLED"}`],
  ),
  ...(goesOn ? [] : ["no verdicts at the end"]),
  ...(livedThrough ? [] : ["a process was lost that nobody killed"]),
  ...(exitCode === 0 ? [] : [`the daemon ended with ${exitCode}`]),
  ...(unexplained === 0 ? [] : [`${unexplained} gaps in the results while the broker was there`]),
];
console.log(`${machineLine()}; ${(atS() / 60).toFixed(1)} minutes, ${samples.length} samples\n`);
console.log(tableOf(trends));
console.log(
  `\n${allVerdicts()} verdicts heard of ${STATIONS.length} stations, ${missing} results missing while the broker was away`,
);
console.log(`${events.length} faults; ${join(out, "soak.svg")}, soak.csv, daemon.log`);
console.log(problems.length === 0 ? "FLAT" : problems.join("; "));
await broker.dispose();
await line.dispose();
process.exitCode = problems.length === 0 ? 0 : 1;
