import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parseHeartbeat, parseResult } from "../../src/mqtt/payloads.ts";
import type { StationSession } from "../../src/mqtt/station-session.ts";
import type { Mosquitto } from "../support/mosquitto.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { brokerConfig, Cable, Listener, LogBook, makeSession, outcome, pictures, record, until } from "./fixtures.ts";

async function broker(t: TestContext, config: readonly string[] = []): Promise<Mosquitto> {
  const mosquitto = await startMosquitto({ config });
  t.after(() => mosquitto.dispose());
  return mosquitto;
}

async function listener(t: TestContext, mosquitto: Mosquitto): Promise<Listener> {
  const heard = new Listener();
  t.after(() => heard.stop());
  return heard.start(mosquitto.url);
}

function start(t: TestContext, session: StationSession): StationSession {
  t.after(() => session.close(200));
  session.start();
  return session;
}

/** A cable to the broker; stations connect to its `url`. */
async function attach(t: TestContext, mosquitto: Mosquitto): Promise<Cable> {
  const cable = new Cable(mosquitto.port);
  t.after(() => cable.stop());
  await cable.start();
  return cable;
}

const connected = (session: StationSession) => until("a connection", () => session.status().state === "connected");
const totals = (total: number) => ({ total, ng: 0 });

for (const version of ["5", "3.1.1"] as const) {
  test(`a station says who it is and what became of a part, over MQTT ${version}`, async (t) => {
    const mosquitto = await broker(t);
    const heard = await listener(t, mosquitto);
    const session = start(t, makeSession(brokerConfig(mosquitto.url, { version }), { heartbeatMs: 20 }));
    await connected(session);
    session.setPlcState("5");
    session.setBank("washer-1a2b3c4d");
    let publishedAt: number | null | undefined;
    const failed = outcome(1, { verdict: "FAIL", score: 2, flags: 8 });
    session.publishOutcome(failed, { total: 1, ng: 1 }, (atWallMs) => (publishedAt = atWallMs));
    session.publishPictures(pictures(1));
    session.publishRecord(record(1));
    await until("the record", () => heard.texts("inspection").length === 1);
    await until("the pictures", () => heard.texts("image/mask").length === 1);
    await until("two heartbeats", () => heard.texts("plc/hb").length >= 2);

    assert.equal(typeof publishedAt, "number");
    assert.deepEqual(heard.texts("status"), ["1"]);
    assert.equal(heard.texts("plc/state").at(-1), "5");
    assert.deepEqual(heard.texts("plc/result"), [
      `V1;0badcafe;0badcafe;0000000001;${" ".repeat(32)};2;0000;002000;1700000000001;08 `,
    ]);
    assert.equal(heard.texts("tag/verdict")[0], "2");
    assert.equal(heard.texts("tag/score")[0], "2000");
    assert.deepEqual(heard.texts("tag/part"), [""]);
    assert.equal(heard.texts("tag/bank").at(-1), "washer-1a2b3c4d");
    assert.equal(heard.texts("tag/total").at(-1), "1");
    assert.equal(heard.texts("tag/ng").at(-1), "1");
    const beats = heard.texts("plc/hb").map(parseHeartbeat);
    assert.ok((beats[1]?.counter ?? 0) > (beats[0]?.counter ?? 0));

    const qos = (topic: string) => heard.seen.find((message) => message.topic === topic)?.packet.qos;
    assert.deepEqual(["status", "plc/state", "plc/result", "inspection"].map(qos), [1, 1, 1, 1]);
    assert.deepEqual(["plc/hb", "tag/verdict", "tag/bank", "image/mask"].map(qos), [0, 0, 0, 0]);
    const picture = heard.seen.find((message) => message.topic === "image/mask")?.packet.properties;
    assert.equal(picture?.contentType, version === "5" ? "image/png" : undefined);
    assert.equal(picture?.userProperties?.["seq"], version === "5" ? "1" : undefined);

    // Who comes later finds only what is retained: above all no result.
    const late = new Listener();
    t.after(() => late.stop());
    await late.start(mosquitto.url, { clientId: "late" });
    await until("the retained values", () => late.texts("tag/ng").length > 0);
    const retained = late.seen.filter((message) => message.packet.retain).map((message) => message.topic);
    assert.deepEqual([...retained].sort(), ["plc/state", "status", "tag/bank", "tag/ng", "tag/total"]);
  });
}

test("a clean end says status 0 and leaves; an open result goes first", async (t) => {
  const mosquitto = await broker(t);
  const heard = await listener(t, mosquitto);
  const session = start(t, makeSession(brokerConfig(mosquitto.url)));
  await connected(session);
  session.publishOutcome(outcome(1), totals(1));
  session.setPlcState("9");
  await session.close();
  await until("status 0", () => heard.texts("status").includes("0"));
  const order = heard.seen.map((message) => message.topic);
  assert.ok(order.indexOf("plc/result") < order.lastIndexOf("status"));
  assert.deepEqual(heard.texts("status"), ["1", "0"]);
  assert.equal(session.status().state, "closed");
  await session.close();
});

test("a station whose process is killed is reported by its will", async (t) => {
  const mosquitto = await broker(t);
  const heard = await listener(t, mosquitto);
  const script = fileURLToPath(new URL(`hold-session.child${import.meta.url.slice(-3)}`, import.meta.url));
  const child = spawn(process.execPath, [...process.execArgv, script, mosquitto.url], { stdio: "inherit" });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  t.after(() => child.kill("SIGKILL"));
  await until("the birth", () => heard.texts("status").includes("1"));
  assert.deepEqual(heard.texts("status"), ["1"]);
  child.kill("SIGKILL");
  await ended;
  await until("the will", () => heard.texts("status").includes("0"));
  const late = new Listener();
  t.after(() => late.stop());
  await late.start(mosquitto.url, { clientId: "late" });
  await until("the retained will", () => late.texts("status").length > 0);
  assert.deepEqual(late.texts("status"), ["0"]);
});

test("a broker that keeps nothing gets all retained values again when it comes back", async (t) => {
  const mosquitto = await broker(t);
  const heard = await listener(t, mosquitto);
  const session = start(t, makeSession(brokerConfig(mosquitto.url)));
  session.setPlcState("3");
  session.setBank("washer-1a2b3c4d");
  await until("the first greeting", () => heard.texts("tag/ng").length === 1);
  await mosquitto.kill();
  await until("the loss", () => session.status().state !== "connected" && !heard.subscribed);
  heard.seen.length = 0;
  session.setPlcState("8");
  await mosquitto.start();
  await until("the second greeting", () => session.counters().connects === 2 && heard.subscribed);
  await until("the values", () => heard.texts("tag/ng").length > 0 && heard.texts("status").length > 0);
  assert.deepEqual(heard.texts("plc/state"), ["8"]);
  assert.deepEqual(heard.texts("status"), ["1"]);
  assert.deepEqual(heard.texts("tag/bank"), ["washer-1a2b3c4d"]);
});

test("after an outage the last eight results are delivered and say what is a copy and that others were lost", async (t) => {
  const mosquitto = await broker(t);
  const heard = await listener(t, mosquitto);
  const cable = await attach(t, mosquitto);
  const session = start(t, makeSession(brokerConfig(cable.url)));
  await until("the greeting", () => heard.texts("tag/ng").length === 1);
  cable.toBroker = false;
  for (let seq = 1; seq <= 3; seq++) session.publishOutcome(outcome(seq), totals(seq));
  cable.cut();
  await until("the loss", () => session.status().state !== "connected");
  for (let seq = 4; seq <= 10; seq++) {
    session.publishOutcome(outcome(seq), totals(seq), (atWallMs) => assert.equal(atWallMs, null));
    session.publishRecord(record(seq));
  }
  assert.deepEqual(heard.texts("plc/result"), []);
  cable.mend();
  await until("the results", () => heard.texts("plc/result").length === 8);
  await until("the records", () => heard.texts("inspection").length === 7);
  assert.deepEqual(
    heard.texts("plc/result").map((line) => [parseResult(line).seq, parseResult(line).flags]),
    // 1 and 2 are lost. 3 was sent before (01). 4 is the first that leaves for the first time (04).
    [[3, 1], [4, 4], ...[5, 6, 7, 8, 9, 10].map((seq) => [seq, 0])],
  );
  assert.equal(session.counters().resultsLost, 2);
  await until("the acknowledgements", () => session.counters().resultsOpen === 0);
});

test("a result whose acknowledgement was lost comes again, equal but for flag 01", async (t) => {
  const mosquitto = await broker(t);
  const heard = await listener(t, mosquitto);
  const cable = await attach(t, mosquitto);
  const session = start(t, makeSession(brokerConfig(cable.url)));
  await until("the greeting", () => heard.texts("tag/ng").length === 1);
  cable.toStation = false;
  session.publishOutcome(outcome(1), totals(1));
  await until("the result", () => heard.texts("plc/result").length === 1);
  cable.cut();
  await until("the loss", () => session.status().state !== "connected");
  cable.mend();
  await until("the copy", () => heard.texts("plc/result").length === 2);
  const [first = "", second = ""] = heard.texts("plc/result");
  assert.equal(first.slice(-4), ";00 ");
  assert.equal(second, first.replace(/00 $/, "01 "));
});

test("a burst of results on a connection that stands is not lost", async (t) => {
  const mosquitto = await broker(t);
  const heard = await listener(t, mosquitto);
  const session = start(t, makeSession(brokerConfig(mosquitto.url)));
  await connected(session);
  for (let seq = 1; seq <= 100; seq++) session.publishOutcome(outcome(seq), totals(seq));
  await until("the results", () => heard.texts("plc/result").length === 100);
  assert.deepEqual(
    heard.texts("plc/result").map((line) => parseResult(line).seq),
    Array.from({ length: 100 }, (_, index) => index + 1),
  );
});

test("a broker never has more unanswered publications than it allows", async (t) => {
  const mosquitto = await broker(t, ["max_inflight_messages 3"]);
  const heard = await listener(t, mosquitto);
  const cable = await attach(t, mosquitto);
  const session = start(t, makeSession(brokerConfig(cable.url)));
  await until("the greeting", () => heard.texts("tag/ng").length === 1);
  session.publishRecord(record(1));
  await until("its answer", () => session.counters().recordsOpen === 0);
  cable.toStation = false;
  for (let seq = 1; seq <= 6; seq++) session.publishOutcome(outcome(seq), totals(seq));
  // Tags need no answer: when those of the last part are there, its result would be there too.
  await until("the tags", () => heard.texts("tag/verdict").length === 6);
  assert.deepEqual(
    heard.texts("plc/result").map((line) => parseResult(line).seq),
    [1, 2, 3],
  );
});

test("under a stalled broker pictures are dropped and counted, no result is, and each result is before its picture", async (t) => {
  const mosquitto = await broker(t);
  const heard = await listener(t, mosquitto);
  const session = start(t, makeSession(brokerConfig(mosquitto.url)));
  await until("the greeting", () => heard.texts("tag/ng").length === 1);
  mosquitto.freeze();
  for (let seq = 1; seq <= 20; seq++) {
    session.publishOutcome(outcome(seq), totals(seq));
    session.publishPictures(pictures(seq, 200_000));
  }
  // Two wait, the others gave way.
  assert.equal(session.counters().picturesDropped, 18);
  mosquitto.thaw();
  await until("the results", () => heard.texts("plc/result").length === 20);
  // The line stands: nothing else is sent that the broker would acknowledge, and both arrive all the same.
  await until("both pictures", () => heard.texts("image/mask").length === 2);
  const lastResult = heard.seen.findLastIndex((message) => message.topic === "plc/result");
  const masks = heard.seen.filter((message) => message.topic === "image/mask");
  assert.deepEqual(
    masks.map((message) => message.payload[0]),
    [19, 20],
  );
  const firstMask = masks[0];
  assert.ok(firstMask !== undefined && lastResult < heard.seen.indexOf(firstMask));
  assert.equal(session.counters().picturesSent, 2);
  assert.equal(session.counters().resultsLost, 0);
});

test("pictures on a good connection all arrive, each after the result of its part", async (t) => {
  const mosquitto = await broker(t);
  const heard = await listener(t, mosquitto);
  const session = start(t, makeSession(brokerConfig(mosquitto.url)));
  await connected(session);
  for (let seq = 1; seq <= 5; seq++) {
    session.publishOutcome(outcome(seq), totals(seq));
    session.publishPictures(pictures(seq, 50_000));
    session.publishRecord(record(seq));
    await until(`picture ${seq}`, () => heard.texts("image/mask").length === seq);
  }
  const order = heard.seen.filter(({ topic }) => topic === "plc/result" || topic === "image/mask");
  assert.deepEqual(
    order.map(({ topic }) => topic),
    Array.from({ length: 5 }, () => ["plc/result", "image/mask"]).flat(),
  );
  assert.equal(session.counters().picturesDropped, 0);
});

test("a picture larger than the broker takes is dropped, and the connection stays", async (t) => {
  const mosquitto = await broker(t, ["max_packet_size 20000"]);
  const session = start(t, makeSession(brokerConfig(mosquitto.url)));
  await connected(session);
  session.publishOutcome(outcome(1), totals(1));
  session.publishPictures(pictures(1, 50_000));
  session.publishRecord(record(1));
  await until("the answers", () => session.counters().recordsOpen + session.counters().resultsOpen === 0);
  assert.equal(session.counters().picturesDropped, 1);
  assert.equal(session.counters().connects, 1);
});

test("a record larger than the broker takes is refused and counted instead of ending each connection", async (t) => {
  // A result has 96 bytes and its topic 38; a record has some 800.
  const mosquitto = await broker(t, ["max_packet_size 600"]);
  const heard = await listener(t, mosquitto);
  const book = new LogBook();
  const session = start(t, makeSession(brokerConfig(mosquitto.url), { logger: book }));
  await connected(session);
  for (let seq = 1; seq <= 3; seq++) {
    session.publishRecord(record(seq));
    session.publishOutcome(outcome(seq), totals(seq));
  }
  await until("the results", () => heard.texts("plc/result").length === 3);
  const { refused, recordsOpen, connects } = session.counters();
  assert.deepEqual([refused, recordsOpen, connects], [3, 0, 1]);
  assert.deepEqual(heard.texts("inspection"), []);
  assert.equal(book.lines.filter((text) => text.startsWith("error")).length, 1);
});

test("a broker that reads slowly gets every result in order, and pictures give way", async (t) => {
  const mosquitto = await broker(t);
  const heard = await listener(t, mosquitto);
  const cable = await attach(t, mosquitto);
  const session = start(t, makeSession(brokerConfig(cable.url)));
  await until("the greeting", () => heard.texts("tag/ng").length === 1);
  cable.slow = true;
  for (let seq = 1; seq <= 30; seq++) {
    session.publishOutcome(outcome(seq), totals(seq));
    session.publishPictures(pictures(seq, 100_000));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await until("the results", () => heard.texts("plc/result").length === 30);
  assert.deepEqual(
    heard.texts("plc/result").map((line) => [parseResult(line).seq, parseResult(line).flags]),
    Array.from({ length: 30 }, (_, index) => [index + 1, 0]),
  );
  assert.ok(session.counters().picturesDropped > 0);
  assert.equal(session.counters().connects, 1);
});

test("a broker that takes results and acknowledges none is replaced by a new connection", async (t) => {
  const mosquitto = await broker(t);
  const heard = await listener(t, mosquitto);
  const cable = await attach(t, mosquitto);
  const times = { heartbeatMs: 20, acknowledgementDeadlineMs: 200 };
  const session = start(t, makeSession(brokerConfig(cable.url), times));
  await until("the greeting", () => heard.texts("tag/ng").length === 1);
  cable.toStation = false;
  session.publishOutcome(outcome(1), totals(1));
  await until("the end of the patience", () => session.status().problem?.kind === "broker-silent");
  cable.toStation = true;
  await until("the copy", () => heard.texts("plc/result").length === 2 && session.counters().resultsOpen === 0);
  assert.equal(parseResult(heard.texts("plc/result")[1] ?? "").flags, 0x01);
});

test("heartbeats of an outage are skipped, not sent later", async (t) => {
  const mosquitto = await broker(t);
  const heard = await listener(t, mosquitto);
  const cable = await attach(t, mosquitto);
  cable.cut();
  const session = start(t, makeSession(brokerConfig(cable.url), { heartbeatMs: 10 }));
  await until("skipped beats", () => session.counters().heartbeatsSkipped >= 5);
  cable.mend();
  await until("a heartbeat", () => heard.texts("plc/hb").length > 0);
  const first = parseHeartbeat(heard.texts("plc/hb")[0] ?? "");
  assert.ok(first.counter > 5, `the first five beats were skipped, but ${first.counter} came`);
});

test("a subscription stands again after the broker restarted", async (t) => {
  const mosquitto = await broker(t);
  const heard = await listener(t, mosquitto);
  const taken: string[] = [];
  const subscription = {
    topic: "nominal/v1/plant/line1/st1/plc/ack",
    qos: 1 as const,
    handle: (payload: Uint8Array) => void taken.push(Buffer.from(payload).toString()),
  };
  const session = start(t, makeSession(brokerConfig(mosquitto.url), { subscriptions: [subscription] }));
  await connected(session);
  await mosquitto.kill();
  await until("the loss", () => session.status().state !== "connected" && !heard.subscribed);
  await mosquitto.start();
  await until("the return", () => session.status().state === "connected" && heard.subscribed);
  // The subscription is under way; whatever the station published after it is behind it.
  session.publishRecord(record(1));
  await until("an answer", () => session.counters().recordsOpen === 0);
  heard.publish("plc/ack", "session8;0000000001");
  await until("the message", () => taken.length === 1);
  assert.deepEqual(taken, ["session8;0000000001"]);
});

test("closing ends in time under a broker that answers nothing", async (t) => {
  const mosquitto = await broker(t);
  const heard = await listener(t, mosquitto);
  const session = start(t, makeSession(brokerConfig(mosquitto.url)));
  await connected(session);
  mosquitto.freeze();
  session.publishOutcome(outcome(1), totals(1));
  await session.close(100);
  assert.equal(session.status().state, "closed");
  mosquitto.thaw();
  await until("status 0", () => heard.texts("status").includes("0"));
});
