#!/usr/bin/env node
import { NominalError, reasonOf } from "./shared/errors.ts";
import { EXIT, exitCodeOf } from "./shared/exit-codes.ts";
import { productVersion } from "./shared/version.ts";
import { programHelp } from "./cli/command-line/help.ts";
import { ALL_COMMANDS, type CommandName } from "./cli/commands/all.ts";
import type { CommandIo } from "./cli/io.ts";

type Command = (args: string[], io: CommandIo) => Promise<number>;

/** Loaded on demand: `nominald --version` must not load GStreamer or ONNX Runtime. */
const LOAD: Readonly<Record<CommandName, () => Promise<Command>>> = {
  run: async () => (await import("./cli/run.ts")).runCommand,
  fit: async () => (await import("./cli/fit.ts")).fitCommand,
  bank: async () => (await import("./cli/bank.ts")).bankCommand,
  score: async () => (await import("./cli/score.ts")).scoreCommand,
  eval: async () => (await import("./cli/eval.ts")).evalCommand,
  reproduce: async () => (await import("./cli/reproduce.ts")).reproduceCommand,
  config: async () => (await import("./cli/config.ts")).configCommand,
  models: async () => (await import("./cli/models.ts")).modelsCommand,
  push: async () => (await import("./cli/push.ts")).pushCommand,
  keys: async () => (await import("./cli/keys.ts")).keysCommand,
  doctor: async () => (await import("./cli/doctor.ts")).doctorCommand,
  capture: async () => (await import("./cli/capture.ts")).captureCommand,
  install: async () => (await import("./cli/install.ts")).installCommand,
  demo: async () => (await import("./cli/demo.ts")).demoCommand,
};

/** util.parseArgs throws TypeErrors with these codes when the command line is wrong. */
function isUsageError(error: unknown): boolean {
  return error instanceof TypeError && String((error as NodeJS.ErrnoException).code).startsWith("ERR_PARSE_ARGS_");
}

function isCommandName(name: string): name is CommandName {
  return Object.hasOwn(LOAD, name);
}

async function main(args: string[]): Promise<number> {
  const [name = "", ...rest] = args;
  if (name === "--version") {
    process.stdout.write(`nominald ${productVersion()}\n`);
    return EXIT.ok;
  }
  if (name === "--help" || name === "help") {
    process.stdout.write(`${programHelp(ALL_COMMANDS)}\n`);
    return EXIT.ok;
  }
  const load = isCommandName(name) ? LOAD[name] : undefined;
  if (load === undefined) {
    process.stderr.write(
      `${name === "" ? "" : `Expected a subcommand but got ${JSON.stringify(name)}.\n\n`}${programHelp(ALL_COMMANDS)}\n`,
    );
    return EXIT.usage;
  }
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => interrupted.abort(signal));
  const command = await load();
  return command(rest, {
    out: (line) => process.stdout.write(`${line}\n`),
    err: (line) => process.stderr.write(`${line}\n`),
    isTerminal: process.stdout.isTTY === true && process.stderr.isTTY === true,
    signal: interrupted.signal,
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (isUsageError(error)) {
    process.stderr.write(`${reasonOf(error)}\n`);
    process.exitCode = EXIT.usage;
  } else {
    const text =
      error instanceof NominalError
        ? `${error.code}: ${error.message}`
        : error instanceof Error
          ? error.stack
          : String(error);
    process.stderr.write(`nominald: ${text}\n`);
    process.exitCode = exitCodeOf(error);
  }
}

// A pipe takes 64 KiB at once; what its reader has not fetched yet would be lost. A reader that has gone wants no more.
await new Promise<void>((resolve) => {
  process.stdout.once("error", () => resolve());
  process.stdout.write("", () => resolve());
});
// Native addons may hold the event loop open; everything that must end in order has ended in the subcommand.
process.exit();
