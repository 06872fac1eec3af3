import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connectAsync, type MqttClient } from "mqtt";
import { stringify } from "yaml";
import { Counters } from "../../src/bank/counters.ts";
import { signDocument } from "../../src/bank/signed-document.ts";
import { generateSigningKey, readSigningKey } from "../../src/bank/signing-key.ts";
import { TrustedKeys } from "../../src/bank/trusted-keys.ts";
import { configCommand } from "../../src/cli/config.ts";
import type { CommandIo } from "../../src/cli/io.ts";
import { pushCommand } from "../../src/cli/push.ts";
import { valueAt } from "../../src/daemon/concerns.ts";
import type { TwinReport } from "../../src/mqtt/twin-payloads.ts";
import type { NominaldProcess } from "../support/daemon-process.ts";
import { LineClient } from "../support/line-client.ts";
import { freePort, startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { ANY_VERDICTS, TestLine, writeParts } from "../support/test-line.ts";
import { until } from "../support/until.ts";

/** Trials that fail end soon. */
const QUICK = { twin: { confirmWithinS: 4 }, history: { maxRateHz: 7 } };

const STATION = "nominal/v1/test/line1/st1";
const DEVICE = "nominal/v1/test/_device/bench";

let broker: Mosquitto;
let line: TestLine;
let daemon: NominaldProcess;
let client: LineClient;
let watcher: MqttClient;
const reports = new Map<string, TwinReport>();
const { privatePem, publicPem, keyId } = generateSigningKey();

/** One camera in mode continuous, so that verdicts go on all the time. */
function options(device: object = {}) {
  const path = join(line.folder, "parts");
  const camera = { source: "folder", path, loop: true, paced: true, framerate: 5 };
  return { broker: broker.url, camera, station: { mode: "continuous" }, device };
}

before(async () => {
  broker = await startMosquitto();
  line = await TestLine.prepare(ANY_VERDICTS);
  await writeParts(join(line.folder, "parts"), [null, null, null], 5_000);
  const keys = join(line.folder, "state", "keys");
  mkdirSync(keys, { recursive: true });
  TrustedKeys.open(keys).trust(publicPem, ["config"], "office", "a test", new Date());
  Counters.open(keys).rearm();
  writeFileSync(join(line.folder, "office.key"), privatePem);
  client = await LineClient.connect(broker.url);
  watcher = await connectAsync(broker.url);
  watcher.on("message", (topic, payload) => {
    reports.set(topic, JSON.parse(payload.toString()) as TwinReport);
  });
  await watcher.subscribeAsync([`${STATION}/twin/reported`, `${DEVICE}/twin/reported`], { qos: 1 });
  daemon = await line.run(options());
  await verdicts();
});

after(async () => {
  await daemon.dispose();
  await client.close();
  await watcher.endAsync(true);
  await broker.dispose();
  await line.dispose();
});

/** The next result that is no NO_VERDICT. */
async function verdicts(): Promise<void> {
  const from = client.results().length;
  await until("a verdict", () =>
    client
      .results()
      .slice(from)
      .some(({ verdict }) => verdict !== "NO_VERDICT"),
  );
}

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

function push(config: object, ...args: string[]): Promise<Said> {
  const target = args.includes("--device") ? [] : ["--station", "line1/st1"];
  return command(config, ["--to", broker.url, "--key", join(line.folder, "office.key"), ...target, ...args]);
}

async function command(config: object, args: readonly string[]): Promise<Said> {
  const file = join(line.folder, "push.yaml");
  writeFileSync(file, stringify(config));
  const said: { out: string[]; err: string[] } = { out: [], err: [] };
  const io: CommandIo = {
    out: (text) => said.out.push(text),
    err: (text) => said.err.push(text),
    isTerminal: false,
    signal: new AbortController().signal,
  };
  const code = await pushCommand(["config", file, ...args], io);
  return { code, out: said.out.join("\n"), err: said.err.join("\n") };
}

function reported(root: string): TwinReport {
  const report = reports.get(`${root}/twin/reported`);
  if (report === undefined) throw new Error(`Expected a report of ${root} but none came`);
  return report;
}

/** The value at a dotted path that a report says holds. */
function holds(root: string, path: string): unknown {
  return valueAt(reported(root).effective, path);
}

async function children(): Promise<{ capture: number[]; inference: number[] }> {
  return { capture: await daemon.children("capture.child"), inference: await daemon.children("inference.child") };
}

test("live keys hold from the next part on, and no process is started anew", async () => {
  const pids = await children();
  const dry = await push({ threshold: 123, commissioning: true }, "--dry-run");
  assert.deepEqual(dry, {
    code: 0,
    out: [
      "threshold: null → 123 [live]",
      "commissioning: false → true [live]",
      "test/line1/st1: nothing was changed",
    ].join("\n"),
    err: "",
  });
  assert.equal(reported(STATION).appliedVersion, 0);
  assert.deepEqual(await push({ threshold: 123, commissioning: true }), {
    code: 0,
    out: "test/line1/st1: version 1 is sent\ntest/line1/st1: ok; version 1 holds",
    err: "",
  });
  await until("the threshold in the state", () => client.states().at(-1)?.bank?.threshold === 123);
  await until("results with flag 08", () => ((client.results().at(-1)?.flags ?? 0) & 0x08) !== 0);
  // Nothing is above such a threshold.
  await until("a PASS", () => client.results().at(-1)?.verdict === "PASS");
  assert.deepEqual(await children(), pids);
  assert.deepEqual([holds(STATION, "threshold"), holds(STATION, "deadlineMs")], [123, 30_000]);
  assert.deepEqual(reported(STATION).counters, { [keyId]: 1 });
});

test("what a pushed document leaves out is as the device's own file says", async () => {
  assert.equal((await push({ threshold: 0.001 })).code, 0);
  await until("results without flag 08", () => ((client.results().at(-1)?.flags ?? 0xff) & 0x08) === 0);
  await until("a FAIL", () => client.results().at(-1)?.verdict === "FAIL");
});

test("config print --origin names what was pushed", async () => {
  const said: string[] = [];
  const out = { out: (text: string) => said.push(text), err: (text: string) => said.push(text) };
  await configCommand(["print", join(line.folder, "config.yaml"), "--origin"], out, {});
  assert.match(said.join("\n"), /^ {4}threshold: 0.001 # twin$/m);
  assert.match(said.join("\n"), /^ {4}deadlineMs: 30000 # file$/m);
});

test("a document that is wrong, replayed, or from another key changes nothing and is answered with what is wrong", async () => {
  const before = reported(STATION);
  const publish = async (
    counter: number,
    body: object,
    key = readSigningKey(privatePem, "a test"),
  ): Promise<TwinReport> => {
    const document = signDocument({ type: "config", target: "test/line1/st1", counter, body }, key);
    reports.delete(`${STATION}/twin/reported`);
    await watcher.publishAsync(`${STATION}/twin/desired`, document, { qos: 1 });
    await until("an answer", () => reports.get(`${STATION}/twin/reported`)?.status === "rejected");
    return reported(STATION);
  };
  const wrong = await publish(50, { threshold: -1, bank: "/etc/passwd", camera: { framrate: 3 }, region: null });
  assert.deepEqual(
    wrong.errors.map(({ path }) => path),
    ["threshold", "camera.framrate", "bank"],
  );
  assert.match(
    wrong.errors[2]?.message ?? "",
    /a key that a twin may set, but received one that only the device's own/,
  );
  assert.deepEqual([wrong.desiredVersion, wrong.appliedVersion], [50, before.appliedVersion]);
  assert.match((await publish(1, { threshold: 9 })).errors[0]?.message ?? "", /^counter-replayed/);
  const stranger = readSigningKey(generateSigningKey().privatePem, "a test");
  assert.match((await publish(51, { threshold: 9 }, stranger)).errors[0]?.message ?? "", /^key-untrusted/);
  assert.deepEqual(reported(STATION).effective, before.effective);
  // Two that are right by themselves and wrong together.
  assert.equal((await push({ camera: { framerate: 10, frameTimeoutMs: 50 } })).code, 4);
  await assert.rejects(push({ threshold: "high" }), { code: "config-invalid", message: /threshold \(line 1\)/ });
});

test("a camera key starts the capture process anew and nothing else, and is kept when the camera plays", async () => {
  const pids = await children();
  const said = await push({ camera: { framerate: 8 } });
  assert.deepEqual([said.code, said.err], [0, ""]);
  assert.match(said.out, /on trial\n.*: ok; version/);
  const now = await children();
  assert.notDeepEqual(now.capture, pids.capture);
  assert.deepEqual(now.inference, pids.inference);
  await verdicts();
});

async function reload(device: object, message: RegExp): Promise<void> {
  const lines = daemon.log().length;
  writeFileSync(join(line.folder, "config.yaml"), stringify(line.config(options(device))));
  daemon.kill("SIGHUP");
  await until("the reload", () =>
    daemon
      .log()
      .slice(lines)
      .some(({ msg }) => message.test(msg)),
  );
}

test("on SIGHUP the daemon takes its file over; a file that is wrong, or needs a start, changes nothing", async () => {
  const pids = await children();
  await reload({ log: { level: "loud" } }, /^the configuration stays as it was: .*log\.level/s);
  await reload({ device: "bench2" }, /^the configuration stays as it was: .*restart nominald/);
  await reload(QUICK, /^reloaded$/);
  await until("the report", () => holds(DEVICE, "history.maxRateHz") === 7);
  // What was pushed stands over the file.
  assert.equal(holds(STATION, "camera.framerate"), 8);
  assert.deepEqual(await children(), pids);
});

test("a document without a signature is taken only while the device's own file allows it, which state and log say", async () => {
  const unsigned = ["--to", broker.url, "--station", "line1/st1", "--unsigned"];
  const body = { camera: { framerate: 8 } };
  const refused = await command(body, unsigned);
  assert.deepEqual([refused.code, refused.err.split(":")[0]], [4, "unsigned"]);
  await reload(
    { ...QUICK, security: { allowUnsigned: true } },
    /^security\.allowUnsigned is true: whoever may publish/,
  );
  await until("the state to say so", () => client.states().at(-1)?.pushes.allowUnsigned === true);
  assert.equal((await command(body, unsigned)).code, 0);
  await reload(QUICK, /^reloaded$/);
  await until("the state to say so", () => client.states().at(-1)?.pushes.allowUnsigned === false);
  assert.match((await command(body, unsigned)).out, /: version 1 holds already$/);
  assert.equal((await command({ camera: { framerate: 9 } }, unsigned)).code, 4);
});

test("a configuration that loses the camera is taken back by itself", async () => {
  const said = await push({ camera: { framerate: 8, width: 64, height: 64 } });
  assert.equal(said.code, 5);
  assert.match(said.err, /line1\/st1's camera to play within 4 s but it was not so/);
  assert.match(said.out, /: rolled back; version/);
  await until("the camera", () => client.states().at(-1)?.camera.state === "playing");
  await verdicts();
  assert.deepEqual(holds(STATION, "camera.width"), null);
});

test("a configuration that loses the inference process is taken back by itself", async () => {
  // Libraries of that accelerator are on no machine that runs the tests.
  const said = await push({ inference: { provider: "tensorrt" } }, "--device", "bench");
  assert.equal(said.code, 5);
  assert.match(said.err, /line1\/st1's memory bank to be active within 4 s but it was not so/);
  await verdicts();
  assert.equal(holds(DEVICE, "inference.provider"), "cpu");
});

test("a configuration that loses the broker is taken back by itself", async () => {
  const said = await push({ broker: { url: `mqtt://127.0.0.1:${await freePort()}` } }, "--device", "bench");
  assert.equal(said.code, 5);
  assert.match(said.err, /connection to the broker to stand/);
  assert.match(said.err, /the document to come over the new connection/);
  await verdicts();
});

test("a configuration that moves to another broker is kept once it has come over the new connection", async () => {
  const second = await startMosquitto();
  const there = await LineClient.connect(second.url);
  try {
    const said = await push({ broker: { url: second.url } }, "--device", "bench", "--confirm-at", second.url);
    assert.deepEqual([said.code, said.err], [0, ""]);
    await until("a verdict on the other broker", () => there.results().length > 0);
    assert.equal(client.texts("status").at(-1), "0");
    // Without a document for the device its own file holds again: the first broker.
    const back = await connectAsync(second.url);
    const key = readSigningKey(privatePem, "a test");
    const { counters } = reported(DEVICE);
    const counter = (counters[keyId] ?? 0) + 2;
    const document = signDocument({ type: "config", target: "test/_device/bench", counter, body: {} }, key);
    await watcher.publishAsync(`${DEVICE}/twin/desired`, document, { qos: 1, retain: true });
    await back.publishAsync(`${DEVICE}/twin/desired`, document, { qos: 1, retain: true });
    await back.endAsync();
    await until("status 1 on the first broker", () => client.texts("status").at(-1) === "1");
    await until("the commit", () => reported(DEVICE).appliedVersion === counter && reported(DEVICE).status === "ok");
  } finally {
    await there.close();
    await second.dispose();
  }
});

test("a key of the inference process starts it anew and nothing else, and what was pushed outlives the daemon", async () => {
  const pids = await children();
  await reload({ twin: { confirmWithinS: 60 } }, /^reloaded$/);
  const said = await push({ inference: { threads: 1 } }, "--device", "bench");
  assert.deepEqual([said.code, said.err], [0, ""]);
  const now = await children();
  assert.notDeepEqual(now.inference, pids.inference);
  assert.deepEqual(now.capture, pids.capture);
  daemon.kill("SIGKILL");
  await daemon.finished;
  reports.clear();
  daemon = await line.run(options());
  await until("both reports", () => reports.size === 2);
  await verdicts();
  assert.equal(holds(DEVICE, "inference.threads"), 1);
  assert.equal(holds(STATION, "camera.framerate"), 8);
  const files = readdirSync(join(line.folder, "state", "twin")).sort();
  assert.deepEqual(files, ["_device.json", "line1.st1.json"]);
  assert.match(readFileSync(join(line.folder, "state", "twin", "line1.st1.json"), "utf8"), /"format": "nominald-twin"/);
});
