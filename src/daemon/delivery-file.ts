import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { replaceFile, type WriteStep } from "../shared/replace-file.ts";

const FILE = "offer.dsse";

/**
 * The offer that is under way, as it was signed: after a restart it is opened again, so a key that was revoked meanwhile
 * ends the transfer.
 */
export const deliveryFile = {
  /** @returns null without one */
  read(folder: string): Uint8Array | null {
    try {
      return readFileSync(join(folder, FILE));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
      throw error;
    }
  },
  write(folder: string, envelope: Uint8Array, onStep?: (step: WriteStep) => void): void {
    replaceFile(folder, FILE, envelope, onStep);
  },
  remove(folder: string): void {
    rmSync(join(folder, FILE), { force: true });
  },
};
