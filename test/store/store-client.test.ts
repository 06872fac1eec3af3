import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { promisify } from "node:util";
import { silentLogger } from "../../src/shared/logger.ts";
import { StationStore } from "../../src/store/station-store.ts";
import { Store } from "../../src/store/store-client.ts";
import { smallTmpfs } from "../support/small-tmpfs.ts";
import { until } from "../support/until.ts";

const run = promisify(execFile);
const STATION = "line1/st1";

async function makeStore(t: TestContext, file: string, health: (Error | null)[] = []): Promise<Store> {
  const store = new Store({
    file,
    stations: [STATION],
    logger: silentLogger,
    onHealth: (problem) => void health.push(problem),
  });
  t.after(() => store.close());
  return store;
}

async function place(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "nominald-store-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "outbox.sqlite");
}

const written = (store: StationStore, key: number): Promise<boolean> =>
  new Promise((resolve) => store.saveRecord(key, Buffer.from(`record ${key}`), resolve));

test("changes are answered in their order, each once it is on the disk, and a close writes what waits", async (t) => {
  const file = await place(t);
  const store = await makeStore(t, file);
  await store.open();
  const station = new StationStore(store, STATION);
  const order: number[] = [];
  const trigger = { session: "s1", seq: 1, part: "", recipe: "" };
  station.accept(trigger, (durable) => order.push(durable ? 1 : -1));
  station.saveResult({ session: "s1", seq: 1 }, 7, "payload", (durable) => order.push(durable ? 2 : -2));
  assert.deepEqual(order, []);
  await until("both", () => order.length === 2);
  assert.deepEqual(order, [1, 2]);
  station.remember("challenge", "x");
  await store.close();
  const again = await makeStore(t, file);
  const { nextKey, stations } = await again.open();
  assert.equal(nextKey, 8);
  assert.deepEqual(stations[STATION]?.values, { challenge: "x" });
  assert.deepEqual(stations[STATION].answered, [{ session: "s1", seq: 1, payload: "payload" }]);
});

test("a store that cannot be opened is a problem, and the changes are answered as not durable", async (t) => {
  const health: (Error | null)[] = [];
  const store = await makeStore(t, "/proc/none/outbox.sqlite", health);
  await assert.rejects(store.open(), /none/);
  assert.equal(await written(new StationStore(store, STATION), 1), false);
  assert.equal(health.length, 1);
  assert.equal(store.status().state, "failed");
});

test("a disk that fills up is told once, and again when there is room", async (t) => {
  const folder = await smallTmpfs(t, "size=4m");
  if (folder === null) return;
  const health: (Error | null)[] = [];
  const store = await makeStore(t, join(folder, "outbox.sqlite"), health);
  await store.open();
  const station = new StationStore(store, STATION);
  assert.equal(await written(station, 1), true);
  await run("dd", ["if=/dev/zero", `of=${folder}/ballast`, "bs=4k"]).catch(() => undefined);
  const large = Buffer.alloc(100_000);
  const save = (key: number): Promise<boolean> => new Promise((resolve) => station.saveRecord(key, large, resolve));
  assert.equal(await save(2), false);
  assert.equal(await save(3), false);
  assert.match(health[0]?.message ?? "", /the disk is full/);
  assert.equal(health.length, 1);
  await rm(join(folder, "ballast"));
  assert.equal(await save(4), true);
  assert.deepEqual([health.length, health[1]], [2, null]);
  assert.deepEqual([...(await station.fetch([1, 2, 4])).keys()], [1, 4]);
});
