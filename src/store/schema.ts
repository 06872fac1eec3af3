import type Sqlite from "better-sqlite3";
import { InputError } from "../shared/errors.ts";

/** Kept in the file as `user_version`; a change of any table is a new one. */
export const SCHEMA_VERSION = 1;

/**
 * `part`: triggers that were accepted, with their result once there is one; trimmed to the newest. `outbox`: what is to
 * be published; a row goes when it was acknowledged. `value`: what else has to be known after a restart.
 */
const TABLES = `
  CREATE TABLE part (
    id INTEGER PRIMARY KEY,
    station TEXT NOT NULL,
    session TEXT NOT NULL,
    seq INTEGER NOT NULL,
    part TEXT NOT NULL,
    recipe TEXT NOT NULL,
    result TEXT,
    UNIQUE (station, session, seq)
  ) STRICT;
  CREATE TABLE outbox (
    key INTEGER PRIMARY KEY,
    station TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('result', 'record')),
    payload ANY NOT NULL
  ) STRICT;
  CREATE TABLE value (
    station TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (station, name)
  ) STRICT, WITHOUT ROWID;
`;

/**
 * Makes the tables of a new file and checks those of an old one.
 *
 * @throws InputError "store-version" for a file of a later nominald, "store-damaged" for one that is not sound
 */
export function prepare(database: Sqlite.Database): void {
  // WAL: one fsync a commit. FULL: that fsync is waited for, so a commit survives a power cut. Before anything else is
  // read: both fail on a file that is no database.
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = FULL");
  const check = database.pragma("quick_check(1)", { simple: true });
  if (check !== "ok")
    throw new InputError("store-damaged", `Expected a sound database but SQLite found: ${String(check)}`);
  const version = Number(database.pragma("user_version", { simple: true }));
  if (version === SCHEMA_VERSION) return;
  if (version !== 0) {
    throw new InputError("store-version", `Expected a database of version ${SCHEMA_VERSION} but it has ${version}`);
  }
  database.transaction(() => {
    database.exec(TABLES);
    database.pragma(`user_version = ${SCHEMA_VERSION}`);
  })();
}
