import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes a folder and its parents, as far as they are not there. Node's own recursive mkdir never returns where the
 * file system says "no such file" to a new folder, as /proc does.
 *
 * @param mode of the folders that are made, less the process's umask
 * @throws the system's error
 */
export function makeFolder(path: string, mode = 0o777): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return;
  const parent = dirname(path);
  if (parent !== path) makeFolder(parent, mode);
  mkdirSync(path, { mode });
}
