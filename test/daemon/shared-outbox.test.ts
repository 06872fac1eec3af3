import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { recoveryOf } from "../../src/daemon/recovery.ts";
import { DEFAULT_HISTORY, Outbox } from "../../src/mqtt/outbox.ts";
import { OutboxKeys } from "../../src/mqtt/outbox-keys.ts";
import { silentLogger } from "../../src/shared/logger.ts";
import { StationStore } from "../../src/store/station-store.ts";
import { Store } from "../../src/store/store-client.ts";
import { until } from "../support/until.ts";

const STATIONS = ["line1/a", "line1/b"] as const;
const RECORDS = 20;

/** The outboxes of two stations in one database, as the daemon makes them. */
async function outboxes(t: TestContext, file: string) {
  const store = new Store({ file, stations: STATIONS, logger: silentLogger, onHealth: () => undefined });
  t.after(() => store.close());
  const opened = await store.open();
  const keys = new OutboxKeys();
  const [a, b] = STATIONS.map((station) => {
    const outbox = new Outbox(new StationStore(store, station), DEFAULT_HISTORY, keys);
    outbox.restore(recoveryOf(opened, station, 0).left);
    return outbox;
  });
  assert.ok(a !== undefined && b !== undefined);
  return { a, b, close: () => store.close() };
}

/** Takes every record that can leave, as a connection would, and acknowledges it. */
async function drain(outbox: Outbox): Promise<string[]> {
  const texts: string[] = [];
  let nowMs = 0;
  await until("the records", () => {
    // Each look is a second later, so that the rate of the history holds nothing up.
    nowMs += 1_000;
    for (;;) {
      const message = outbox.next({ result: true, record: true }, nowMs);
      if (message === undefined) return texts.length === RECORDS;
      texts.push(Buffer.from(message.payload).toString());
      outbox.acknowledged(message.key);
    }
  });
  return texts;
}

test("two stations keep their records in one database, and after a restart each sends its own and all of them", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "nominald-outbox-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, "outbox.sqlite");
  const before = await outboxes(t, file);
  for (let i = 0; i < RECORDS; i++) {
    before.a.addRecord(Buffer.from(`a ${i}`));
    before.b.addRecord(Buffer.from(`b ${i}`));
  }
  await before.close();
  const after = await outboxes(t, file);
  after.a.connected();
  after.b.connected();
  const expected = (name: string): string[] => Array.from({ length: RECORDS }, (_, i) => `${name} ${i}`);
  assert.deepEqual(await drain(after.a), expected("a"));
  assert.deepEqual(await drain(after.b), expected("b"));
});
