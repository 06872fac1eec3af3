import { execFile, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { until } from "./until.ts";

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, "..", "..");
const PROGRAM = "/usr/lib/nominald";
/** Parts of the built program that are large: bound into the container, not copied. */
const BOUND = ["dist", "models", "node_modules"];
const STOP_DEADLINE_MS = 20_000;
/** SIGRTMIN+4 tells systemd to power off. */
const SIGPOWEROFF = 34 + 4;

/** Why no container can be booted here, or null. */
export function whyNoSystemd(): string | null {
  if (process.getuid?.() !== 0) return "a container needs root";
  return spawnSync("systemd-nspawn", ["--version"]).status === 0 ? null : "no systemd-nspawn";
}

/**
 * A real systemd in a container with the machine's own /usr, on the machine's network, with nominald installed as
 * systemd/README.md says: the unit, its user, the built program. Nothing outside its temporary folder is written.
 */
export class SystemdContainer {
  readonly #folder: string;
  readonly #process: ChildProcess;
  #console = "";
  #leader = 0;

  private constructor(folder: string) {
    this.#folder = folder;
    const binds = BOUND.map((name) => `--bind-ro=${join(ROOT, name)}:${PROGRAM}/${name}`);
    const args = [
      ...["--quiet", `--directory=${join(folder, "root")}`, `--overlay-ro=/usr:${join(folder, "usr")}:/usr`, ...binds],
      // No machine manager to register with, and no scope to be put into: there may be no systemd outside.
      ...["--boot", "--register=no", "--keep-unit", `--machine=nominald-${process.pid}`],
      ...["systemd.unit=multi-user.target", "systemd.mask=systemd-firstboot.service"],
    ];
    this.#process = spawn("systemd-nspawn", args, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.on("data", (chunk: Buffer) => (this.#console += chunk.toString()));
    }
  }

  /** @param files path in the container → content; `FILE:path` copies a file */
  static async boot(files: Readonly<Record<string, string>>): Promise<SystemdContainer> {
    const folder = await mkdtemp(join(tmpdir(), "nominald-systemd-"));
    await layOut(folder, files);
    const container = new SystemdContainer(folder);
    await container.#booted();
    return container;
  }

  /** Properties of the service, as `systemctl show` gives them. */
  async properties(...names: string[]): Promise<Readonly<Record<string, string>>> {
    const out = await this.exec("systemctl", "show", "nominald", "--property", names.join());
    return Object.fromEntries(
      out
        .trim()
        .split("\n")
        .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
    );
  }

  /** @returns what the command printed */
  async exec(...command: string[]): Promise<string> {
    const { stdout } = await run("nsenter", ["--target", String(this.#leader), "--all", ...command]);
    return stdout;
  }

  async dispose(): Promise<void> {
    const { exitCode, signalCode } = this.#process;
    if (exitCode === null && signalCode === null) {
      const ended = new Promise((done) => this.#process.once("exit", done));
      // The container's systemd powers off on it, and takes everything inside with it.
      if (this.#leader === 0) this.#process.kill("SIGKILL");
      else process.kill(this.#leader, SIGPOWEROFF);
      // Killed itself, systemd-nspawn would leave the container behind; without its first process nothing in it lives.
      const impatience = setTimeout(() => process.kill(this.#leader, "SIGKILL"), STOP_DEADLINE_MS);
      await ended;
      clearTimeout(impatience);
    }
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #booted(): Promise<void> {
    await until("systemd in a container", async () => {
      if (this.#process.exitCode !== null) throw new Error(`systemd-nspawn ended:\n${this.#console}`);
      this.#leader = await childOf(this.#process.pid ?? 0);
      if (this.#leader === 0) return false;
      return this.exec("systemctl", "list-jobs").then(
        () => true,
        () => false,
      );
    });
  }
}

async function childOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8").catch(() => "");
  return Number(text.trim().split(" ")[0] ?? 0);
}

/** The container's root folder, and what lies over the machine's /usr. */
async function layOut(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  const root = join(folder, "root");
  const over = (path: string): string => join(folder, path);
  for (const name of ["etc/systemd/system/multi-user.target.wants", "var/lib", "run", "tmp", "proc", "sys", "dev"]) {
    await mkdir(join(root, name), { recursive: true });
  }
  await mkdir(join(root, "usr"));
  for (const name of ["bin", "sbin", "lib", "lib64"]) await symlink(`usr/${name}`, join(root, name));
  await cp("/etc/os-release", join(root, "etc/os-release"), { dereference: true });
  // With an identity it is no first boot, which would ask a person at the console.
  await writeFile(join(root, "etc/machine-id"), `${"0123456789abcdef".repeat(2)}\n`);
  for (const name of [...BOUND, "bin"]) await mkdir(over(`${PROGRAM}/${name}`), { recursive: true });
  await cp(process.execPath, over(`${PROGRAM}/bin/node`), { dereference: true });
  await cp(join(ROOT, "package.json"), over(`${PROGRAM}/package.json`));
  for (const [from, to] of [
    ["nominald.service", "/usr/lib/systemd/system/nominald.service"],
    ["nominald.sysusers.conf", "/usr/lib/sysusers.d/nominald.conf"],
    ["nominald.tmpfiles.conf", "/usr/lib/tmpfiles.d/nominald.conf"],
  ] as const) {
    await mkdir(dirname(over(to)), { recursive: true });
    await cp(join(ROOT, "systemd", from), over(to));
  }
  await symlink(
    "/usr/lib/systemd/system/nominald.service",
    join(root, "etc/systemd/system/multi-user.target.wants/nominald.service"),
  );
  for (const [path, content] of Object.entries(files)) {
    const target = join(root, path);
    await mkdir(dirname(target), { recursive: true });
    if (content.startsWith("FILE:")) await cp(content.slice("FILE:".length), target);
    else await writeFile(target, content);
  }
}
