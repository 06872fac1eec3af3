import { randomUUID } from "node:crypto";
import { accessSync, constants, existsSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { DeviceConfig } from "../config/config.ts";
import { isCredential } from "../config/rule.ts";
import { ClockSync } from "../ops/clock-sync.ts";
import { buildHnsw, DEFAULT_HNSW } from "../search/hnsw.ts";
import { reasonOf } from "../shared/errors.ts";
import type { Logger } from "../shared/logger.ts";
import type { Findings } from "./finding.ts";

/** Node that package.json asks for. */
const LEAST_NODE = [20, 19] as const;
/** Below the first the outbox cannot grow through an outage, below the second it cannot work. */
const DISK_WARN_BYTES = 1e9;
const DISK_FAIL_BYTES = 100e6;
/** No clock that is right shows an earlier time: this program did not exist (Unix ms of 2025-01-01). */
const EARLIEST_MS = Date.UTC(2025, 0, 1);
/** Magic number of a tmpfs (statfs(2)). */
const TMPFS = 0x01021994;
/** Bytes of a frame as long as its size is not known: 1080p in RGB. */
const USUAL_FRAME_BYTES = 1_920 * 1_080 * 3;

/** @param version of Node, "20.19.1" */
export function checkNode(findings: Findings, version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const old = major < LEAST_NODE[0] || (major === LEAST_NODE[0] && minor < LEAST_NODE[1]);
  if (old) findings.fail("node", `Node is ${version}`, `install Node ${LEAST_NODE.join(".")} or newer`);
  else findings.ok("node", `Node ${version}`);
}

/** Loads each addon of this process's own; those of the camera and of inference are tried in their processes. */
export async function checkAddons(
  findings: Findings,
  addons: Readonly<Record<string, () => Promise<unknown>>> = ADDONS,
): Promise<void> {
  for (const [name, load] of Object.entries(addons)) {
    try {
      await load();
      findings.ok("addon", `${name} ${installedVersion(name)} loads`);
    } catch (error) {
      const remedy = "run the setup again (npm run setup): addons fit one version of Node";
      findings.fail("addon", `${name} does not load: ${reasonOf(error)}`, remedy);
    }
  }
}

const ADDONS = {
  "better-sqlite3": async () => {
    // The addon itself is loaded by the first database.
    const { default: Sqlite } = await import("better-sqlite3");
    new Sqlite(":memory:").close();
  },
  // A graph of one row: the addon is loaded by the first.
  usearch: () => buildHnsw(Int8Array.of(1, 2), 2, DEFAULT_HNSW),
  sharp: () => import("sharp"),
  "unix-dgram": () => import("unix-dgram"),
};

/** @returns the version that the package says of itself, in the package.json above its entry */
function installedVersion(name: string): string {
  let folder = dirname(fileURLToPath(import.meta.resolve(name)));
  for (; folder !== dirname(folder); folder = dirname(folder)) {
    const file = join(folder, "package.json");
    if (!existsSync(file)) continue;
    const own = JSON.parse(readFileSync(file, "utf8")) as { readonly name?: unknown; readonly version?: unknown };
    // Folders of built files may have one that only tells their kind.
    if (own.name === name && typeof own.version === "string") return own.version;
  }
  return "of an unknown version";
}

/** @param nowMs Unix time */
export async function checkClock(findings: Findings, logger: Logger, nowMs: number): Promise<void> {
  if (nowMs < EARLIEST_MS) {
    const found = `the clock shows ${new Date(nowMs).toISOString()}, which cannot be`;
    findings.fail("clock", found, "set the clock, and let it follow a time server (timedatectl set-ntp true)");
    return;
  }
  const sync = new ClockSync({ logger });
  await sync.look();
  const time = new Date(nowMs).toISOString();
  if (sync.state === "synchronised") findings.ok("clock", `${time}, synchronised`);
  else {
    const found = `${time}, ${sync.state === "unknown" ? "nobody here knows whether it is synchronised" : "not synchronised"}`;
    findings.warn(
      "clock",
      found,
      "let the clock follow a time server (timedatectl set-ntp true), so that records can be compared",
    );
  }
  sync.close();
}

/** Whether the state folder can be written, and has room. */
export function checkStateFolder(findings: Findings, folder: string): void {
  const user = process.getuid?.() === 0 ? "; tried as root, which may more than nominald's user" : "";
  const place = existsSync(folder) ? folder : nearestExisting(folder);
  const file = join(place, `.doctor-${randomUUID()}`);
  try {
    if (place === folder) writeFileSync(file, "x", { flag: "wx" });
    else accessSync(place, constants.W_OK | constants.X_OK);
    findings.ok("state-folder", `${folder} ${place === folder ? "can be written" : `can be made in ${place}`}${user}`);
  } catch (error) {
    const remedy = `give it to nominald's user (chown), and mount its disk for writing`;
    findings.fail("state-folder", `${folder} cannot be written: ${reasonOf(error)}`, remedy);
  } finally {
    rmSync(file, { force: true });
  }
  const free = freeBytes(place);
  const found = `${megabytes(free)} free at ${folder}`;
  const remedy = "make room: results and records of an outage are kept there";
  if (free < DISK_FAIL_BYTES) findings.fail("disk", found, remedy);
  else if (free < DISK_WARN_BYTES) findings.warn("disk", found, remedy);
  else findings.ok("disk", found);
}

/** Whether all stations' slots fit at once. */
export function checkSharedMemory(findings: Findings, config: DeviceConfig): void {
  const folder = config.sharedMemoryFolder;
  const needed = config.stations.reduce((sum, { camera }) => {
    const known = camera.width !== null && camera.height !== null;
    return sum + camera.slots * (known ? (camera.width ?? 0) * (camera.height ?? 0) * 3 : USUAL_FRAME_BYTES);
  }, 0);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    const free = freeBytes(folder);
    const found = `${megabytes(free)} free in ${folder}, ${megabytes(needed)} needed for all slots`;
    if (free < needed)
      findings.fail("shared-memory", found, "make it larger (mount -o remount,size=…), or lower camera.slots");
    else if (statfsSync(folder).type !== TMPFS) {
      findings.warn(
        "shared-memory",
        `${found}, but it is no tmpfs: every frame is written to a disk`,
        "set sharedMemoryFolder to /dev/shm",
      );
    } else findings.ok("shared-memory", found);
  } catch (error) {
    findings.fail(
      "shared-memory",
      `${folder} cannot be used: ${reasonOf(error)}`,
      "set sharedMemoryFolder to a tmpfs that nominald's user can write, as /dev/shm",
    );
  }
}

/** Files with a password or private key that others can read. */
export function checkSecrets(findings: Findings, config: DeviceConfig): void {
  const files = [
    config.broker.passwordFile,
    config.broker.keyFile,
    ...config.stations.map(({ camera }) => camera.passwordFile),
  ].filter((file) => file !== null && !isCredential(file));
  for (const file of new Set(files)) {
    if (file === null || !existsSync(file)) continue; // The line of the broker or the camera says that it is missing.
    const mode = statSync(file).mode & 0o777;
    const found = `${file} has mode ${mode.toString(8).padStart(3, "0")}`;
    if ((mode & 0o007) === 0) findings.ok("secrets", found);
    else findings.warn("secrets", `${found}: every user of this machine can read it`, `chmod 600 ${file}`);
  }
}

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

function nearestExisting(folder: string): string {
  let place = folder;
  while (!existsSync(place)) place = dirname(place);
  return place;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(bytes < 10e6 ? 1 : 0)} MB`;
}
