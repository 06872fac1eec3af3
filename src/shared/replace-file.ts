import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

/**
 * Replaces a file whole: temp file in the same folder, fsync, rename, fsync of the folder. A crash leaves the old or
 * the new content, never a mixture.
 *
 * @throws the system's error; the file is then as it was and the temp file is gone
 */
export function replaceFile(folder: string, name: string, content: string | Uint8Array): void {
  const temporary = join(folder, `.${name}.${randomUUID()}`);
  try {
    writeSynced(temporary, typeof content === "string" ? Buffer.from(content) : content);
    renameSync(temporary, join(folder, name));
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  const directory = openSync(folder, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}

function writeSynced(path: string, content: Uint8Array): void {
  const file = openSync(path, "wx", 0o600);
  try {
    // A full disk may take a part of it only.
    for (let at = 0; at < content.length;) at += writeSync(file, content, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
