import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { test } from "node:test";
import Sqlite from "better-sqlite3";
import { DeviceError } from "../../src/shared/errors.ts";
import { Database, KEPT_PARTS } from "../../src/store/database.ts";
import type { Change } from "../../src/store/protocol.ts";
import { smallTmpfs } from "../support/small-tmpfs.ts";

const STATION = "line1/st1";

async function place(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "nominald-store-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "outbox.sqlite");
}

let stamp = 1_700_000_000_000;
const open = (t: TestContext, file: string) => {
  const database = new Database(file, () => stamp++);
  t.after(() => database.close());
  return { database, opened: database.open([STATION]) };
};

const accept = (seq: number, session = "s1"): Change => ({
  type: "accept",
  station: STATION,
  trigger: { session, seq, part: `p${seq}`, recipe: "" },
});
const result = (seq: number, key: number, payload = `r${seq}`): Change => ({
  ...{ type: "result", station: STATION, session: "s1", seq, key, payload },
});
const record = (key: number, text: string): Change => ({
  ...{ type: "record", station: STATION, key, payload: Buffer.from(text) },
});

test("what was written is there after the file is opened again, by what it is to the station", async (t) => {
  const file = await place(t);
  const first = open(t, file);
  assert.deepEqual([first.opened.nextKey, first.opened.setAside], [1, null]);
  first.database.write([accept(1), accept(2), accept(3), result(1, 1), record(2, "one"), result(2, 3)]);
  first.database.write([
    { type: "remove", keys: [1] },
    { type: "remember", station: STATION, name: "challenge", value: "7" },
    { type: "restamp", station: STATION, session: "s1", seq: 2, key: 3, payload: "r2, stamped" },
  ]);
  // As after SIGKILL: nothing is closed, the write-ahead log holds all of it.
  const { opened, database } = open(t, file);
  assert.equal(opened.nextKey, 4);
  assert.deepEqual(opened.stations[STATION], {
    open: [{ session: "s1", seq: 3, part: "p3", recipe: "" }],
    answered: [
      { session: "s1", seq: 1, payload: "r1" },
      { session: "s1", seq: 2, payload: "r2, stamped" },
    ],
    messages: [
      { key: 2, kind: "record", payload: null },
      { key: 3, kind: "result", payload: "r2, stamped" },
    ],
    values: { challenge: "7" },
  });
  assert.deepEqual([...database.fetch([2, 99])], [[2, Buffer.from("one")]]);
});

test("a batch is written wholly or not at all", async (t) => {
  const { database } = open(t, await place(t));
  const wrong = { ...record(1, "x"), payload: null } as unknown as Change;
  assert.throws(() => database.write([accept(1), wrong]), DeviceError);
  database.write([result(9, 5)]);
  assert.deepEqual([...database.fetch([1, 5])].length, 1);
});

test("only the newest parts with a result are kept, an open one always", async (t) => {
  const file = await place(t);
  const { database } = open(t, file);
  database.write([accept(1)]);
  for (let seq = 2; seq <= KEPT_PARTS + 400; seq++) database.write([accept(seq), result(seq, 1)]);
  const remains = open(t, file).opened.stations[STATION];
  assert.deepEqual(
    remains?.open.map(({ seq }) => seq),
    [1],
  );
  assert.equal(remains.answered.length, KEPT_PARTS);
  const rows = new Sqlite(file, { readonly: true }).prepare("SELECT count(*) AS n FROM part").get() as { n: number };
  assert.ok(rows.n <= KEPT_PARTS + 200, `${rows.n} rows`);
});

for (const [what, damage] of [
  ["is no database", (bytes: Buffer) => Buffer.from("#".repeat(bytes.length))],
  ["has a damaged page", (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 4_096), bytes.subarray(4_096).fill(7)])],
] as const) {
  test(`a file that ${what} is moved aside with its reason, and a new one is begun`, async (t) => {
    const file = await place(t);
    const first = new Database(file, () => 1);
    first.open([STATION]);
    first.write([accept(1)]);
    first.close();
    await writeFile(file, damage(await readFile(file)));
    const damaged = await readFile(file);
    const { opened, database } = open(t, file);
    assert.ok(opened.setAside !== null);
    assert.match(opened.setAside.reason, /database|malformed|not a database/);
    assert.deepEqual(await readFile(opened.setAside.path), damaged);
    assert.deepEqual(opened.stations[STATION]?.open, []);
    database.write([accept(2)]);
  });
}

test("of unusable files the newest three are kept", async (t) => {
  const file = await place(t);
  for (let i = 0; i < 5; i++) {
    await writeFile(file, "no database at all, however long it is read");
    const database = new Database(file, () => stamp++);
    database.open([STATION]);
    database.close();
  }
  const names = (await readdir(join(file, ".."))).filter((name) => name.includes(".damaged-"));
  assert.equal(names.length, 3);
});

test("a full disk is told as such, what was written stays, and it goes on when there is room", async (t) => {
  const folder = await smallTmpfs(t, "size=1m");
  if (folder === null) return;
  const file = join(folder, "outbox.sqlite");
  const { database } = open(t, file);
  database.write([accept(1)]);
  await writeFile(join(folder, "ballast"), Buffer.alloc(850_000));
  const fill = (): void => {
    for (let key = 1; key < 100; key++) database.write([record(key, "x".repeat(4_000))]);
  };
  assert.throws(fill, (error) => error instanceof DeviceError && error.code === "store-full");
  await rm(join(folder, "ballast"));
  database.write([result(1, 500)]);
  assert.deepEqual(open(t, file).opened.stations[STATION]?.answered, [{ session: "s1", seq: 1, payload: "r1" }]);
});
