import { accessSync, constants, realpathSync } from "node:fs";
import { basename, delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export interface ChildCommand {
  readonly file: string;
  readonly args: readonly string[];
}

/**
 * Options of a Node process that are about that process alone: a test run, a debugger's port, a watched file, room for new
 * objects. With little of that the inference process would keep its dead pictures longer (src/adr/0083).
 */
const OWN_OPTION = /^--(test|inspect|watch|max[-_]semi[-_]space[-_]size=)/;

/**
 * How a child is started: by the same Node with the same loaders as its parent, and through `setpriv` where the
 * machine has it, so that the kernel ends the child with its parent even inside a blocking native call. `setpriv`
 * becomes Node by exec: the process id and the message channel stay the same.
 *
 * @param entry the child's script
 * @param searchPath folders for `setpriv`, separated by colons
 */
export function childCommand(entry: URL, searchPath: string): ChildCommand {
  const options = process.execArgv.filter((option) => !OWN_OPTION.test(option));
  const node = [...options, fileURLToPath(entry)];
  const setpriv = findSetpriv(searchPath);
  if (setpriv === undefined) return { file: process.execPath, args: node };
  return { file: setpriv, args: ["--pdeathsig", "KILL", "--", process.execPath, ...node] };
}

function findSetpriv(searchPath: string): string | undefined {
  for (const folder of searchPath.split(delimiter)) {
    if (folder === "") continue;
    const file = join(folder, "setpriv");
    try {
      accessSync(file, constants.X_OK);
      // BusyBox has a setpriv too, which knows no --pdeathsig and would refuse every child.
      if (!basename(realpathSync(file)).startsWith("busybox")) return file;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}
