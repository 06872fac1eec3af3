import type Sqlite from "better-sqlite3";

export type Statements = ReturnType<typeof statementsOf>;

/** Every statement of a running daemon, prepared once for an open database. */
export function statementsOf(database: Sqlite.Database) {
  return {
    nextKey: database.prepare("SELECT coalesce(max(key), 0) + 1 AS next FROM outbox"),
    open: database.prepare(
      "SELECT session, seq, part, recipe FROM part WHERE station = ? AND result IS NULL ORDER BY id",
    ),
    answered: database.prepare(
      "SELECT session, seq, result AS payload FROM part WHERE station = ? AND result IS NOT NULL ORDER BY id DESC LIMIT ?",
    ),
    messages: database.prepare(
      "SELECT key, kind, CASE kind WHEN 'result' THEN payload END AS payload FROM outbox WHERE station = ? ORDER BY key",
    ),
    values: database.prepare("SELECT name, value FROM value WHERE station = ?"),
    accept: database.prepare("INSERT OR IGNORE INTO part (station, session, seq, part, recipe) VALUES (?, ?, ?, ?, ?)"),
    trim: database.prepare(
      "DELETE FROM part WHERE station = ? AND result IS NOT NULL AND id <= " +
        "(SELECT id FROM part WHERE station = ? ORDER BY id DESC LIMIT 1 OFFSET ?)",
    ),
    answer: database.prepare("UPDATE part SET result = ? WHERE station = ? AND session = ? AND seq = ?"),
    put: database.prepare("INSERT OR REPLACE INTO outbox (key, station, kind, payload) VALUES (?, ?, ?, ?)"),
    restamp: database.prepare("UPDATE outbox SET payload = ? WHERE key = ?"),
    fetch: database.prepare("SELECT payload FROM outbox WHERE key = ?"),
    remove: database.prepare("DELETE FROM outbox WHERE key = ?"),
    remember: database.prepare("INSERT OR REPLACE INTO value (station, name, value) VALUES (?, ?, ?)"),
  };
}
