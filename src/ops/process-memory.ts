import { readFile } from "node:fs/promises";

/** @returns bytes of a process that are in memory (VmRSS, proc(5)); null when there is no such process */
export async function residentBytes(pid: number): Promise<number | null> {
  let status: string;
  try {
    status = await readFile(`/proc/${pid}/status`, "latin1");
  } catch {
    return null;
  }
  const kibibytes = /^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1];
  return kibibytes === undefined ? null : Number(kibibytes) * 1_024;
}
