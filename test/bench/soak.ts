/**
 * `npm run soak -- --minutes 30`: the built daemon on a synthetic camera and a real broker, watched from outside while the
 * broker is stopped and started and the camera's process is killed. Every two seconds memory and file descriptors of each
 * process, files in shared memory and the size of the database are read. Writes soak.csv and soak.svg into the output folder
 * and prints a table: flat or not after the warm-up, which is the first third. Exit code 1 when something grows, when a
 * verdict is missing while the broker was there, or when the daemon does not stop in order.
 */
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { connectAsync } from "mqtt";
import { stringify } from "yaml";
import { parseResult } from "../../src/mqtt/payloads.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { ANY_VERDICTS, TestLine } from "../support/test-line.ts";
import { until } from "../support/until.ts";
import { machineLine } from "./machine.ts";
import { csvOf, svgOf, tableOf, trendsOf, type SoakEvent, type SoakSample } from "./soak/report.ts";
import { DaemonWatch } from "./soak/watch.ts";

const ROOT = resolve(import.meta.dirname, "..", "..");
const STATION = "nominal/v1/test/line1/st1";
const SAMPLE_EVERY_MS = 2_000;
const WARM_UP_SHARE = 1 / 3;
const BROKER_AWAY_MS = 3_000;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "30" },
    out: { type: "string", default: "soak-out" },
    /** Frames scored a second; more of them make up for less time. */
    rate: { type: "string", default: "5" },
    /** Seconds between two restarts of the broker, and two kills of the camera's process. */
    "broker-every": { type: "string", default: "120" },
    "camera-every": { type: "string", default: "90" },
  },
});
const minutes = Number(values.minutes);
const [brokerEveryS, cameraEveryS] = [Number(values["broker-every"]), Number(values["camera-every"])];
const rateHz = Number(values.rate);
if (!(minutes >= 1 && rateHz > 0 && rateHz <= 100 && brokerEveryS >= 20 && cameraEveryS >= 45)) {
  throw new Error(
    "Expected --minutes of 1 at least, --rate of 100 at most, --broker-every of 20 s and --camera-every of 45 s at least",
  );
}
const out = resolve(values.out);
mkdirSync(out, { recursive: true });

const broker = await startMosquitto();
const line = await TestLine.prepare(ANY_VERDICTS);
const stateFolder = join(line.folder, "state");
const configFile = join(line.folder, "soak.yaml");
const camera = { source: "test", pattern: "ball", width: 640, height: 480, framerate: Math.ceil(2 * rateHz) };
writeFileSync(
  configFile,
  stringify(line.config({ broker: broker.url, camera, station: { mode: "continuous", maxRateHz: rateHz } })),
);
const daemon = spawn(process.execPath, [join(ROOT, "dist/main.js"), "run", "--config", configFile], {
  stdio: ["ignore", "ignore", "pipe"],
});
let log = "";
daemon.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
const ended = new Promise<number | null>((done) => daemon.once("close", done));

const client = await connectAsync(broker.url, { protocolVersion: 4, reconnectPeriod: 200 });
/** When each result was heard first, ms. */
const heardAtMs = new Map<number, number>();
/** From when to when the broker was away. */
const absences: (readonly [fromMs: number, toMs: number])[] = [];
let verdicts = 0;
client.on("message", (topic, payload) => {
  if (topic !== `${STATION}/plc/result`) return;
  const { seq, verdict } = parseResult(payload);
  if (!heardAtMs.has(seq)) heardAtMs.set(seq, performance.now());
  if (verdict !== "NO_VERDICT") verdicts++;
});
await client.subscribeAsync(`${STATION}/#`, { qos: 1 });
await until("verdicts", () => verdicts > 10);

const watch = new DaemonWatch(daemon.pid ?? 0, stateFolder);
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
    const pid = await watch.child("capture.child");
    if (pid !== null) process.kill(pid, "SIGKILL");
    happened("camera killed");
  }
  await sleep(SAMPLE_EVERY_MS);
}
const before = verdicts;
const goesOn = await until("verdicts at the end", () => verdicts > before + 3).then(
  () => true,
  () => false,
);
daemon.kill("SIGTERM");
const exitCode = await ended;
await client.endAsync();

const run = { samples, events, warmUpS: atS() * WARM_UP_SHARE };
writeFileSync(join(out, "soak.csv"), csvOf(run));
writeFileSync(join(out, "soak.svg"), svgOf(run));
writeFileSync(join(out, "daemon.log"), log);
const trends = trendsOf(run);
/** Of more results than the outbox keeps while the broker is away the oldest are lost, and flag 04 says so; of no others. */
let missing = 0;
let unexplained = 0;
const seqs = [...heardAtMs.keys()].sort((one, other) => one - other);
for (const [i, seq] of seqs.entries()) {
  const next = seqs[i + 1] ?? seq + 1;
  const [lastMs, nextMs] = [heardAtMs.get(seq) ?? 0, heardAtMs.get(next) ?? 0];
  missing += next - seq - 1;
  if (next > seq + 1 && !absences.some(([fromMs, toMs]) => fromMs < nextMs && toMs > lastMs)) unexplained++;
}
const problems = [
  ...[...trends].flatMap(([name, { isFlat }]) => (isFlat ? [] : [`${name} grows`])),
  ...(goesOn ? [] : ["no verdicts at the end"]),
  ...(exitCode === 0 ? [] : [`the daemon ended with ${exitCode}`]),
  ...(unexplained === 0 ? [] : [`${unexplained} gaps in the results while the broker was there`]),
];
console.log(`${machineLine()}; ${(atS() / 60).toFixed(1)} minutes, ${samples.length} samples\n`);
console.log(tableOf(trends));
console.log(
  `\n${verdicts} verdicts heard, results ${seqs[0]} to ${seqs.at(-1)}, ${missing} missing while the broker was away`,
);
console.log(`${events.length} faults; ${join(out, "soak.svg")}, soak.csv, daemon.log`);
console.log(problems.length === 0 ? "FLAT" : problems.join("; "));
await broker.dispose();
await line.dispose();
process.exitCode = problems.length === 0 ? 0 : 1;
