import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DeviceError, reasonOf } from "../shared/errors.ts";
import { makeFolder } from "../shared/make-folder.ts";
import { processStartTicks } from "../shared/process-identity.ts";
import { replaceFile } from "../shared/replace-file.ts";

const LOCK = "daemon.lock";
const FOLDER_MODE = 0o750;

/**
 * The daemon's folder on disk. Taking it proves that it can be written and that no other daemon has it; two daemons
 * on one folder would publish under the same station twice.
 */
export class StateFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  /** @throws DeviceError "state-folder-unwritable" or "state-folder-in-use" */
  async take(): Promise<void> {
    try {
      makeFolder(this.path, FOLDER_MODE);
      await this.#refuseOtherDaemon();
      replaceFile(this.path, LOCK, `${process.pid} ${(await processStartTicks(process.pid)) ?? ""}\n`);
    } catch (error) {
      if (error instanceof DeviceError) throw error;
      throw new DeviceError(
        "state-folder-unwritable",
        `Expected stateFolder ${this.path} to be a folder that nominald can write but: ${reasonOf(error)}`,
        { cause: error },
      );
    }
  }

  /**
   * Idempotent.
   *
   * @returns why the lock stays, or null. A disk may have become read-only since; the next daemon sees that the lock's
   *   holder is gone.
   */
  release(): Error | null {
    try {
      rmSync(join(this.path, LOCK), { force: true });
      return null;
    } catch (error) {
      return error instanceof Error ? error : new Error(reasonOf(error));
    }
  }

  async #refuseOtherDaemon(): Promise<void> {
    const pid = await runningDaemon(this.path);
    if (pid !== null && pid !== process.pid) {
      throw new DeviceError(
        "state-folder-in-use",
        `Expected stateFolder ${this.path} for this daemon alone but the daemon with pid ${pid} uses it`,
      );
    }
  }
}

/**
 * @param folder a stateFolder
 * @returns the process id of the daemon that has it; null when none has, or there is no such folder
 * @throws the system's error when the lock cannot be read
 */
export async function runningDaemon(folder: string): Promise<number | null> {
  let lock: string;
  try {
    lock = readFileSync(join(folder, LOCK), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  const [pid = "", start = ""] = lock.trim().split(" ");
  return start !== "" && (await processStartTicks(Number(pid))) === start ? Number(pid) : null;
}
