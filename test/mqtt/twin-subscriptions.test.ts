import assert from "node:assert/strict";
import { test } from "node:test";
import { twinSubscriptions } from "../../src/mqtt/twin-subscriptions.ts";

test("a configuration that the broker kept is taken; a question that it kept is not answered", () => {
  const heard: string[] = [];
  const listener = {
    receive: (payload: Uint8Array) => heard.push(`desired ${Buffer.from(payload).toString()}`),
    tryOut: (payload: Uint8Array) => heard.push(`try ${Buffer.from(payload).toString()}`),
  };
  const subscriptions = twinSubscriptions({ desired: "a/twin/desired", try: "a/twin/try" }, listener);
  assert.deepEqual(
    subscriptions.map(({ topic, qos }) => [topic, qos]),
    [
      ["a/twin/desired", 1],
      ["a/twin/try", 1],
    ],
  );
  for (const [payload, retained] of [
    ["new", false],
    ["kept", true],
  ] as const) {
    for (const { topic, handle } of subscriptions) handle(Buffer.from(payload), retained, topic);
  }
  assert.deepEqual(heard, ["desired new", "try new", "desired kept"]);
});
