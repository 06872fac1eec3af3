import { dirname, join } from "node:path";
import { textOf, type KernelFolders } from "./kernel-file.ts";

/** What is left of the memory. */
export interface MemorySample {
  /** What can still be had: of the machine, or of the control group that limits this process, whichever is less. */
  readonly availableBytes: number;
  /** Of the machine, or the group's limit. */
  readonly totalBytes: number;
  /** Whose limit that is. */
  readonly limitedBy: "machine" | "control-group";
  /** Share of the last minute in which some process waited for memory, percent (PSI); null where the kernel does not tell. */
  readonly stalledPercent: number | null;
}

interface Room {
  readonly availableBytes: number;
  readonly totalBytes: number;
}

/** The files of a control group in its two versions; `reclaimable` is file cache that the kernel gives up at once. */
const VERSIONS = [
  { root: "fs/cgroup", limit: "memory.max", used: "memory.current", reclaimable: "inactive_file" },
  {
    root: "fs/cgroup/memory",
    limit: "memory.limit_in_bytes",
    used: "memory.usage_in_bytes",
    reclaimable: "total_inactive_file",
  },
] as const;

/** @returns null where the kernel does not tell */
export async function readMemory(kernel: KernelFolders): Promise<MemorySample | null> {
  const machine = await readMachine(kernel);
  if (machine === null) return null;
  const groups = await readGroups(kernel, machine.totalBytes);
  const stalledPercent = stalledOf(await textOf(join(kernel.proc, "pressure/memory")));
  const least = groups.reduce<Room>((a, b) => (b.availableBytes < a.availableBytes ? b : a), machine);
  return { ...least, limitedBy: least === machine ? "machine" : "control-group", stalledPercent };
}

async function readMachine({ proc }: KernelFolders): Promise<Room | null> {
  const text = (await textOf(join(proc, "meminfo"))) ?? "";
  const kibibytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(text)?.[1]);
  const [totalBytes, availableBytes] = [1_024 * kibibytes("MemTotal"), 1_024 * kibibytes("MemAvailable")];
  return Number.isFinite(totalBytes) && Number.isFinite(availableBytes) ? { totalBytes, availableBytes } : null;
}

/** Of this process's control groups and those above them: each may have a limit of its own. */
async function readGroups({ proc, sys }: KernelFolders, machineBytes: number): Promise<readonly Room[]> {
  const lines = ((await textOf(join(proc, "self/cgroup"))) ?? "").split("\n");
  const found: Room[] = [];
  for (const line of lines) {
    const [hierarchy, controllers = "", path = "/"] = line.split(":");
    const version = hierarchy === "0" ? VERSIONS[0] : controllers.split(",").includes("memory") ? VERSIONS[1] : null;
    if (version === null) continue;
    // A container may see only its own part of the tree; then a folder of the path is missing, and its root is the group.
    for (let at = path; ; at = dirname(at)) {
      const room = await readGroup(join(sys, version.root, at), version);
      if (room !== null && room.totalBytes < machineBytes) found.push(room);
      if (at === dirname(at)) break;
    }
  }
  return found;
}

async function readGroup(folder: string, files: (typeof VERSIONS)[number]): Promise<Room | null> {
  // "max" is no limit.
  const limit = Number((await textOf(join(folder, files.limit))) ?? NaN);
  const used = Number((await textOf(join(folder, files.used))) ?? NaN);
  if (!(limit > 0) || !Number.isFinite(used)) return null;
  const stat = (await textOf(join(folder, "memory.stat"))) ?? "";
  const reclaimable = Number(new RegExp(`^${files.reclaimable} (\\d+)$`, "m").exec(stat)?.[1] ?? 0);
  return { totalBytes: limit, availableBytes: Math.max(0, limit - used + reclaimable) };
}

function stalledOf(text: string | null): number | null {
  const percent = /^some .*avg60=([\d.]+)/m.exec(text ?? "")?.[1];
  return percent === undefined ? null : Number(percent);
}
