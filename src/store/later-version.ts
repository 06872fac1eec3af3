import { readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import Sqlite from "better-sqlite3";
import { DeviceError, InputError, reasonOf } from "../shared/errors.ts";
import { migrate, versionOf } from "./migrate.ts";
import type { News } from "./protocol.ts";
import type { Migration } from "./schema.ts";

/**
 * A file of a later nominald, met after a step back to an older one. The older one cannot know what its tables mean, and must
 * neither guess nor stop: the file waits, whole, under `<file>.version-<version>-<ms>`, and a new one is begun. The next
 * nominald that knows that version takes over what it holds (ADR 0070).
 */
const WAITING = /\.version-(\d+)-(\d+)$/;

/** Moves the open database away and closes it. @returns where it lies now */
export function moveLaterVersion(database: Sqlite.Database, nowMs: number): string {
  const file = database.name;
  // What the write-ahead log holds has to be in the file that is moved.
  const [state] = database.pragma("wal_checkpoint(TRUNCATE)") as { readonly busy: number }[];
  if (state?.busy !== 0) {
    throw new DeviceError(
      "store-unusable",
      `Expected to be alone with the database ${file} but another process uses it`,
    );
  }
  const path = `${file}.version-${versionOf(database)}-${nowMs}`;
  database.close();
  renameSync(file, path);
  for (const suffix of ["-wal", "-shm"]) rmSync(file + suffix, { force: true });
  return path;
}

/**
 * Takes over what waiting files hold that this nominald knows: their messages go before the ones of now, since they are older.
 * One transaction a file; a file that cannot be read stays where it is.
 *
 * @returns what a person should know of it
 */
export function takeOverWaiting(database: Sqlite.Database, migrations: readonly Migration[]): News[] {
  const folder = dirname(database.name);
  const waiting = readdirSync(folder)
    .filter((name) => name.startsWith(basename(database.name)))
    .flatMap((name) => {
      const [, version, atMs] = WAITING.exec(name) ?? [];
      return Number(version) <= migrations.length ? [{ path: join(folder, name), atMs: Number(atMs) }] : [];
    })
    .sort((a, b) => b.atMs - a.atMs);
  // The newest first: each is put before what is there.
  return waiting.map(({ path }) => {
    try {
      return takeOver(database, path, migrations);
    } catch (error) {
      if (!(error instanceof Sqlite.SqliteError || error instanceof InputError)) throw error;
      const text = `the database of a later version ${path} could not be taken over and stays there: ${reasonOf(error)}`;
      return { level: "error", text };
    }
  });
}

function takeOver(database: Sqlite.Database, path: string, migrations: readonly Migration[]): News {
  const other = new Sqlite(path, { timeout: 2_000, fileMustExist: true });
  try {
    migrate(other, migrations);
  } finally {
    other.close();
  }
  const mark = `taken over ${basename(path)}`;
  database.prepare("ATTACH ? AS other").run(path);
  let messages = 0;
  try {
    database.transaction(() => {
      // A crash between the commit and the removal of the file must not bring its messages twice.
      const seen = database.prepare("SELECT 1 FROM main.value WHERE station = '' AND name = ?").get(mark);
      if (seen !== undefined) return;
      messages = putBefore(database);
      database.prepare("INSERT INTO main.value (station, name, value) VALUES ('', ?, '')").run(mark);
    })();
  } finally {
    database.exec("DETACH other");
  }
  for (const name of [path, `${path}-wal`, `${path}-shm`]) rmSync(name, { force: true });
  for (let version = 1; version < migrations.length; version++) rmSync(`${path}.backup-v${version}`, { force: true });
  return { level: "info", text: `took over ${messages} unsent messages that waited in ${path}` };
}

/** Keys and ids say what is older, so all of them are counted anew. @returns how many messages came */
function putBefore(database: Sqlite.Database): number {
  const renumber = (table: string, key: string, columns: string, before: string): number => {
    const put = `INSERT OR IGNORE INTO main.${table} (${key}, ${columns})`;
    database.exec(`UPDATE main.${table} SET ${key} = -${key}`);
    const { changes } = database
      .prepare(`${put} SELECT row_number() OVER (ORDER BY ${key}), ${columns} FROM other.${table} AS there ${before}`)
      .run();
    const last = `(SELECT coalesce(max(${key}), 0) FROM main.${table})`;
    database.exec(`
      CREATE TEMP TABLE now AS
        SELECT ${last} + row_number() OVER (ORDER BY ${key} DESC) AS ${key}, ${columns} FROM main.${table} WHERE ${key} < 0;
      DELETE FROM main.${table} WHERE ${key} < 0;
      ${put} SELECT ${key}, ${columns} FROM temp.now;
      DROP TABLE temp.now;
    `);
    return changes;
  };
  // A part that both know: what came of it last counts.
  const unknown =
    "WHERE NOT EXISTS (SELECT 1 FROM main.part AS here WHERE here.station = there.station " +
    "AND here.session = there.session AND here.seq = there.seq)";
  renumber("part", "id", "station, session, seq, part, recipe, result", unknown);
  const messages = renumber("outbox", "key", "station, kind, payload", "");
  database.exec("INSERT OR IGNORE INTO main.value SELECT station, name, value FROM other.value");
  return messages;
}
