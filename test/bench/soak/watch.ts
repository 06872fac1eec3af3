import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { processStartTicks } from "../../../src/shared/process-identity.ts";

/**
 * What of the daemon and its children is watched; a column of the CSV each. `capture` is the camera's process that lives
 * longest. `allowed` is what a quantity may seem to grow by over the watched time without growing.
 */
export const QUANTITIES = [
  { name: "daemon RSS", unit: "MiB", plot: "memory", allowed: 4 },
  { name: "inference RSS", unit: "MiB", plot: "memory", allowed: 4 },
  { name: "capture RSS", unit: "MiB", plot: "memory", allowed: 4 },
  { name: "daemon fds", unit: "", plot: "descriptors", allowed: 0.5 },
  { name: "inference fds", unit: "", plot: "descriptors", allowed: 0.5 },
  { name: "capture fds", unit: "", plot: "descriptors", allowed: 0.5 },
  { name: "slot files", unit: "", plot: "slots", allowed: 0.5 },
  { name: "database", unit: "KiB", plot: "database", allowed: 64 },
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
    const [inference, capture] = [await this.inference(), (await this.captures())[0]];
    return {
      ...(await processLook("daemon", this.#pid)),
      ...(await processLook("inference", inference)),
      ...(await processLook("capture", capture)),
      "slot files": await this.#slotFiles(),
      database: await this.#databaseKib(),
    };
  }

  /** @returns its pid, while it is there */
  async inference(): Promise<number | undefined> {
    return (await this.#children("inference.child"))[0];
  }

  /** @returns pids of the cameras' processes, the one that lives longest first */
  captures(): Promise<readonly number[]> {
    return this.#children("capture.child");
  }

  /** @returns pids of the children whose command line names the entry, the oldest first */
  async #children(entry: string): Promise<readonly number[]> {
    const list = await text(`/proc/${this.#pid}/task/${this.#pid}/children`);
    const found: { readonly pid: number; readonly started: number }[] = [];
    for (const pid of list.trim().split(" ").map(Number)) {
      const isChild = pid > 0 && (await text(`/proc/${pid}/cmdline`)).includes(entry);
      if (isChild) found.push({ pid, started: await startTicks(pid) });
    }
    return found.sort((one, other) => one.started - other.started || one.pid - other.pid).map(({ pid }) => pid);
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

async function processLook(role: "daemon" | "inference" | "capture", pid: number | undefined): Promise<Look> {
  if (pid === undefined || !((await ageS(pid)) >= YOUNG_S)) return {};
  const kib = /^VmRSS:\s+(\d+) kB/m.exec(await text(`/proc/${pid}/status`))?.[1];
  const fds = await readdir(`/proc/${pid}/fd`).catch(() => null);
  return {
    ...(kib === undefined ? {} : { [`${role} RSS`]: Number(kib) / 1_024 }),
    ...(fds === null ? {} : { [`${role} fds`]: fds.length }),
  };
}

async function ageS(pid: number): Promise<number> {
  return Number((await text("/proc/uptime")).split(" ")[0]) - (await startTicks(pid)) / TICKS_PER_S;
}

/** NaN for what has just gone. */
async function startTicks(pid: number): Promise<number> {
  return Number((await processStartTicks(pid)) ?? NaN);
}

/** Empty for what has just gone. */
function text(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
