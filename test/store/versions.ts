import { readFileSync } from "node:fs";
import { join } from "node:path";
import Sqlite from "better-sqlite3";
import { MIGRATIONS, type Migration } from "../../src/store/schema.ts";

/** The released first version, and two that never were: a column with a value for old rows, and a table filled from another. */
export const THREE_VERSIONS: readonly Migration[] = [
  ...MIGRATIONS.slice(0, 1),
  { what: "when a part was accepted", sql: "ALTER TABLE part ADD COLUMN acceptedMs INTEGER NOT NULL DEFAULT 0" },
  {
    what: "sessions",
    sql: "CREATE TABLE session (name TEXT PRIMARY KEY) STRICT; INSERT INTO session SELECT DISTINCT session FROM part",
  },
];

/** Writes a database as that version of nominald left it on a device. */
export function writeFixture(file: string, version: number): void {
  const database = new Sqlite(file);
  database.pragma("journal_mode = WAL");
  database.exec(readFileSync(join(import.meta.dirname, "fixtures", `outbox-v${version}.sql`), "utf8"));
  database.close();
}
