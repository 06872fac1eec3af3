/**
 * From trigger to result as a PLC sees it, at 1, 5 and 20 parts a second, with the outbox on the disk: `npm run
 * bench:verdict`. The baseline is a message that goes from the same client through the same broker and back, interleaved
 * with the triggers. Prints a Markdown table with machine and commit. FOLDER=… puts the outbox on another disk.
 */
import { execFileSync } from "node:child_process";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { cpus, loadavg } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { connectAsync } from "mqtt";
import { parseResult } from "../../src/mqtt/payloads.ts";
import type { StateDocument } from "../../src/mqtt/state-document.ts";
import { percentile } from "../../src/patchcore/percentile.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { TestLine, writeParts } from "../support/test-line.ts";
import { until } from "../support/until.ts";

const ROOT = "nominal/v1/test/line1/st1";
const ECHO = "bench/echo";
/** Parts a second, and how many are sent. */
const RATES = [
  [1, 60],
  [5, 300],
  [20, 1_200],
] as const;
const WARM_UP_PARTS = 20;
/** Frames that lie between trigger and delivery on average: half a period of the camera. */
const FRAMERATE = 60;

const broker = await startMosquitto();
const line = await TestLine.prepare();
await writeParts(`${line.folder}/parts`, [null, null, null], 5_000);
const daemon = await line.run({
  broker: broker.url,
  camera: { source: "folder", path: `${line.folder}/parts`, loop: true, paced: true, framerate: FRAMERATE, slots: 8 },
  station: { mode: "triggered", pictures: { mask: false, overlay: false } },
  ...(process.env["FOLDER"] === undefined ? {} : { device: { stateFolder: process.env["FOLDER"] } }),
});
const client = await connectAsync(broker.url, { protocolVersion: 4 });
const sentAtMs = new Map<string, number>();
const tookMs = new Map<string, number>();
let state: StateDocument | undefined;
let plcState = "";
let status = "";
let noVerdicts = 0;
client.on("message", (topic, payload) => {
  const nowMs = performance.now();
  const took = (key: string): void => void tookMs.set(key, nowMs - (sentAtMs.get(key) ?? nowMs));
  if (topic === ECHO) took(`echo ${payload.toString()}`);
  if (topic === `${ROOT}/plc/result`) {
    const { seq, verdict } = parseResult(payload);
    took(`part ${seq}`);
    if (verdict === "NO_VERDICT") noVerdicts++;
  }
  if (topic === `${ROOT}/state`) state = JSON.parse(payload.toString()) as StateDocument;
  if (topic === `${ROOT}/plc/state`) plcState = payload.toString();
  if (topic === `${ROOT}/status`) status = payload.toString();
});
await client.subscribeAsync([`${ROOT}/#`, ECHO], { qos: 1 });
await until("a station that is ready", () => status === "1" && plcState === "3");

let seq = 0;
/** Sends parts at a steady rate and an echo halfway between two of them. @returns the seqs */
async function send(perSecond: number, parts: number): Promise<readonly number[]> {
  const seqs: number[] = [];
  const begunMs = performance.now();
  for (let i = 0; i < parts; i++) {
    await sleep(Math.max(0, begunMs + (1_000 * i) / perSecond - performance.now()));
    seqs.push(++seq);
    sentAtMs.set(`part ${seq}`, performance.now());
    client.publish(`${ROOT}/plc/trigger`, `bench;${seq};;`, { qos: 1 });
    await sleep(500 / perSecond);
    sentAtMs.set(`echo ${seq}`, performance.now());
    client.publish(ECHO, String(seq), { qos: 1 });
  }
  await until("all results", () => seqs.every((one) => tookMs.has(`part ${one}`) && tookMs.has(`echo ${one}`)));
  return seqs;
}

/** The station's counters now: a command makes it publish them. */
async function look(): Promise<StateDocument> {
  const before = state;
  client.publish(`${ROOT}/cmd/resume`, JSON.stringify({ transaction: `look-${seq}` }), { qos: 1 });
  await until("the state", () => state !== before);
  if (state === undefined) throw new Error("unreachable: it has just come");
  return state;
}

await send(5, WARM_UP_PARTS);
const commit = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8" }).trim();
console.log(
  `${cpus()[0]?.model ?? "?"} × ${cpus().length}, load ${loadavg()[0]?.toFixed(1)}, Node ${process.versions.node}, commit ${commit}; camera at ${FRAMERATE} frames a second\n`,
);
console.log(
  "| parts a second | parts | trigger → result P50 ms | P99 | P99.9 | echo through the broker P50 | P99 | ratio of the medians | time in SQLite | daemon's loop p99 | an idle loop's p99 |",
);
console.log("|---|---|---|---|---|---|---|---|---|---|---|");
for (const [perSecond, parts] of RATES) {
  const before = await look();
  const noVerdictsBefore = noVerdicts;
  // What the machine itself does to any loop at the same time.
  const idle = monitorEventLoopDelay({ resolution: 10 });
  idle.enable();
  const begunMs = performance.now();
  const seqs = await send(perSecond, parts);
  const spentMs = performance.now() - begunMs;
  idle.disable();
  const after = await look();
  const of = (kind: string): number[] => seqs.map((one) => tookMs.get(`${kind} ${one}`) ?? NaN);
  const ms = (values: number[], percent: number): string => percentile(values, percent).toFixed(1);
  const share = (after.storage.writeMs - before.storage.writeMs) / spentMs;
  const ratio = percentile(of("part"), 50) / percentile(of("echo"), 50);
  const cells = [
    ...[perSecond, `${parts} (${noVerdicts - noVerdictsBefore} without a verdict)`],
    ...[ms(of("part"), 50), ms(of("part"), 99), ms(of("part"), 99.9), ms(of("echo"), 50), ms(of("echo"), 99)],
    ...[ratio.toFixed(1), `${(100 * share).toFixed(1)} %`, after.eventLoop.p99Ms.toFixed(1)],
    Math.max(0, idle.percentile(99) / 1e6 - 10).toFixed(1),
  ];
  console.log(`| ${cells.join(" | ")} |`);
}
await client.endAsync();
await daemon.dispose();
await broker.dispose();
await line.dispose();
