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

/** One step of the schema: SQL that takes a database from one version to the next, in a transaction of its own. */
export interface Migration {
  /** What changes, for the log. */
  readonly what: string;
  readonly sql: string;
}

/**
 * The step at index i takes version i to i + 1; the first makes the tables of a new file. A step that was released is never
 * changed again: devices have files that it made. A change of any table is a new step at the end, and gets a fixture of the
 * version before in test/store/fixtures/.
 */
export const MIGRATIONS: readonly Migration[] = [{ what: "accepted parts, outbox and values", sql: TABLES }];

/** Kept in the file as `user_version`. */
export const SCHEMA_VERSION = MIGRATIONS.length;
