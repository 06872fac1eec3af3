import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/** What of the daemon and its children is watched; a column of the CSV each. */
export const QUANTITIES = [
  { name: "daemon RSS", unit: "MiB", plot: "memory", allowed: { absolute: 4, share: 0.03 } },
  { name: "inference RSS", unit: "MiB", plot: "memory", allowed: { absolute: 4, share: 0.03 } },
  { name: "capture RSS", unit: "MiB", plot: "memory", allowed: { absolute: 4, share: 0.03 } },
  { name: "daemon fds", unit: "", plot: "descriptors", allowed: { absolute: 1, share: 0 } },
  { name: "inference fds", unit: "", plot: "descriptors", allowed: { absolute: 1, share: 0 } },
  { name: "capture fds", unit: "", plot: "descriptors", allowed: { absolute: 1, share: 0 } },
  { name: "slot files", unit: "", plot: "slots", allowed: { absolute: 1, share: 0 } },
  { name: "database", unit: "KiB", plot: "database", allowed: { absolute: 512, share: 0 } },
] as const;

export type QuantityName = (typeof QUANTITIES)[number]["name"];
export type Look = Readonly<Partial<Record<QuantityName, number>>>;

/** A child younger than this is still filling its memory, s. */
const YOUNG_S = 20;
const TICKS_PER_S = 100;

/** Looks at a daemon from outside, by /proc and its files. A process that is just not there has no value. */
export class DaemonWatch {
  readonly #pid: number;
  readonly #stateFolder: string;

  constructor(pid: number, stateFolder: string) {
    this.#pid = pid;
    this.#stateFolder = stateFolder;
  }

  async look(): Promise<Look> {
    const [inference, capture] = [await this.child("inference.child"), await this.child("capture.child")];
    return {
      ...(await processLook("daemon", this.#pid)),
      ...(await processLook("inference", inference)),
      ...(await processLook("capture", capture)),
      "slot files": await this.#slotFiles(),
      database: await this.#databaseKib(),
    };
  }

  /** @returns the pid of the child whose command line names the entry, or null */
  async child(entry: string): Promise<number | null> {
    const list = await text(`/proc/${this.#pid}/task/${this.#pid}/children`);
    for (const pid of list.trim().split(" ").map(Number)) {
      if (pid > 0 && (await text(`/proc/${pid}/cmdline`)).includes(entry)) return pid;
    }
    return null;
  }

  async #slotFiles(): Promise<number> {
    const folders = (await readdir("/dev/shm")).filter((name) => name.startsWith(`nominald-${this.#pid}-`));
    const files = await Promise.all(folders.map((name) => readdir(join("/dev/shm", name)).catch(() => [])));
    return files.flat().length;
  }

  async #databaseKib(): Promise<number> {
    const sizes = ["", "-wal"].map(async (suffix) => {
      const found = await stat(join(this.#stateFolder, `outbox.sqlite${suffix}`)).catch(() => null);
      return found?.size ?? 0;
    });
    return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0) / 1_024;
  }
}

async function processLook(role: "daemon" | "inference" | "capture", pid: number | null): Promise<Look> {
  if (pid === null || (await ageS(pid)) < YOUNG_S) return {};
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(await text(`/proc/${pid}/status`))?.[1];
  const fds = await readdir(`/proc/${pid}/fd`).catch(() => null);
  return {
    ...(kib === undefined ? {} : { [`${role} RSS`]: Number(kib) / 1_024 }),
    ...(fds === null ? {} : { [`${role} fds`]: fds.length }),
  };
}

async function ageS(pid: number): Promise<number> {
  const stat = await text(`/proc/${pid}/stat`);
  const startedTicks = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19]);
  return Number((await text("/proc/uptime")).split(" ")[0]) - startedTicks / TICKS_PER_S;
}

/** Empty for what has just gone. */
function text(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
