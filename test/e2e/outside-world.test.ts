import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import fc from "fast-check";
import { connectAsync, type MqttClient } from "mqtt";
import type { InboxCounters } from "../../src/mqtt/station-inbox.ts";
import type { NominaldProcess } from "../support/daemon-process.ts";
import { LineClient } from "../support/line-client.ts";
import { startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { noise } from "../support/noise.ts";
import { ANY_VERDICTS, TestLine } from "../support/test-line.ts";
import { until } from "../support/until.ts";
import { LIBFAKETIME } from "../support/wrong-clock.ts";

const ROOT = "nominal/v1/test/line1/st1";
const PASSWORD = "never-to-be-seen-7316";
const HOUR_MS = 3_600_000;
let broker: Mosquitto;
let line: TestLine;
let daemon: NominaldProcess;
let client: LineClient;
let url = "";
let clock = "";

/** One daemon for all: its wall clock is ours to set, it logs everything, and it has a password. */
before(async () => {
  assert.ok(LIBFAKETIME !== undefined, "libfaketime is installed");
  // The station's queue at the broker takes all of the noise.
  broker = await startMosquitto({ users: { station: PASSWORD, plc: "plc" }, config: ["max_queued_messages 0"] });
  line = await TestLine.prepare(ANY_VERDICTS);
  const passwordFile = join(line.folder, "password");
  await writeFile(passwordFile, `${PASSWORD}\n`);
  clock = join(line.folder, "clock");
  await writeFile(clock, "+0");
  url = broker.url.replace("//", "//plc:plc@");
  client = await LineClient.connect(url);
  daemon = await line.run({
    broker: broker.url,
    camera: { source: "test", pattern: "ball", width: 64, height: 64, framerate: 20 },
    station: { mode: "triggered", deadlineMs: 20_000 },
    device: { broker: { url: broker.url, username: "station", passwordFile }, log: { level: "debug" } },
    environment: {
      LD_PRELOAD: LIBFAKETIME,
      FAKETIME_TIMESTAMP_FILE: clock,
      FAKETIME_NO_CACHE: "1",
      FAKETIME_DONT_FAKE_MONOTONIC: "1",
    },
  });
  await until(
    "a station that is ready",
    () => client.texts("status").at(-1) === "1" && client.texts("plc/state").at(-1) === "3",
  );
});

after(async () => {
  await client.close();
  await daemon.dispose();
  await broker.dispose();
  await line.dispose();
});

async function resultOf(session: string, seq: number) {
  await client.publish("plc/trigger", `${session};${seq};;`);
  const find = () => client.results().find((result) => result.session === session && result.seq === seq);
  await until(`the result of ${session} ${seq}`, () => find() !== undefined);
  const result = find();
  assert.ok(result !== undefined);
  return result;
}

test("a wall clock that jumps by hours, either way, changes no verdict and no interval, only the label", async () => {
  const times: number[] = [];
  for (const [i, offset] of ["+0", "+3h", "-48h"].entries()) {
    await writeFile(clock, offset);
    // A part that is under way at the jump, and one after it.
    for (const seq of [10 * i + 1, 10 * i + 2]) assert.equal((await resultOf("clock", seq)).verdict, "FAIL");
    times.push(client.results().at(-1)?.epochMs ?? 0);
  }
  const [before = 0, ahead = 0, behind = 0] = times;
  assert.ok(Math.abs(ahead - before - 3 * HOUR_MS) < HOUR_MS / 2, `${ahead - before} ms ahead`);
  assert.ok(Math.abs(behind - before + 48 * HOUR_MS) < HOUR_MS / 2, `${behind - before} ms`);
  await until("the records", () => client.records().filter(({ session }) => session === "clock").length === 6);
  for (const { times: at } of client.records()) {
    const spentMs = at.decision - (at.trigger ?? NaN);
    assert.ok(spentMs >= 0 && spentMs < 20_000, `${spentMs} ms from trigger to decision`);
  }
  await writeFile(clock, "+0");
});

/** What no station may take for a trigger or for a command. */
const isTrigger = (text: string): boolean =>
  /^[0-9A-Za-z._-]{1,8} *;[0-9]{1,10};[0-9A-Za-z._-]* *;[0-9A-Za-z._-]* *$/.test(text);
const isCommand = (text: string): boolean => text.includes('"transaction"');
const NOISE_TOPICS = ["plc/trigger", "plc/ack", "cmd/pause", "cmd/challenge", "cmd/fly", "cmd/Trigger!", "cmd/trigger"];
const messages = fc
  .tuple(noise, fc.constantFrom(...NOISE_TOPICS))
  .filter(([bytes, topic]) => !(topic === "plc/trigger" ? isTrigger : isCommand)(bytes.toString("latin1")));

test("10,000 malformed triggers and commands change nothing, and each is counted with a reason", async () => {
  await resultOf("noise", 1);
  const heard = client.results().length;
  const before = await inbox();
  const sender = await connectAsync(url);
  const all = fc.sample(messages, 10_000);
  await sendAll(sender, all);
  // Answered in order: when this part has its result, all of the noise has been looked at.
  await resultOf("noise", 2);
  const after = await inbox();
  assert.equal(sum(after) - sum(before), all.length);
  assert.equal(after.triggers - before.triggers, 1);
  assert.equal(after.commands.answered - before.commands.answered, 1, "the resume of inbox()");
  assert.equal(client.results().length, heard + 1, "no outcome but the one that was asked for");
  assert.equal(client.states().at(-1)?.paused, false);
  assert.deepEqual(client.ownFaults(), []);
  await sender.endAsync(true);
});

async function sendAll(sender: MqttClient, all: readonly (readonly [Buffer, string])[]): Promise<void> {
  for (let from = 0; from < all.length; from += 200) {
    await Promise.all(
      all.slice(from, from + 200).map(([bytes, topic]) => sender.publishAsync(`${ROOT}/${topic}`, bytes, { qos: 1 })),
    );
  }
}

/** The state's counters, as they are now: a command makes the station publish its state. */
async function inbox(): Promise<InboxCounters> {
  const states = client.states().length;
  await client.publish("cmd/resume", JSON.stringify({ transaction: `look-${states}` }));
  await until("a new state", () => client.states().length > states);
  const state = client.states().at(-1);
  assert.ok(state !== undefined);
  return state.mqtt.inbox;
}

/** Messages that were ignored, refused or answered with an error. */
function sum({ ignored, commands }: InboxCounters): number {
  const counts = [...Object.values(ignored), ...Object.values(commands.failed), commands.repeated, commands.unnameable];
  return counts.reduce((total, count) => total + count, 0);
}

test("the password is in no line of the log, at any level, and in no message", () => {
  assert.ok(daemon.log().length > 0);
  assert.ok(!daemon.stderr.includes(PASSWORD));
  assert.ok(client.messages.every(({ payload }) => !payload.includes(PASSWORD)));
});
