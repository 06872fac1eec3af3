import { readdir, readFile } from "node:fs/promises";

/** Where the kernel shows itself; tests have folders of their own. */
export interface KernelFolders {
  readonly proc: string;
  readonly sys: string;
}

export const KERNEL: KernelFolders = { proc: "/proc", sys: "/sys" };

/** @returns null when the file cannot be read: what a kernel does not have, it does not tell */
export async function textOf(file: string): Promise<string | null> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (error) {
    return nullForSystemError(error);
  }
}

/** @returns the whole number in a file; null when there is none */
export async function numberOf(file: string): Promise<number | null> {
  const text = await textOf(file);
  return text === null || !/^\d+$/.test(text) ? null : Number(text);
}

/** @returns names in a folder; none where there is no such folder */
export async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    return nullForSystemError(error) ?? [];
  }
}

function nullForSystemError(error: unknown): null {
  if (error instanceof Error && "code" in error) return null;
  throw error;
}
