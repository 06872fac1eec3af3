import { readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import Sqlite from "better-sqlite3";
import { BugError, DeviceError, InputError, reasonOf } from "../shared/errors.ts";
import type { Change, Opened, SetAside, StationRemains, StoredMessage, StoredTrigger } from "./protocol.ts";
import { prepare } from "./schema.ts";

/** Parts with a result that are kept for each station, so that a repeated trigger gets its stored outcome. */
export const KEPT_PARTS = 1_000;
/** Unusable files that are kept for whoever wants to look into them. */
const KEPT_SET_ASIDE = 3;
/** Each so many parts the oldest are deleted. */
const TRIM_EVERY = 200;
/** Pages of the write-ahead log after which it is copied back: 4 MiB. */
const WAL_PAGES = 1_000;

type Statements = ReturnType<typeof statementsOf>;

/**
 * The file. Synchronous, so it lives in a thread of its own. A file that SQLite finds damaged is moved aside and a new
 * one is begun: a station must be able to work, and what was in it is kept for a person.
 */
export class Database {
  readonly #file: string;
  readonly #now: () => number;
  #database: Sqlite.Database | null = null;
  #statements: Statements | null = null;
  #sinceTrim = 0;

  /** @param now Unix ms, for the names of files that are set aside */
  constructor(file: string, now: () => number) {
    this.#file = file;
    this.#now = now;
  }

  /** @throws DeviceError "store-unusable" when no database can be opened at that place */
  open(stations: readonly string[]): Opened {
    const setAside = this.#openFile();
    return { ...this.remainsOf(stations), setAside };
  }

  /** What is there of stations that begin after the file was opened. */
  remainsOf(stations: readonly string[]): Opened {
    const { nextKey } = this.#prepared();
    const row = nextKey.get() as { next: number };
    return { nextKey: row.next, stations: this.#remains(stations), setAside: null };
  }

  /**
   * Carries the changes out in one transaction: all of them, or none.
   *
   * @returns where an unusable file went, if it was found to be one on the way
   * @throws DeviceError "store-full", "store-readonly" or "store-unusable"
   */
  write(changes: readonly Change[]): SetAside | null {
    try {
      if (this.#database === null) this.#openFile();
      this.#transact(changes);
      return null;
    } catch (error) {
      if (!isDamage(error)) throw storeError(this.#file, error);
      const setAside = this.#replace(error);
      this.#transact(changes);
      return setAside;
    }
  }

  /** @returns the payloads that are still there, by key */
  fetch(keys: readonly number[]): ReadonlyMap<number, Uint8Array> {
    const found = new Map<number, Uint8Array>();
    const { fetch } = this.#prepared();
    for (const key of keys) {
      const row = fetch.get(key) as { payload: Uint8Array | string } | undefined;
      if (row === undefined) continue;
      found.set(key, typeof row.payload === "string" ? Buffer.from(row.payload) : row.payload);
    }
    return found;
  }

  close(): void {
    this.#database?.close();
    this.#database = null;
    this.#statements = null;
  }

  #openFile(): SetAside | null {
    try {
      this.#connect();
      return null;
    } catch (error) {
      this.close();
      if (!isDamage(error)) throw storeError(this.#file, error);
      return this.#replace(error);
    }
  }

  #connect(): void {
    const database = new Sqlite(this.#file, { timeout: 2_000 });
    this.#database = database;
    prepare(database);
    database.pragma(`wal_autocheckpoint = ${WAL_PAGES}`);
    this.#statements = statementsOf(database);
  }

  #replace(cause: unknown): SetAside {
    this.close();
    const reason = reasonOf(cause);
    const path = `${this.#file}.damaged-${this.#now()}`;
    try {
      renameSync(this.#file, path);
      for (const suffix of ["-wal", "-shm"]) rmSync(this.#file + suffix, { force: true });
      this.#forgetOldSetAside();
      this.#connect();
    } catch (error) {
      this.close();
      throw storeError(this.#file, error);
    }
    return { path, reason };
  }

  #forgetOldSetAside(): void {
    const folder = dirname(this.#file);
    const names = readdirSync(folder).filter((name) => name.startsWith(`${basename(this.#file)}.damaged-`));
    for (const name of names.sort().slice(0, -KEPT_SET_ASIDE)) rmSync(join(folder, name), { force: true });
  }

  #transact(changes: readonly Change[]): void {
    const database = this.#database;
    if (database === null) throw new BugError("store-closed", "Expected an open database but it is closed");
    const statements = this.#prepared();
    database.transaction(() => {
      for (const change of changes) this.#apply(statements, change);
    })();
  }

  #apply(statements: Statements, change: Change): void {
    switch (change.type) {
      case "accept": {
        const { session, seq, part, recipe } = change.trigger;
        statements.accept.run(change.station, session, seq, part, recipe);
        this.#sinceTrim++;
        if (this.#sinceTrim >= TRIM_EVERY) {
          this.#sinceTrim = 0;
          statements.trim.run(change.station, change.station, KEPT_PARTS);
        }
        return;
      }
      case "result":
        if (change.session !== null) {
          statements.answer.run(change.payload, change.station, change.session, change.seq);
        }
        statements.put.run(change.key, change.station, "result", change.payload);
        return;
      case "restamp":
        if (change.session !== null) {
          statements.answer.run(change.payload, change.station, change.session, change.seq);
        }
        statements.restamp.run(change.payload, change.key);
        return;
      case "record":
        statements.put.run(change.key, change.station, "record", change.payload);
        return;
      case "remove":
        for (const key of change.keys) statements.remove.run(key);
        return;
      case "remember":
        statements.remember.run(change.station, change.name, change.value);
        return;
      default:
        change satisfies never;
    }
  }

  #prepared(): Statements {
    if (this.#statements === null) throw new BugError("store-closed", "Expected an open database but it is closed");
    return this.#statements;
  }

  #remains(stations: readonly string[]): Record<string, StationRemains> {
    const { open, answered, messages, values } = this.#prepared();
    return Object.fromEntries(
      stations.map((station) => [
        station,
        {
          open: open.all(station) as StoredTrigger[],
          answered: (
            answered.all(station, KEPT_PARTS) as { session: string; seq: number; payload: string }[]
          ).reverse(),
          messages: messages.all(station) as StoredMessage[],
          values: Object.fromEntries(
            (values.all(station) as { name: string; value: string }[]).map(({ name, value }) => [name, value]),
          ),
        },
      ]),
    );
  }
}

function statementsOf(database: Sqlite.Database) {
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

/** The file itself is bad; anything else (a full disk, a lock) may pass. */
function isDamage(error: unknown): boolean {
  if (error instanceof InputError) return true;
  const code = codeOf(error);
  return code.startsWith("SQLITE_CORRUPT") || code.startsWith("SQLITE_NOTADB");
}

function storeError(file: string, error: unknown): DeviceError {
  if (error instanceof DeviceError) return error;
  const code = codeOf(error);
  const full = code.startsWith("SQLITE_FULL") || code === "ENOSPC";
  const readonly = code.startsWith("SQLITE_READONLY") || code === "EROFS";
  return new DeviceError(
    full ? "store-full" : readonly ? "store-readonly" : "store-unusable",
    `Expected to write the database ${file} but ${full ? "the disk is full" : readonly ? "it is read-only" : "it failed"}: ${reasonOf(error)}`,
    { cause: error },
  );
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
