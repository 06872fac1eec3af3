import { writeFile } from "node:fs/promises";
import { DeviceError, reasonOf } from "../shared/errors.ts";
import { makeFolder } from "../shared/make-folder.ts";

/** Makes the folder that a person named for results. @throws DeviceError "output-unwritable" */
export function makeOutputFolder(path: string): void {
  try {
    makeFolder(path);
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** @throws DeviceError "output-unwritable" */
export async function writeOutput(path: string, data: Uint8Array): Promise<void> {
  try {
    await writeFile(path, data);
  } catch (error) {
    throw unwritable(path, error);
  }
}

function unwritable(path: string, cause: unknown): DeviceError {
  return new DeviceError("output-unwritable", `Expected to write ${path} but: ${reasonOf(cause)}`, { cause });
}
