import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * A memory file system of its own, gone with the test.
 *
 * @param options mount options, such as "size=1m" or "ro"
 * @returns its folder, or null after skipping the test where mounting is not allowed
 */
export async function smallTmpfs(t: TestContext, options: string): Promise<string | null> {
  const folder = await mkdtemp(join(tmpdir(), "nominald-tmpfs-"));
  try {
    await run("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder]);
  } catch (error) {
    await rm(folder, { recursive: true });
    t.skip(`mounting a tmpfs needs root: ${String(error)}`);
    return null;
  }
  t.after(async () => {
    // Lazily: hooks run in the order of their registration, so files of the test may still be open.
    await run("umount", ["--lazy", folder]);
    await rm(folder, { recursive: true });
  });
  return folder;
}
