import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { test } from "node:test";
import Sqlite from "better-sqlite3";
import { DeviceError } from "../../src/shared/errors.ts";
import { Database } from "../../src/store/database.ts";
import { KEPT_BACKUPS } from "../../src/store/migrate.ts";
import { MIGRATIONS, SCHEMA_VERSION, type Migration } from "../../src/store/schema.ts";
import { smallTmpfs } from "../support/small-tmpfs.ts";
import { THREE_VERSIONS, writeFixture } from "./versions.ts";

const STATION = "line1/st1";
const CHILD = join(import.meta.dirname, "migrate.child.ts");

/** What the fixture of version 1 holds of the station. */
const REMAINS = {
  open: [{ session: "s1", seq: 3, part: "p3", recipe: "" }],
  answered: [
    { session: "s1", seq: 1, payload: "r1" },
    { session: "s1", seq: 2, payload: "r2" },
  ],
  messages: [
    { key: 5, kind: "record", payload: null },
    { key: 6, kind: "result", payload: "r2" },
    { key: 7, kind: "record", payload: null },
  ],
  values: { challenge: "7" },
};

async function place(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "nominald-migrate-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "outbox.sqlite");
}

function open(t: TestContext, file: string, migrations: readonly Migration[] = MIGRATIONS, nowMs = 1) {
  const database = new Database(file, () => nowMs, { migrations, onStep: () => undefined });
  t.after(() => database.close());
  return { database, opened: database.open([STATION]) };
}

/** Tables as SQLite keeps their text, without the words' spacing. */
function tablesOf(file: string): readonly string[] {
  const database = new Sqlite(file, { readonly: true });
  try {
    const rows = database.prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").all();
    return rows.map((row) => (row as { sql: string }).sql.replaceAll(/\s+/g, " "));
  } finally {
    database.close();
  }
}

const filesBeside = async (file: string): Promise<string[]> =>
  (await readdir(dirname(file))).filter((name) => !/-(wal|shm)$/.test(name)).sort();

test("a released version of the schema stays as it was released, and each has a fixture", async (t) => {
  for (let version = 1; version <= SCHEMA_VERSION; version++) {
    const [made, released] = [await place(t), await place(t)];
    open(t, made, MIGRATIONS.slice(0, version)).database.close();
    writeFixture(released, version);
    assert.deepEqual(tablesOf(made), tablesOf(released), `version ${version}`);
  }
});

test("a file of each released version is opened with all that it holds", async (t) => {
  for (let version = 1; version <= SCHEMA_VERSION; version++) {
    const file = await place(t);
    writeFixture(file, version);
    const { opened, database } = open(t, file);
    assert.deepEqual([opened.nextKey, opened.setAside, opened.stations[STATION]], [8, null, REMAINS]);
    assert.equal(String(database.fetch([7]).get(7)), '{"two":2}');
  }
});

test("a new file gets the last version without a backup", async (t) => {
  const file = await place(t);
  const { opened } = open(t, file, THREE_VERSIONS);
  assert.deepEqual(opened.news, []);
  assert.deepEqual(await filesBeside(file), ["outbox.sqlite"]);
});

test("an old file goes through each step, and a copy of it as it was lies beside", async (t) => {
  const file = await place(t);
  writeFixture(file, 1);
  const { opened, database } = open(t, file, THREE_VERSIONS);
  assert.deepEqual(opened.stations[STATION], REMAINS);
  assert.match(opened.news[0]?.text ?? "", /from version 1 to 3; as it was it lies in .*outbox\.sqlite\.backup-v1$/);
  database.close();
  const migrated = new Sqlite(file, { readonly: true });
  assert.deepEqual(migrated.prepare("SELECT name FROM session").all(), [{ name: "s1" }]);
  migrated.close();
  assert.deepEqual(await filesBeside(file), ["outbox.sqlite", "outbox.sqlite.backup-v1"]);
  // The program of before works with it.
  assert.deepEqual(open(t, `${file}.backup-v1`).opened.stations[STATION], REMAINS);
});

test("killed after any step of a migration, the next start goes on and loses nothing", async (t) => {
  const all = migrateIn(await fixtureIn(t), Infinity);
  const steps = all.stdout.trim().split("\n");
  assert.deepEqual(steps.slice(0, 3), ["backup-written", "backup-synced", "backup-renamed"]);
  assert.equal(steps.length, 7, "two steps of the schema");
  for (let most = 1; most <= steps.length; most++) {
    const file = await fixtureIn(t);
    const killed = migrateIn(file, most);
    assert.equal(killed.signal, "SIGKILL", killed.stderr);
    const { opened } = open(t, file, THREE_VERSIONS);
    assert.deepEqual([opened.stations[STATION], opened.setAside], [REMAINS, null], steps[most - 1]);
    const backup = new Sqlite(`${file}.backup-v1`, { readonly: true });
    assert.equal(backup.pragma("user_version", { simple: true }), 1);
    assert.equal(backup.pragma("integrity_check", { simple: true }), "ok");
    backup.close();
    assert.ok(!existsSync(`${file}.backup-v1.new`));
  }
});

async function fixtureIn(t: TestContext): Promise<string> {
  const file = await place(t);
  writeFixture(file, 1);
  return file;
}

function migrateIn(file: string, most: number) {
  return spawnSync(process.execPath, ["--import", "tsx", CHILD, file, String(most)], { encoding: "utf8" });
}

test("a step that fails changes nothing, and says so; the next program that does better goes on", async (t) => {
  const file = await fixtureIn(t);
  const wrong = [
    ...THREE_VERSIONS.slice(0, 2),
    { what: "wrong", sql: "CREATE TABLE a (b); INSERT INTO none VALUES (1)" },
  ];
  assert.throws(
    () => open(t, file, wrong),
    (error) => error instanceof DeviceError && /no such table: none/.test(error.message),
  );
  const left = new Sqlite(file, { readonly: true });
  assert.equal(left.pragma("user_version", { simple: true }), 2);
  assert.equal(left.prepare("SELECT count(*) AS n FROM sqlite_schema WHERE name = 'a'").get()?.["n" as never], 0);
  left.close();
  assert.deepEqual(open(t, file, THREE_VERSIONS).opened.stations[STATION], REMAINS);
});

test("copies from before migrations are kept of the newest versions only", async (t) => {
  const file = await fixtureIn(t);
  const step = (version: number): Migration => ({ what: "", sql: `CREATE TABLE t${version} (a)` });
  let migrations: Migration[] = [...MIGRATIONS.slice(0, 1)];
  for (let version = 2; version <= KEPT_BACKUPS + 3; version++) {
    migrations = [...migrations, step(version)];
    open(t, file, migrations).database.close();
  }
  const backups = (await filesBeside(file)).filter((name) => name.includes(".backup-v"));
  assert.deepEqual(backups, ["outbox.sqlite.backup-v3", "outbox.sqlite.backup-v4", "outbox.sqlite.backup-v5"]);
});

test("without room for the copy nothing is migrated, and with room it is", async (t) => {
  const folder = await smallTmpfs(t, "size=1m");
  if (folder === null) return;
  const file = join(folder, "outbox.sqlite");
  writeFixture(file, 1);
  const first = open(t, file);
  first.database.write([{ type: "record", station: STATION, key: 8, payload: Buffer.alloc(450_000, 1) }]);
  first.database.close();
  await writeFile(join(folder, "ballast"), Buffer.alloc(300_000));
  assert.throws(
    () => open(t, file, THREE_VERSIONS),
    (error) => error instanceof DeviceError && error.code === "store-full",
  );
  assert.deepEqual(await filesBeside(file), ["ballast", "outbox.sqlite"]);
  await rm(join(folder, "ballast"));
  assert.equal(open(t, file, THREE_VERSIONS).opened.stations[STATION]?.messages.length, 4);
});

test("a file of a later version waits, whole, while the older program works; the later one takes over what waits", async (t) => {
  const file = await fixtureIn(t);
  open(t, file, THREE_VERSIONS).database.close();

  // A step back: the older program leaves the file alone and begins another.
  const older = open(t, file, MIGRATIONS, 77);
  const { setAside } = older.opened;
  assert.equal(setAside?.kind, "later");
  assert.match(setAside.reason, /version 1 at most but it has 3/);
  assert.equal(basename(setAside.path), "outbox.sqlite.version-3-77");
  assert.deepEqual(older.opened.stations[STATION]?.messages, []);
  older.database.write([
    { type: "accept", station: STATION, trigger: { session: "s2", seq: 1, part: "q1", recipe: "" } },
    { type: "result", station: STATION, session: "s2", seq: 1, key: 1, payload: "r of s2" },
    { type: "remember", station: STATION, name: "challenge", value: "8" },
  ]);
  older.database.close();
  assert.equal(open(t, file, MIGRATIONS, 78).opened.setAside, null, "it is met once");

  // And forward again: its older messages come first, what was remembered last counts.
  const later = open(t, file, THREE_VERSIONS);
  assert.match(later.opened.news.at(-1)?.text ?? "", /^took over 3 unsent messages/);
  const station = later.opened.stations[STATION];
  assert.deepEqual(station?.messages, [
    { key: 1, kind: "record", payload: null },
    { key: 2, kind: "result", payload: "r2" },
    { key: 3, kind: "record", payload: null },
    { key: 4, kind: "result", payload: "r of s2" },
  ]);
  assert.deepEqual(
    station.answered.map(({ session, seq }) => `${session} ${seq}`),
    ["s1 1", "s1 2", "s2 1"],
  );
  assert.deepEqual([station.open, station.values["challenge"]], [REMAINS.open, "8"]);
  assert.equal(later.opened.nextKey, 5);
  assert.ok(!existsSync(setAside.path));
  assert.deepEqual(open(t, file, THREE_VERSIONS).opened.stations[STATION]?.messages.length, 4, "once");
});

test("a waiting file comes once, also when the program ended before it was removed", async (t) => {
  const file = await fixtureIn(t);
  const waiting = `${file}.version-1-5`;
  const copy = (): void => writeFixture(waiting, 1);
  copy();
  assert.equal(open(t, file).opened.stations[STATION]?.messages.length, 6);
  copy();
  assert.equal(open(t, file).opened.stations[STATION]?.messages.length, 6);
  assert.ok(!existsSync(waiting));
});

test("a waiting file that is damaged is told and stays, and the station works", async (t) => {
  const file = await fixtureIn(t);
  await writeFile(`${file}.version-1-5`, "no database at all, however long it is read");
  const { opened } = open(t, file);
  assert.deepEqual(opened.stations[STATION], REMAINS);
  assert.equal(opened.news[0]?.level, "error");
  assert.ok(existsSync(`${file}.version-1-5`));
});

test("what the later version's write-ahead log holds is moved with it", async (t) => {
  const file = await fixtureIn(t);
  const later = open(t, file, THREE_VERSIONS);
  later.database.write([{ type: "record", station: STATION, key: 20, payload: Buffer.from("in the log") }]);
  // Killed: a copy of the three files as they are, with nothing checkpointed.
  const killed = await place(t);
  for (const suffix of ["", "-wal"]) await writeFile(killed + suffix, readFileSync(file + suffix));
  const { opened } = open(t, killed, MIGRATIONS);
  const moved = new Sqlite(opened.setAside?.path ?? "", { readonly: true, fileMustExist: true });
  assert.deepEqual(moved.prepare("SELECT payload FROM outbox WHERE key = 20").get(), {
    payload: Buffer.from("in the log"),
  });
  moved.close();
});
