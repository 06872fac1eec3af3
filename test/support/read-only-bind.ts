import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * An empty folder that not even root can write, because file permissions do not bind root.
 *
 * @returns its path, or null after skipping the test where mounting is not allowed
 */
export async function readOnlyBind(t: TestContext): Promise<string | null> {
  const folder = await mkdtemp(join(tmpdir(), "nominald-read-only-"));
  try {
    await run("mount", ["--bind", folder, folder]);
  } catch (error) {
    await rm(folder, { recursive: true });
    t.skip(`a bind mount needs root: ${String(error)}`);
    return null;
  }
  t.after(async () => {
    await run("umount", ["--lazy", folder]);
    await rm(folder, { recursive: true });
  });
  await run("mount", ["-o", "remount,bind,ro", folder]);
  return folder;
}
