import { execFile } from "node:child_process";
import type { TestContext } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);

const MOUNT = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"';

/**
 * A place where `folder` is read-only even for root, whom permissions do not bind: a mount namespace of its own, which
 * goes with the process that lives in it.
 *
 * @returns the command to put in front of the program; it becomes the program by exec. Null after skipping the test
 *   where the machine forbids mounting
 */
export async function readOnlyMount(t: TestContext, folder: string): Promise<readonly string[] | null> {
  const prefix = ["unshare", "--mount", ...(process.getuid?.() === 0 ? [] : ["--map-root-user"]), "sh", "-c", MOUNT];
  const [file = "", ...args] = prefix;
  try {
    await run(file, [...args, folder, "true"]);
  } catch (error) {
    t.skip(`NOT TESTED, this machine forbids a mount namespace: ${String(error)}`);
    return null;
  }
  return [...prefix, folder];
}
