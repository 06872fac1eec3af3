import { parseArgs } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { connectAsync } from "mqtt";
import { pushCommand } from "../../src/cli/push.ts";
import { parseResult } from "../../src/mqtt/payloads.ts";
import { percentile } from "../../src/patchcore/percentile.ts";
import { nominald } from "../support/daemon-process.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { TestLine, writeParts } from "../support/test-line.ts";
import { until } from "../support/until.ts";
import { machineLine } from "./machine.ts";

/**
 * From trigger to result at 10 parts a second while a bank is pushed, against the time before each push, in turns:
 * `npm run bench:push`. A turn: parts without a push; a push, from its offer to its probation. Prints a Markdown table;
 * `-- --turns N`, default 5. The goal: median and P99 at most 1.3 times those without a push, and no part without a verdict.
 */
const { values } = parseArgs({ options: { turns: { type: "string", default: "5" } } });
const TURNS = Number(values.turns);
const ROOT = "nominal/v1/test/line1/st1";
const PER_SECOND = 10;
/** Without a push. */
const QUIET_PARTS = 150;
/** Parts after a push that count for neither: its probation has begun, and the next turn has not. */
const REST_PARTS = 20;
/** A transfer of some seconds. */
const DELIVERY = { minFreeMebibytes: 0, maxKibibytesPerS: 512, probationParts: 10, maxLatencyRatio: 100 };
/** A busy machine is no reason to take a bank back here. */
const NEVER_BACK = { maxNoVerdictRise: 1, maxFailRise: 1 };

const broker = await startMosquitto();
const line = await TestLine.prepare();
const key = `${line.folder}/bench.key`;
const second = `${line.folder}/second.bank`;
await writeParts(`${line.folder}/parts`, [null, null, null], 5_000);
const images = ["--images", `${line.folder}/nominal`, "--size", "320", "--ratio", "0.01"];
for (const args of [
  ["fit", ...images, "--out", second, "--name", "second", "--false-reject-rate", "0.025"],
  ["keys", "generate", "--out", key],
  ["keys", "trust", `${key}.pub`, "--state", `${line.folder}/state`, "--role", "bank"],
]) {
  const { code, stderr } = await nominald(args);
  if (code !== 0) throw new Error(stderr);
}
const daemon = await line.run({
  broker: broker.url,
  camera: { source: "folder", path: `${line.folder}/parts`, loop: true, paced: true, framerate: 60, slots: 64 },
  station: { mode: "triggered", pictures: { mask: false, overlay: false } },
  device: { delivery: { ...DELIVERY, ...NEVER_BACK } },
});
const client = await connectAsync(broker.url, { protocolVersion: 4 });
const sentAtMs = new Map<number, number>();
const tookMs = new Map<number, number>();
const noVerdicts = new Set<number>();
let [plcState, status, stage] = ["", "", ""];
client.on("message", (topic, payload) => {
  if (topic === `${ROOT}/plc/result`) {
    const { seq, verdict } = parseResult(payload);
    tookMs.set(seq, performance.now() - (sentAtMs.get(seq) ?? NaN));
    if (verdict === "NO_VERDICT") noVerdicts.add(seq);
  } else if (topic === `${ROOT}/plc/state`) plcState = payload.toString();
  else if (topic === `${ROOT}/status`) status = payload.toString();
  else if (topic === `${ROOT}/bank/state`) {
    stage = (JSON.parse(payload.toString()) as { delivery: { stage: string } | null }).delivery?.stage ?? "";
  }
});
await client.subscribeAsync([`${ROOT}/plc/#`, `${ROOT}/status`, `${ROOT}/bank/state`], { qos: 1 });
await until("a station that is ready", () => status === "1" && plcState === "3");

let seq = 0;
/** Sends parts at a steady rate until it is over. @returns their seqs */
async function send(isOver: (parts: number) => boolean): Promise<{ seq: number; stage: string }[]> {
  const sent: { seq: number; stage: string }[] = [];
  for (const begunMs = performance.now(); !isOver(sent.length);) {
    sentAtMs.set(++seq, performance.now());
    client.publish(`${ROOT}/plc/trigger`, `bench;${seq};;`, { qos: 1 });
    sent.push({ seq, stage });
    await sleep(Math.max(0, begunMs + (1_000 * sent.length) / PER_SECOND - performance.now()));
  }
  await until("all results", () => sent.every((one) => tookMs.has(one.seq)));
  return sent;
}

async function push(args: readonly string[]): Promise<void> {
  const err: string[] = [];
  const io = { out: () => undefined, err: (text: string) => err.push(text), isTerminal: false };
  const to = ["--to", broker.url, "--station", "line1/st1", "--key", key];
  const code = await pushCommand(["bank", ...args, ...to], { ...io, signal: new AbortController().signal });
  if (code !== 0) throw new Error(err.join("\n"));
}

const quiet: number[] = [];
const during: { seq: number; stage: string }[] = [];
await send((parts) => parts >= REST_PARTS);
for (let turn = 1; turn <= TURNS; turn++) {
  quiet.push(...(await send((parts) => parts >= QUIET_PARTS)).map((one) => one.seq));
  const pushed = push([second, "--until", "committed"]);
  let failed: unknown = null;
  pushed.catch((error: unknown) => (failed = error ?? new Error("failed")));
  await until("the offer to be taken", () => stage === "receiving" || failed !== null);
  during.push(...(await send(() => ["probation", "committed"].includes(stage) || failed !== null)));
  await send((parts) => parts >= REST_PARTS);
  await pushed;
  await push(["--rollback"]);
  await send((parts) => parts >= REST_PARTS);
}
const times = (seqs: readonly number[]): number[] => seqs.map((one) => tookMs.get(one) ?? NaN);
console.log(`${machineLine()}; ${TURNS} pushes, ${PER_SECOND} parts a second\n`);
console.log("| | parts | without a verdict | P50 ms | P99 ms | largest ms |");
console.log("|---|---|---|---|---|---|");
const row = (name: string, seqs: readonly number[]): void => {
  if (seqs.length === 0) return;
  const of = times(seqs);
  const ms = [percentile(of, 50), percentile(of, 99), Math.max(...of)].map((value) => value.toFixed(1));
  const missed = seqs.filter((one) => noVerdicts.has(one)).length;
  console.log(`| ${[name, seqs.length, missed, ...ms].join(" | ")} |`);
};
row("no push", quiet);
row(
  "a push",
  during.map((one) => one.seq),
);
for (const at of ["receiving", "gate", "activating"]) {
  row(
    `of them ${at}`,
    during.filter((one) => one.stage === at).map((one) => one.seq),
  );
}
const ratio = (percent: number): string =>
  (percentile(times(during.map((one) => one.seq)), percent) / percentile(times(quiet), percent)).toFixed(2);
console.log(`\nratio of the medians ${ratio(50)}, of P99 ${ratio(99)}; the goal is 1.3`);
await client.endAsync(true);
await daemon.dispose();
await broker.dispose();
await line.dispose();
