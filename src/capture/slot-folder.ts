import { access, constants, mkdir, readdir, readlink, rm } from "node:fs/promises";
import { join } from "node:path";
import { DeviceError, reasonOf } from "../shared/errors.ts";
import { processStartTicks } from "../shared/process-identity.ts";

/**
 * `nominald-PID-STATION-GENERATION-STARTTICKS-NAMESPACE`; the ticks tell a daemon from an earlier one with the same id, the
 * namespace of the process ids one container's from another's: whether a process of another one lives cannot be told.
 */
const NAME = /^nominald-(\d+)-[\w-]+-\d+-(\d+)-(\d+)$/;
/** More folders of one station at once mean that none is ever removed. */
const MAX_GENERATIONS = 1_000;

export interface StaleSlots {
  /** Folders of daemons that are gone, removed. */
  readonly removed: number;
  /** Folders of daemons that live, or are of another container. */
  readonly kept: number;
  /** Folders that could not be removed, e.g. another user's. */
  readonly failed: number;
}

/**
 * Makes the private folder of one capture process's slots, under the first free generation.
 *
 * @throws DeviceError "shared-memory-unusable" when the shared-memory folder is missing or cannot be written
 */
export async function createSlotFolder(sharedMemoryFolder: string, station: string): Promise<string> {
  const ticks = (await processStartTicks(process.pid)) ?? "0";
  const namespace = await pidNamespace();
  const label = station.replaceAll(/[^\w-]/g, "_");
  for (let generation = 1; generation <= MAX_GENERATIONS; generation += 1) {
    const folder = join(sharedMemoryFolder, `nominald-${process.pid}-${label}-${generation}-${ticks}-${namespace}`);
    try {
      await mkdir(folder, { mode: 0o700 });
      return folder;
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EEXIST"))
        throw unusable(sharedMemoryFolder, error);
    }
  }
  throw unusable(sharedMemoryFolder, `${MAX_GENERATIONS} slot folders of ${station} are left in it`);
}

/**
 * Removes what daemons that were killed left behind, so that shared memory does not fill up over restarts. Call it
 * at the start, before any camera.
 *
 * @throws DeviceError "shared-memory-unusable" when the folder is missing or cannot be written
 */
export async function removeStaleSlots(sharedMemoryFolder: string): Promise<StaleSlots> {
  let names: string[];
  try {
    names = await readdir(sharedMemoryFolder);
    await access(sharedMemoryFolder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unusable(sharedMemoryFolder, error);
  }
  const namespace = await pidNamespace();
  let [removed, kept, failed] = [0, 0, 0];
  for (const name of names) {
    const match = NAME.exec(name);
    if (match === null) continue;
    if (match[3] !== namespace || (await processStartTicks(Number(match[1]))) === match[2]) kept += 1;
    else if (await removeFolder(join(sharedMemoryFolder, name))) removed += 1;
    else failed += 1;
  }
  return { removed, kept, failed };
}

/** Number of the namespace that this process's ids are of (pid_namespaces(7)); 0 where the kernel tells none. */
async function pidNamespace(): Promise<string> {
  try {
    return /^pid:\[(\d+)\]$/.exec(await readlink("/proc/self/ns/pid"))?.[1] ?? "0";
  } catch {
    return "0";
  }
}

/** @returns false when something of it is left */
export async function removeFolder(folder: string): Promise<boolean> {
  try {
    await rm(folder, { recursive: true, force: true });
    return true;
  } catch {
    return false;
  }
}

function unusable(folder: string, cause: unknown): DeviceError {
  return new DeviceError(
    "shared-memory-unusable",
    `Expected a writable shared-memory folder at ${folder} but: ${reasonOf(cause)}`,
    { cause },
  );
}
