import assert from "node:assert/strict";
import { test } from "node:test";
import type { DeviceConfig } from "../../src/config/config.ts";
import type { InferenceUser } from "../../src/daemon/inference-pool.ts";
import { StationList, type StationEntry } from "../../src/daemon/station-list.ts";
import type { InferenceClient } from "../../src/inference/inference-client.ts";
import { silentLogger } from "../../src/shared/logger.ts";

const ID = "line1/st1";
const CONFIG = { stations: [{ line: "line1", name: "st1", bank: "/nowhere/none.bank" }] } as unknown as DeviceConfig;
const NOTHING_LEFT = {
  left: { nextKey: 1, messages: [], answered: [] },
  recovered: { open: [], answered: [], challengedAtWallMs: null, challengePassed: false },
};

/** A list of one station whose parts write down what they are told. */
function listOf() {
  const told: string[] = [];
  const users: InferenceUser[] = [];
  const nothing = (): void => undefined;
  const entry = {
    id: ID,
    outbox: { restore: nothing },
    twin: { start: nothing },
    delivery: { start: nothing, inferenceLost: () => told.push("delivery: lost") },
    runner: {
      start: nothing,
      inference: {
        inferenceUp: () => told.push("runner: up"),
        inferenceDown: ({ message }: Error) => told.push(`runner: down, ${message}`),
        inferenceUnsteady: (found: string | null) => told.push(`runner: unsteady, ${found}`),
      },
    },
  } as unknown as StationEntry;
  const list = new StationList(CONFIG.stations, {
    ...{ make: () => entry, recover: () => Promise.resolve(NOTHING_LEFT), onRemoved: nothing },
    ...{ boot: "0badcafe", nextBoot: () => "0badcaff", logger: silentLogger },
    inference: { attach: (user) => void users.push(user), detach: nothing },
  });
  return { list, told, users };
}

test("a station is told all that befalls its inference process, and its delivery of the loss", async () => {
  const { list, told, users } = listOf();
  await list.start(CONFIG);
  const [user] = users;
  assert.ok(user !== undefined);
  assert.deepEqual([users.length, user.id, user.backbone], [1, ID, null]);
  user.listener.inferenceUnsteady("tried again each 30 s");
  user.listener.inferenceUp({} as InferenceClient);
  user.listener.inferenceDown(new Error("SIGKILL"));
  user.listener.inferenceUnsteady(null);
  assert.deepEqual(told, [
    "runner: unsteady, tried again each 30 s",
    "runner: up",
    "runner: down, SIGKILL",
    "delivery: lost",
    "runner: unsteady, null",
  ]);
});
