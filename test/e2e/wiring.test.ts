import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { connectAsync, type IPublishPacket } from "mqtt";
import { COMMAND_NAMES } from "../../src/mqtt/commands.ts";
import { CONTRACT } from "../../src/mqtt/contract.ts";
import { parseResult } from "../../src/mqtt/payloads.ts";
import type { NominaldProcess } from "../support/daemon-process.ts";
import { bankOffer, prepareDevice, sign } from "../daemon/delivery-rig.ts";
import { startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { ANY_VERDICTS, TestLine, writeParts } from "../support/test-line.ts";
import { until } from "../support/until.ts";

const run = promisify(execFile);
const ROOT = "nominal/v1/plant1/line1/washers";

let broker: Mosquitto;
let line: TestLine;
let daemon: NominaldProcess;

/** The station of config/example.yaml, in mode triggered. */
before(async () => {
  broker = await startMosquitto();
  line = await TestLine.prepare(ANY_VERDICTS);
  const path = join(line.folder, "parts");
  await writeParts(path, [null, null, null], 5_000);
  daemon = await line.run({
    broker: broker.url,
    camera: { source: "folder", path, loop: true, paced: true, framerate: 10 },
    station: { name: "washers", mode: "triggered" },
    device: { site: "plant1" },
  });
});

after(async () => {
  await daemon.dispose();
  await broker.dispose();
  await line.dispose();
});

/** What a client hears of the station from now on. */
async function listen() {
  const client = await connectAsync(broker.url, { reconnectPeriod: 0 });
  const heard: IPublishPacket[] = [];
  client.on("message", (_topic, _payload, packet) => heard.push(packet));
  await client.subscribeAsync(`${ROOT}/#`, { qos: 1 });
  return { client, heard };
}

async function ready(): Promise<void> {
  const { client, heard } = await listen();
  const says = (topic: string, payload: string): boolean =>
    heard.some((packet) => packet.topic === `${ROOT}/${topic}` && String(packet.payload) === payload);
  await until("a station that is ready", () => says("status", "1") && says("plc/state", "3"));
  await client.endAsync(true);
}

test("the README's lines for a PLC work as they stand there", async () => {
  await ready();
  const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  const [, script = ""] = /## Wiring a PLC[^]*?```sh\n([^]*?)```/.exec(readme) ?? [];
  assert.match(script, /mosquitto_pub/);
  // The clients take further options from these files; the lines themselves name no port.
  const home = join(line.folder, "clients");
  await mkdir(home);
  for (const name of ["mosquitto_pub", "mosquitto_sub"]) await writeFile(join(home, name), `-p ${broker.port}\n`);
  const env = { ...process.env, XDG_CONFIG_HOME: home };
  const { stdout } = await run("bash", ["-eu", "-c", script], { cwd: line.folder, env, timeout: 60_000 });
  const lines = stdout.trimEnd().split("\n");
  assert.deepEqual(lines.slice(0, 2).sort(), [`${ROOT}/plc/state 3`, `${ROOT}/status 1`]);
  assert.equal(lines[2], `${ROOT}/plc/accepted PLC-0001;0000000001;0000`);
  const result = parseResult(`${(lines[3] ?? "").slice(`${ROOT}/plc/result `.length).trimEnd()} `);
  assert.deepEqual([result.session, result.seq, result.part], ["PLC-0001", 1, "washer-1"]);
  assert.notEqual(result.verdict, "NO_VERDICT");
  const answer = JSON.parse(lines[4] ?? "") as { status: string; transaction: string; data: { passed: boolean } };
  assert.deepEqual([answer.status, answer.transaction, answer.data.passed], ["ok", "t1", true]);
  assert.equal(lines.length, 5);
});

/** `cmd/pause/res` is a message of `cmd/<name>/res`. */
function rowOf(topic: string) {
  const name = topic
    .slice(ROOT.length + 1)
    .replace(/^cmd\/[a-z-]+/, "cmd/<name>")
    .replace(/^bank\/blk\/.*/, "bank/blk/<transfer>/<offset>");
  return CONTRACT.find((row) => row.topic === name);
}

test("every message of a station has the topic, QoS and retain flag of the contract, and every topic is used", async () => {
  await ready();
  const { client, heard } = await listen();
  await client.publishAsync(`${ROOT}/plc/trigger`, "PLC-0002;1;p1;r1", { qos: 1 });
  await client.publishAsync(`${ROOT}/cmd/resume`, '{"transaction":"c1"}', { qos: 1 });
  await client.publishAsync(`${ROOT}/twin/desired`, "no envelope", { qos: 1 });
  await client.publishAsync(`${ROOT}/twin/try`, "no envelope", { qos: 1 });
  const { key } = prepareDevice(join(line.folder, "state"));
  const target = ROOT.slice("nominal/v1/".length);
  const { offer } = await bankOffer(line.bank);
  await client.publishAsync(`${ROOT}/bank/offer`, sign(offer, 1, key, target), { qos: 1 });
  await client.publishAsync(`${ROOT}/bank/blk/0123456789abcdef/0`, "nobody asked for it", { qos: 1 });
  const topics = (): Set<string | undefined> => new Set(heard.map(({ topic }) => rowOf(topic)?.topic));
  await until("a result", () => topics().has("plc/result"));
  await client.publishAsync(`${ROOT}/plc/ack`, "PLC-0002;1", { qos: 1 });
  // Of a bank in shadow shadow.test.ts tells.
  const expected = CONTRACT.filter(({ topic }) => topic !== "bank/flip");
  await until("every topic of the contract", () => expected.every(({ topic }) => topics().has(topic)));
  await client.publishAsync(`${ROOT}/bank/offer`, sign({ action: "withdraw", bankId: null }, 2, key, target), {
    qos: 1,
  });
  // A client that subscribes later gets what is retained, and nothing else at once.
  const late = await listen();
  const retained = CONTRACT.filter((row) => row.retained).map(({ topic }) => `${ROOT}/${topic}`);
  const kept = (): string[] => late.heard.filter(({ retain }) => retain).map(({ topic }) => topic);
  await until("what is retained", () => kept().length >= retained.length);
  assert.deepEqual(kept().sort(), retained.sort());
  for (const { topic, qos } of [...heard, ...late.heard]) {
    const row = rowOf(topic);
    assert.ok(row !== undefined, `${topic} is in no row of the contract`);
    assert.equal(qos, row.qos, topic);
  }
  await client.endAsync(true);
  await late.client.endAsync(true);
});

test("every command of the contract is answered by the station", async () => {
  const { client, heard } = await listen();
  for (const name of COMMAND_NAMES) {
    await client.publishAsync(`${ROOT}/cmd/${name}`, JSON.stringify({ transaction: "all", session: "hmi", seq: 1 }), {
      qos: 1,
    });
  }
  const answers = (): string[] => heard.map(({ topic }) => topic).filter((topic) => topic.endsWith("/res"));
  await until("an answer to each", () => answers().length >= COMMAND_NAMES.length);
  assert.deepEqual(answers().sort(), COMMAND_NAMES.map((name) => `${ROOT}/cmd/${name}/res`).sort());
  await client.endAsync(true);
});

test("the README's lines for pushing a configuration work as they stand there", async () => {
  await ready();
  const readme = await readFile(new URL("../../README.md", import.meta.url), "utf8");
  const [, script = "", printed = ""] =
    /## Pushing a configuration[^]*?```sh\n([^]*?)```\n\n((?: {4}.*\n)+)/.exec(readme) ?? [];
  assert.match(script, /nominald push config/);
  const bin = join(line.folder, "bin");
  await mkdir(bin);
  const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
  const node = [process.execPath, "--import", import.meta.resolve("tsx"), main].join(" ");
  await writeFile(join(bin, "nominald"), `#!/bin/sh\nexec ${node} "$@"\n`, { mode: 0o755 });
  const here = script
    .replaceAll("/var/lib/nominald", join(line.folder, "state"))
    .replaceAll("mqtt://127.0.0.1", broker.url);
  const env = { ...process.env, PATH: `${bin}:${process.env["PATH"]}` };
  const { stdout } = await run("bash", ["-eu", "-c", here], { cwd: line.folder, env, timeout: 120_000 });
  const withoutIds = (text: string): string => text.replace(/\b[0-9a-f]{16}\b/g, "ID");
  assert.equal(withoutIds(stdout), withoutIds(printed.replace(/^ {4}/gm, "")));
});
