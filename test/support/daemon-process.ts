import { spawn, type ChildProcess } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { until } from "./until.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [field: string]: unknown;
}

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a subcommand of nominald to its end, as a user would. */
export async function nominald(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  const process = new NominaldProcess(args, environment);
  return process.finished;
}

/** `nominald …` as a process of its own, under tsx. */
export class NominaldProcess {
  readonly finished: Promise<Finished>;
  readonly #child: ChildProcess;
  #stdout = "";
  #stderr = "";

  /** @param prefix a command that becomes the program by exec, so that the process id stays the same */
  constructor(
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    prefix: readonly string[] = [],
  ) {
    const [file = process.execPath, ...rest] = [...prefix, process.execPath, "--import", "tsx", MAIN, ...args];
    const child = spawn(file, rest, {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...environment },
    });
    this.#child = child;
    child.stdout.on("data", (chunk: Buffer) => (this.#stdout += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (this.#stderr += chunk.toString()));
    this.finished = new Promise((resolve) => {
      child.on("close", (code, signal) => resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr }));
    });
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error("Expected a process but it did not start");
    return this.#child.pid;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** The log so far; lines that are no JSON are left out. */
  log(): readonly LogLine[] {
    return this.#stderr.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as LogLine] : []));
  }

  async logged(what: string, match: (line: LogLine) => boolean): Promise<LogLine> {
    await until(`a log line with ${what}`, () => this.log().some(match) || this.#child.exitCode !== null);
    const line = this.log().find(match);
    if (line === undefined) throw new Error(`Expected a log line with ${what} but the process ended: ${this.#stderr}`);
    return line;
  }

  /** Pids of the children whose command line names `entry`, e.g. `capture.child`. */
  async children(entry: string): Promise<number[]> {
    const found: number[] = [];
    for (const name of await readdir("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      // A process may end while it is looked at; then it is not one of those looked for.
      const stat = await readFile(`/proc/${name}/stat`, "utf8").catch(() => "");
      const commandLine = await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "");
      const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
      if (parent === this.pid && commandLine.includes(entry)) found.push(Number(name));
    }
    return found;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends the process however it stands. */
  async dispose(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill("SIGKILL");
    await this.finished;
  }
}
