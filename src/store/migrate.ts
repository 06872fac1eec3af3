import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type Sqlite from "better-sqlite3";
import { InputError } from "../shared/errors.ts";
import type { Migration } from "./schema.ts";

/** Copies from before a migration that are kept, of the newest versions. */
export const KEPT_BACKUPS = 3;

/** What has just been done of a migration. A crash may come after any of them. */
export type MigrationStep = "backup-written" | "backup-synced" | "backup-renamed" | "step-run" | "step-committed";

export interface Migrated {
  readonly from: number;
  readonly to: number;
  /** The copy of the file as it was. */
  readonly backup: string;
}

/**
 * Checks a file and brings it to the version of the last migration, step by step, each in a transaction together with its
 * version: a crash leaves a whole database of one version, from which the next start goes on. Before the first step the
 * file is copied to `<file>.backup-v<version>`.
 *
 * @param onStep told after each step; a test ends the process there
 * @returns null when there was nothing to do, or the file was new
 * @throws InputError "store-version" for a file of a later nominald, "store-damaged" for one that is not sound
 */
export function migrate(
  database: Sqlite.Database,
  migrations: readonly Migration[],
  onStep: (step: MigrationStep) => void = () => undefined,
): Migrated | null {
  // WAL: one fsync a commit. FULL: that fsync is waited for, so a commit survives a power cut. Before anything else is
  // read: both fail on a file that is no database.
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = FULL");
  const check = database.pragma("quick_check(1)", { simple: true });
  if (check !== "ok")
    throw new InputError("store-damaged", `Expected a sound database but SQLite found: ${String(check)}`);
  const from = versionOf(database);
  const to = migrations.length;
  if (from > to) {
    throw new InputError("store-version", `Expected a database of version ${to} at most but it has ${from}`);
  }
  if (from === to) return null;
  const backup = from === 0 ? null : backUp(database, from, onStep);
  for (const [index, { sql }] of migrations.entries()) {
    if (index < from) continue;
    database.transaction(() => {
      database.exec(sql);
      database.pragma(`user_version = ${index + 1}`);
      onStep("step-run");
    })();
    onStep("step-committed");
  }
  return backup === null ? null : { from, to, backup };
}

export function versionOf(database: Sqlite.Database): number {
  return Number(database.pragma("user_version", { simple: true }));
}

/** A copy that is whole whenever it has its name: written beside, synced, renamed, and the folder synced. */
function backUp(database: Sqlite.Database, version: number, onStep: (step: MigrationStep) => void): string {
  const file = database.name;
  const folder = dirname(file);
  const backup = `${file}.backup-v${version}`;
  const temporary = `${backup}.new`;
  rmSync(temporary, { force: true });
  try {
    database.prepare("VACUUM INTO ?").run(temporary);
    onStep("backup-written");
    sync(temporary);
    onStep("backup-synced");
    renameSync(temporary, backup);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  sync(folder);
  onStep("backup-renamed");
  const versions = readdirSync(folder)
    .flatMap((name) => (name.startsWith(`${basename(file)}.backup-v`) ? [Number(name.split(".backup-v")[1])] : []))
    .sort((a, b) => b - a);
  for (const old of versions.slice(KEPT_BACKUPS)) rmSync(join(folder, `${basename(file)}.backup-v${old}`));
  return backup;
}

function sync(path: string): void {
  const opened = openSync(path, "r");
  try {
    fsyncSync(opened);
  } finally {
    closeSync(opened);
  }
}
