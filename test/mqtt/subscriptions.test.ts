import assert from "node:assert/strict";
import { test } from "node:test";
import type { MqttClient } from "mqtt";
import { Subscriptions } from "../../src/mqtt/subscriptions.ts";
import { KeptLog } from "../support/kept-log.ts";

type Answer = (error: Error | null) => void;

/** All that a station and its bank link subscribe to has one of these forms. */
function subscriptionsOf(filters: readonly string[]) {
  const heard: string[] = [];
  const log = new KeptLog();
  const subscriptions = new Subscriptions(
    filters.map((topic) => ({
      topic,
      qos: 1 as const,
      handle: (payload, retained, from) =>
        heard.push(`${topic}: ${Buffer.from(payload).toString()} from ${from}${retained ? ", retained" : ""}`),
    })),
    log,
  );
  return { subscriptions, heard, log };
}

test("a message goes to whom its topic concerns: to the letter, one segment below, or any number below", () => {
  const { subscriptions, heard } = subscriptionsOf(["a/plc/trigger", "a/cmd/+", "a/bank/blk/#"]);
  for (const topic of [
    ...["a/plc/trigger", "a/cmd/pause", "a/bank/blk/1f/65536"],
    // Our own answers, other stations, and what only begins alike.
    ...["a/cmd/pause/res", "a/cmd", "b/cmd/pause", "a/plc/trigger/x", "a/plc/triggers", "a/bank/blks/1f"],
  ]) {
    subscriptions.receive(topic, Buffer.from("x"), false);
  }
  assert.deepEqual(heard, [
    "a/plc/trigger: x from a/plc/trigger",
    "a/cmd/+: x from a/cmd/pause",
    "a/bank/blk/#: x from a/bank/blk/1f/65536",
  ]);
});

test("whoever is concerned is told whether the broker had kept the message", () => {
  const { subscriptions, heard } = subscriptionsOf(["a/cmd/+", "a/cmd/pause"]);
  subscriptions.receive("a/cmd/pause", Buffer.from("x"), true);
  assert.deepEqual(heard, ["a/cmd/+: x from a/cmd/pause, retained", "a/cmd/pause: x from a/cmd/pause, retained"]);
});

test("a topic that the broker refuses is logged by name, unless the connection is gone; the others are asked for", () => {
  const { subscriptions, log } = subscriptionsOf(["a/plc/trigger", "a/cmd/+"]);
  const asked: { topic: string; options: object; answer: Answer }[] = [];
  const client = {
    subscribe: (topic: string, options: object, answer: Answer) => asked.push({ topic, options, answer }),
  } as unknown as MqttClient;
  let isCurrent = true;
  subscriptions.request(client, () => isCurrent);
  assert.deepEqual(
    asked.map(({ topic, options }) => [topic, options]),
    [
      ["a/plc/trigger", { qos: 1, rap: true }],
      ["a/cmd/+", { qos: 1, rap: true }],
    ],
  );
  asked[0]?.answer(null);
  asked[1]?.answer(new Error("Not authorized"));
  isCurrent = false;
  asked[0]?.answer(new Error("connection closed"));
  assert.deepEqual(log.lines, [
    { level: "warn", msg: "The broker refused a topic", topic: "a/cmd/+", cause: "Not authorized" },
  ]);
});
