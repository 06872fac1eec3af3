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

/** What of nominald is there when the container starts. */
export type Installed =
  /** The unit, its user, the built program: as the package has them. */
  | "program"
  /** Nothing; /usr and dpkg's database can be written, in memory, so that packages can be installed. */
  | "nothing";

/**
 * A real systemd in a container with the machine's own /usr, on the machine's network. Nothing outside its temporary
 * folder is written.
 */
export class SystemdContainer {
  readonly #folder: string;
  readonly #process: ChildProcess;
  #console = "";
  #leader = 0;

  private constructor(folder: string, installed: Installed) {
    this.#folder = folder;
    const over = (option: string, path: string): string => `--${option}=${path}:${join(folder, path)}:${path}`;
    const mounts =
      installed === "program"
        ? [over("overlay-ro", "/usr"), ...BOUND.map((name) => `--bind-ro=${join(ROOT, name)}:${PROGRAM}/${name}`)]
        : [over("overlay", "/usr"), over("overlay", "/var/lib/dpkg")];
    const args = [
      ...["--quiet", `--directory=${join(folder, "root")}`, ...mounts],
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
  static async boot(
    files: Readonly<Record<string, string>>,
    installed: Installed = "program",
  ): Promise<SystemdContainer> {
    const folder = await mkdtemp(join(tmpdir(), "nominald-systemd-"));
    // What is written over the machine's files: another overlay, as under Docker, could not take it.
    if (installed === "nothing") await run("mount", ["-t", "tmpfs", "-o", "size=2g,mode=755", "tmpfs", folder]);
    await layOut(folder, files, installed);
    const container = new SystemdContainer(folder, installed);
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

  /** Replaces a file of the container outside /usr. */
  async write(path: string, content: string): Promise<void> {
    await writeFile(join(this.#folder, "root", path), content);
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
    const { stdout } = await run("findmnt", ["--noheadings", "--output=TARGET", this.#folder]).catch(() => ({
      stdout: "",
    }));
    if (stdout !== "") await run("umount", ["--lazy", this.#folder]);
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
async function layOut(folder: string, files: Readonly<Record<string, string>>, installed: Installed): Promise<void> {
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
  if (installed === "program") {
    await layOutProgram(root, over);
  } else {
    for (const path of ["usr", "var/lib/dpkg"]) await mkdir(over(path), { recursive: true });
    // Owners that the machine's administrator set may not be known in here, and dpkg would stop at them.
    await writeFile(over("var/lib/dpkg/statoverride"), "");
  }
  for (const [path, content] of Object.entries(files)) {
    const target = join(root, path);
    await mkdir(dirname(target), { recursive: true });
    if (content.startsWith("FILE:")) await cp(content.slice("FILE:".length), target);
    else await writeFile(target, content);
  }
}

/** As the package has it. */
async function layOutProgram(root: string, over: (path: string) => string): Promise<void> {
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
}
