/** What the scripts in this folder share: saying, failing, and starting other programs. */
import { spawnSync } from "node:child_process";
import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** Ends a script with a message meant for a person and an exit code meant for a program. */
export class SetupError extends Error {
  constructor(message, exitCode = 1) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Every line that the setup prints begins alike, so that it stands out among npm's and apt's. */
export function say(text) {
  for (const line of text.split("\n")) {
    process.stdout.write(`setup: ${line}\n`);
  }
}

/** @returns the path of a program in PATH (links followed), or undefined */
export function findProgram(name, path = process.env.PATH ?? "") {
  for (const folder of path.split(delimiter)) {
    const file = join(folder, name);
    try {
      accessSync(file, constants.X_OK);
      if (statSync(file).isFile()) {
        return realpathSync(file);
      }
    } catch {
      // Not in this folder: the next one may have it.
    }
  }
  return undefined;
}

/** Runs a program whose output a person may watch; throws when it fails. */
export function run(program, args, options = {}) {
  const result = spawnSync(program, args, { stdio: ["ignore", "inherit", "inherit"], ...options });
  if (result.error !== undefined || result.status !== 0) {
    const outcome = result.error?.message ?? `exit ${result.status ?? result.signal}`;
    throw new SetupError(`${[program, ...args].join(" ")} failed: ${outcome}`);
  }
}

/** Runs a program for its answer. @returns `{ ok, output }`, where output is stdout, or stderr of a failure */
export function ask(program, args, options = {}) {
  const result = spawnSync(program, args, { encoding: "utf8", timeout: 60_000, ...options });
  const ok = result.error === undefined && result.status === 0;
  return { ok, output: (ok ? result.stdout : result.stderr || String(result.error ?? "")).trim() };
}

/** @returns npm of the same machine, run by this very Node: `program` and the `args` that come first */
export function findNpm() {
  const called = process.env.npm_execpath ?? "";
  const cli = /\bnpm-cli\.js$/.test(called) ? called : findProgram("npm");
  if (cli === undefined) {
    throw new SetupError("expected npm in PATH, found none. It comes with Node: https://nodejs.org");
  }
  return { program: process.execPath, args: [cli], cli };
}
