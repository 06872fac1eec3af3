import { readFile } from "node:fs/promises";

/**
 * When a process was started, in clock ticks since boot (field 22 of /proc/PID/stat, proc(5)). Together with the
 * process id it names one process: ids are used again, and in a container the first process always has id 1.
 *
 * @returns null when there is no such process
 */
export async function processStartTicks(pid: number): Promise<string | null> {
  let stat: string;
  try {
    stat = await readFile(`/proc/${pid}/stat`, "latin1");
  } catch {
    return null;
  }
  // Field 2 is the program's name in brackets and may itself hold spaces and brackets; field 3 follows it.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // A process that ended and was not waited for holds nothing any more.
  if (fields[0] === "Z" || fields[0] === "X") return null;
  return fields[22 - 3] ?? null;
}
