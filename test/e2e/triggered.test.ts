import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { LineClient } from "../support/line-client.ts";
import { startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { TestLine, writeParts } from "../support/test-line.ts";
import { until } from "../support/until.ts";

let broker: Mosquitto;
let line: TestLine;
let camera: object;

before(async () => {
  broker = await startMosquitto();
  line = await TestLine.prepare();
  await writeParts(`${line.folder}/parts`, [null, null, null], 5_000);
  camera = { source: "folder", path: `${line.folder}/parts`, loop: true, paced: true, framerate: 20 };
});

after(async () => {
  await broker.dispose();
  await line.dispose();
});

const TRIGGERED = { mode: "triggered" };

/** The daemon that was started last is ready; what the broker kept of an earlier one does not count. */
const readyState = (client: LineClient, from = 0) =>
  until(
    "ready",
    () =>
      client.messages
        .slice(from)
        .some(({ topic, payload, retain }) => topic === "plc/state" && !retain && String(payload) === "3"),
    60_000,
  );

test("each trigger is answered and gets one result with its names, in order, scored on a frame from after it", async () => {
  const client = await LineClient.connect(broker.url);
  const daemon = await line.run({ broker: broker.url, camera, station: TRIGGERED });
  try {
    await readyState(client);
    for (let seq = 1; seq <= 5; seq++) {
      await client.publish("plc/trigger", `PLC-7   ;${String(seq).padStart(10, "0")};washer-${seq};r1`);
      await until(`result ${seq}`, () => client.results().length === seq);
    }
    assert.deepEqual(
      client.texts("plc/accepted"),
      [1, 2, 3, 4, 5].map((seq) => `PLC-7   ;000000000${seq};0000`),
    );
    assert.deepEqual(
      client.results().map(({ session, seq, part, verdict, flags }) => [session, seq, part, verdict, flags]),
      [1, 2, 3, 4, 5].map((seq) => ["PLC-7", seq, `washer-${seq}`, "PASS", 0]),
    );
    await until("the records", () => client.records().length === 5);
    for (const { times, recipe } of client.records()) {
      assert.ok(times.trigger !== null && times.capture !== null && times.publish !== null);
      assert.ok(times.capture >= times.trigger);
      assert.equal(recipe, "r1");
    }
    // The same again: the stored outcome, as a copy.
    await client.publish("plc/trigger", "PLC-7;3;washer-3;r1");
    await until("the copy", () => client.results().length === 6);
    const copy = client.results()[5];
    assert.deepEqual(copy, { ...client.results()[2], flags: 0x01 });
    // Neither a retained trigger nor nonsense changes anything.
    await client.publish("plc/trigger", "PLC-7;1;;", { retain: true });
    await client.publish("plc/trigger", "nonsense");
    await client.publish("plc/trigger", "PLC-7;2000;bad part;");
    await until("the refusal", () => client.texts("plc/accepted").at(-1) === "PLC-7   ;0000002000;0603");
    assert.equal(client.results().length, 6);
    // A PLC that was started anew counts from 1 again, in a session of its own: it hears of no part of its former life.
    await client.publish("plc/trigger", "PLC-8;1;first;");
    await until("its result", () => client.results().length === 7);
    const { session, seq, part, flags } = client.results()[6] ?? {};
    assert.deepEqual([session, seq, part, flags], ["PLC-8", 1, "first", 0]);
    await client.publish("plc/trigger", "PLC-7;6;late;");
    await until("the refusal", () => client.texts("plc/accepted").at(-1) === "PLC-7   ;0000000006;0602");
    assert.equal(client.results().length, 7);
  } finally {
    await client.publish("plc/trigger", "", { retain: true });
    await daemon.dispose();
    await client.close();
  }
});

test("commands are answered once, with their transaction", async () => {
  const client = await LineClient.connect(broker.url);
  // That a bad part was missed outlives a restart, so this station has a state folder of its own.
  const device = { stateFolder: `${line.folder}/commands` };
  const daemon = await line.run({ broker: broker.url, camera, station: TRIGGERED, device });
  const ask = async (command: string, request: object): Promise<Record<string, unknown>> => {
    const before = client.texts(`cmd/${command}/res`).length;
    await client.publish(`cmd/${command}`, JSON.stringify(request));
    await until(`an answer to ${command}`, () => client.texts(`cmd/${command}/res`).length > before);
    return JSON.parse(client.texts(`cmd/${command}/res`)[before] ?? "") as Record<string, unknown>;
  };
  try {
    await readyState(client);
    const trigger = { transaction: "t1", session: "hmi", seq: 1, part: "p1" };
    assert.deepEqual(await ask("trigger", trigger), {
      status: "ok",
      data: { session: "hmi", seq: 1, code: "0000" },
      error: null,
      transaction: "t1",
    });
    await until("its result", () => client.results().some(({ part }) => part === "p1"));
    await client.publish("cmd/trigger", JSON.stringify(trigger));
    const refused = await ask("trigger", { transaction: "t2", session: "hmi", seq: 0 });
    assert.deepEqual([refused["status"], refused["transaction"]], ["error", "t2"]);
    assert.equal(client.texts("cmd/trigger/res").length, 2, "the transaction t1 was answered once");

    assert.deepEqual((await ask("pause", { transaction: "p" }))["data"], { plcState: "9", paused: true });
    await client.publish("plc/trigger", "hmi;2;p2;");
    await until("its result", () => client.results().some(({ part, code }) => part === "p2" && code === "0501"));
    assert.deepEqual((await ask("resume", { transaction: "r" }))["data"], { plcState: "3", paused: false });

    const test = (await ask("self-test", { transaction: "s" }))["data"] as { passed: boolean };
    assert.equal(test.passed, true, JSON.stringify(test));
    const snapshot = (await ask("snapshot", { transaction: "s" }))["data"] as { image: { base64: string } };
    assert.equal(Buffer.from(snapshot.image.base64, "base64").readUInt16BE(0), 0xffd8, "a JPEG");

    // No PASS for a part that is said to be bad.
    await ask("challenge", { transaction: "c" });
    await client.publish("plc/trigger", "hmi;3;p3;");
    await until("its result", () => client.results().some(({ part, code }) => part === "p3" && code === "0505"));
    await client.fault("challenge-passed");

    const unknown = await ask("fly", { transaction: "u" });
    assert.equal((unknown["error"] as { code: string }).code, "command-unknown");
    await ask("reboot-camera", { transaction: "b" });
    await client.fault("camera-lost");
  } finally {
    await daemon.dispose();
    await client.close();
  }
});
