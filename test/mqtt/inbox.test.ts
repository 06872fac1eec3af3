import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { connectAsync } from "mqtt";
import type { CommandAnswer } from "../../src/mqtt/commands.ts";
import { formatAccepted, parseAck, parseTrigger } from "../../src/mqtt/plc-payloads.ts";
import type { InboxListener } from "../../src/mqtt/station-inbox.ts";
import { StationInbox } from "../../src/mqtt/station-inbox.ts";
import { stationTopics } from "../../src/mqtt/topics.ts";
import { InputError } from "../../src/shared/errors.ts";
import { silentLogger } from "../../src/shared/logger.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { noise } from "../support/noise.ts";
import { brokerConfig, IDENTITY, makeSession, outcome, until } from "./fixtures.ts";

test("a trigger is read with its padding or without it", () => {
  const padded = `PLC-1   ;0000000042;${"washer.7".padEnd(32)};${"r1".padEnd(16)}`;
  assert.equal(padded.length, 69);
  const trigger = { session: "PLC-1", seq: 42, part: "washer.7", recipe: "r1" };
  assert.deepEqual(parseTrigger(Buffer.from(padded)).trigger, trigger);
  assert.deepEqual(parseTrigger(Buffer.from("PLC-1;42;washer.7;r1")).trigger, trigger);
  assert.deepEqual(parseTrigger(Buffer.from("PLC-1;42;;")).trigger, { ...trigger, part: "", recipe: "" });
  assert.deepEqual(parseTrigger(Buffer.from("PLC-1;42;a part;")), { session: "PLC-1", seq: 42, trigger: null });
  assert.deepEqual(parseAck(Buffer.from("PLC-1   ;0000000042")), { session: "PLC-1", seq: 42 });
  assert.equal(formatAccepted(trigger, null), "PLC-1   ;0000000042;0000");
  assert.equal(formatAccepted(trigger, "session-over"), "PLC-1   ;0000000042;0602");
});

test("what cannot name its part is refused", () => {
  for (const text of [
    "",
    "PLC-1",
    "PLC-1;0;;",
    "PLC-1;-1;;",
    "PLC-1;1e3;;",
    ";1;;",
    "PLC 1;1;;",
    "123456789;1;;",
    "a;1;;;",
  ]) {
    assert.throws(() => parseTrigger(Buffer.from(text)), InputError, text);
  }
  assert.throws(() => parseAck(Buffer.from("PLC-1;1;")), InputError);
});

/** An inbox whose listener writes down what it is told. */
function inbox(): {
  box: StationInbox;
  told: string[];
  answers: [string, CommandAnswer][];
  send: (topic: string, payload: Uint8Array, retained?: boolean) => void;
} {
  const told: string[] = [];
  const answers: [string, CommandAnswer][] = [];
  const topics = stationTopics(IDENTITY);
  const box = new StationInbox(topics, (name, answer) => void answers.push([name, answer]), silentLogger);
  const listener: InboxListener = {
    trigger: ({ session, seq, part }) => void told.push(`trigger ${session} ${seq} ${part}`),
    malformedTrigger: ({ session, seq }) => void told.push(`malformed ${session} ${seq}`),
    acknowledged: ({ seq }) => seq === 1,
    command: (name) => {
      told.push(`command ${name}`);
      return Promise.resolve({ done: name });
    },
  };
  box.listen(listener);
  const send = (topic: string, payload: Uint8Array, retained = false): void => {
    const subscription = box
      .subscriptions()
      .find((one) => one.topic.replace(/\/\+$/, "/") === topic.replace(/(cmd\/).*$/, "$1"));
    assert.ok(subscription !== undefined, topic);
    subscription.handle(payload, retained, topic);
  };
  return { box, told, answers, send };
}

const { plcTrigger, plcAck, command } = stationTopics(IDENTITY);
const text = (value: unknown): Buffer => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("retained triggers, acknowledgements and commands change nothing, and are counted", () => {
  const { box, told, send } = inbox();
  send(plcTrigger, text("s1;1;;"), true);
  send(plcAck, text("s1;1"), true);
  send(`${command}/pause`, text({ transaction: "t" }), true);
  assert.deepEqual(told, []);
  assert.deepEqual(box.counters().ignored, { "trigger-retained": 1, "ack-retained": 1, "command-retained": 1 });
});

test("a command is carried out once and answered once, however often it is delivered", async () => {
  const { box, told, answers, send } = inbox();
  for (let i = 0; i < 3; i++) send(`${command}/pause`, text({ transaction: "t1" }));
  send(`${command}/pause`, text({ transaction: "t2" }));
  await settle();
  assert.deepEqual(told, ["command pause", "command pause"]);
  assert.deepEqual(
    answers.map(([name, answer]) => [name, answer.status, answer.transaction, answer.data]),
    ["t1", "t2"].map((transaction) => ["pause", "ok", transaction, { done: "pause" }]),
  );
  assert.equal(box.counters().commands.repeated, 2);
});

test("unknown and malformed commands are answered with an error and change nothing", async () => {
  const { box, told, answers, send } = inbox();
  send(`${command}/fly`, text({ transaction: "t" }));
  for (const payload of [
    "",
    "{",
    "[]",
    "7",
    "{}",
    '{"transaction":7}',
    `{"transaction":"${"x".repeat(65)}"}`,
    " ".repeat(5_000),
  ]) {
    send(`${command}/pause`, text(payload));
  }
  await settle();
  assert.deepEqual(told, []);
  assert.equal(answers.length, 9);
  assert.ok(answers.every(([, { status, data }]) => status === "error" && data === null));
  assert.deepEqual([answers[0]?.[1].error?.code, answers[0]?.[1].transaction], ["command-unknown", "t"]);
  assert.deepEqual([answers[1]?.[1].error?.code, answers[1]?.[1].transaction], ["command-malformed", null]);
  assert.deepEqual(box.counters().commands.failed, { "command-unknown": 1, "command-malformed": 8 });
});

test("10,000 malformed messages: no crash, nothing told that is not well-formed, each counted", async () => {
  const { box, told, answers, send } = inbox();
  let sent = 0;
  fc.assert(
    fc.property(noise, fc.constantFrom(plcTrigger, plcAck, `${command}/pause`, `${command}/x y`), (bytes, topic) => {
      send(topic, bytes);
      sent++;
    }),
    { numRuns: 10_000 },
  );
  for (let i = 0; i < 10; i++) await settle();
  for (const line of told)
    assert.match(line, /^(trigger|malformed) [0-9A-Za-z._-]{1,8} [0-9]{1,10}( [0-9A-Za-z._-]{0,32})?$|^command pause$/);
  const { triggers, acknowledgements, commands, ignored } = box.counters();
  const all = Object.values(ignored).reduce((sum, count) => sum + count, triggers + acknowledgements);
  const { answered, repeated, unnameable } = commands;
  const failed = Object.values(commands.failed).reduce((sum, count) => sum + count, 0);
  assert.equal(all + answered + failed + repeated + unnameable, sent);
  assert.equal(answers.length, answered + failed);
});

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "nominald-acl-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

test("with the example ACL on mosquitto a PLC can trigger, a historian cannot, and the station can say all it has to", async (t) => {
  const example = fileURLToPath(new URL("../../config/acl/mosquitto.acl", import.meta.url));
  const path = await folder(t);
  const { site, line, station } = IDENTITY;
  const acl = (await readFile(example, "utf8"))
    .replaceAll("plant1/line1/st1", `${site}/${line}/${station}`)
    .replaceAll("v1/plant1/", `v1/${site}/`);
  await writeFile(join(path, "nominald.acl"), acl);
  const users = { nominald: "n", plc: "p", historian: "h", operator: "o", engineer: "e" };
  const mosquitto = await startMosquitto({ users, config: [`acl_file ${join(path, "nominald.acl")}`] });
  t.after(() => mosquitto.dispose());
  await writeFile(join(path, "password"), "n\n");
  const told: string[] = [];
  const session = makeSession(
    brokerConfig(mosquitto.url, { username: "nominald", passwordFile: join(path, "password") }),
    { twin: { receive: (payload) => told.push(`twin ${Buffer.from(payload).toString()}`), tryOut: () => undefined } },
  );
  t.after(() => session.close(200));
  session.listen({
    trigger: ({ session: name, seq }) => {
      told.push(`${name} ${seq}`);
      session.answerTrigger({ session: name, seq }, null);
      session.publishOutcome(outcome(seq, { session: name }), { total: 1, ng: 0 });
    },
    malformedTrigger: () => undefined,
    command: (name) => Promise.resolve({ name }),
  });
  session.start();
  await until("a connection", () => session.status().state === "connected");
  const login = async (username: "plc" | "historian" | "operator" | "engineer") => {
    const client = await connectAsync(mosquitto.url, { username, password: users[username], protocolVersion: 4 });
    t.after(() => client.endAsync(true));
    return client;
  };
  const [plc, historian, operator] = [await login("plc"), await login("historian"), await login("operator")];
  const heard: string[] = [];
  plc.on("message", (topic) => heard.push(topic));
  historian.on("message", (topic) => heard.push(`historian ${topic}`));
  operator.on("message", (topic) => heard.push(`operator ${topic}`));
  const { root } = session.topics;
  await plc.subscribeAsync([`${root}/plc/accepted`, `${root}/plc/result`], { qos: 1 });
  await historian.subscribeAsync(`${root}/#`, { qos: 1 });
  await operator.subscribeAsync(`${root}/cmd/pause/res`, { qos: 1 });
  await historian.publishAsync(`${root}/plc/trigger`, "h;1;;", { qos: 1 });
  const engineer = await login("engineer");
  for (const other of [plc, historian, operator])
    await other.publishAsync(`${root}/twin/desired`, "theirs", { qos: 1 });
  await engineer.publishAsync(`${root}/twin/desired`, "signed", { qos: 1 });
  await engineer.publishAsync(`${root}/plc/trigger`, "e;1;;", { qos: 1 });
  await operator.publishAsync(`${root}/cmd/trigger`, '{"transaction":"x","session":"o","seq":1}', { qos: 1 });
  await plc.publishAsync(`${root}/cmd/pause`, '{"transaction":"y"}', { qos: 1 });
  await operator.publishAsync(`${root}/cmd/pause`, '{"transaction":"z"}', { qos: 1 });
  await plc.publishAsync(`${root}/plc/trigger`, "p;1;;", { qos: 1 });
  await until("the result at the PLC", () => heard.includes(`${root}/plc/result`));
  await until("the result at the historian", () => heard.includes(`historian ${root}/plc/result`));
  await until("the answer at the operator", () => heard.includes(`operator ${root}/cmd/pause/res`));
  assert.ok(heard.includes(`${root}/plc/accepted`));
  assert.deepEqual(told, ["twin signed", "p 1"]);
  assert.equal(session.counters().inbox.commands.answered, 1);
  assert.equal(session.counters().refused, 0);
});
