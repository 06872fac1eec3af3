import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

/** What has just been done of a file's replacement. A crash may come after any of them. */
export type WriteStep = "written" | "synced" | "renamed" | "folder-synced";

/**
 * Replaces a file whole: temp file in the same folder, fsync, rename, fsync of the folder. A crash leaves the old or
 * the new content, never a mixture.
 *
 * @param onStep told after each step; a test ends the process there
 * @throws the system's error; the file is then as it was and the temp file is gone
 */
export function replaceFile(
  folder: string,
  name: string,
  content: string | Uint8Array,
  onStep: (step: WriteStep) => void = () => undefined,
): void {
  const temporary = join(folder, `.${name}.${randomUUID()}`);
  try {
    writeSynced(temporary, typeof content === "string" ? Buffer.from(content) : content, onStep);
    renameSync(temporary, join(folder, name));
    onStep("renamed");
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
  const directory = openSync(folder, "r");
  try {
    fsyncSync(directory);
    onStep("folder-synced");
  } finally {
    closeSync(directory);
  }
}

function writeSynced(path: string, content: Uint8Array, onStep: (step: WriteStep) => void): void {
  const file = openSync(path, "wx", 0o600);
  try {
    // A full disk may take a part of it only.
    for (let at = 0; at < content.length;) at += writeSync(file, content, at);
    onStep("written");
    fsyncSync(file);
    onStep("synced");
  } finally {
    closeSync(file);
  }
}
