#!/usr/bin/env node
import { NominalError, reasonOf } from "./shared/errors.ts";
import { EXIT, exitCodeOf } from "./shared/exit-codes.ts";
import { productVersion } from "./shared/version.ts";
import type { CommandIo } from "./cli/io.ts";

type Command = (args: string[], io: CommandIo) => Promise<number>;

interface Subcommand {
  readonly summary: string;
  /** Loaded on demand: `nominald --version` must not load GStreamer or ONNX Runtime. */
  readonly load: () => Promise<Command>;
}

const SUBCOMMANDS: Readonly<Record<string, Subcommand>> = {
  run: { summary: "the daemon: run --config FILE", load: async () => (await import("./cli/run.ts")).runCommand },
  fit: {
    summary: "build a memory bank: fit --images DIR --out BANK",
    load: async () => (await import("./cli/fit.ts")).fitCommand,
  },
  bank: {
    summary: "a bank's threshold without refitting: bank show|threshold BANK",
    load: async () => (await import("./cli/bank.ts")).bankCommand,
  },
  score: {
    summary: "score images: score --bank BANK FILE…",
    load: async () => (await import("./cli/score.ts")).scoreCommand,
  },
  eval: {
    summary: "measure a bank on labelled images: eval --bank BANK --dataset DIR",
    load: async () => (await import("./cli/eval.ts")).evalCommand,
  },
  reproduce: {
    summary: "the paper's tables on a data set in MVTec's layout: reproduce --root DIR",
    load: async () => (await import("./cli/reproduce.ts")).reproduceCommand,
  },
  config: {
    summary: "config check|print FILE, config schema",
    load: async () => (await import("./cli/config.ts")).configCommand,
  },
  models: {
    summary: "models check FILE, models list, models quantize",
    load: async () => (await import("./cli/models.ts")).modelsCommand,
  },
  push: {
    summary: "send a signed configuration or bank: push config|bank FILE --to URL --station LINE/NAME --key FILE",
    load: async () => (await import("./cli/push.ts")).pushCommand,
  },
  keys: {
    summary: "keys of signed pushes: keys generate|trust|list|revoke|rearm",
    load: async () => (await import("./cli/keys.ts")).keysCommand,
  },
  doctor: {
    summary: "what is wrong with this device and what to do: doctor --config FILE",
    load: async () => (await import("./cli/doctor.ts")).doctorCommand,
  },
  capture: {
    summary: "cameras without a bank: capture list|save|watch",
    load: async () => (await import("./cli/capture.ts")).captureCommand,
  },
  demo: {
    summary: "parts pass a synthetic camera: the whole program on this machine",
    load: async () => (await import("./cli/demo.ts")).demoCommand,
  },
};

function usage(): string {
  const width = Math.max(...Object.keys(SUBCOMMANDS).map((name) => name.length));
  const lines = Object.entries(SUBCOMMANDS).map(([name, { summary }]) => `  ${name.padEnd(width)}  ${summary}`);
  return ["usage: nominald <subcommand> [options]", "", ...lines, "", "nominald <subcommand> --help says more."].join(
    "\n",
  );
}

/** util.parseArgs throws TypeErrors with these codes when the command line is wrong. */
function isUsageError(error: unknown): boolean {
  return error instanceof TypeError && String((error as NodeJS.ErrnoException).code).startsWith("ERR_PARSE_ARGS_");
}

async function main(args: string[]): Promise<number> {
  const [name = "", ...rest] = args;
  if (name === "--version") {
    process.stdout.write(`nominald ${productVersion()}\n`);
    return EXIT.ok;
  }
  if (name === "--help" || name === "help") {
    process.stdout.write(`${usage()}\n`);
    return EXIT.ok;
  }
  const subcommand = Object.hasOwn(SUBCOMMANDS, name) ? SUBCOMMANDS[name] : undefined;
  if (subcommand === undefined) {
    process.stderr.write(
      `${name === "" ? "" : `Expected a subcommand but got ${JSON.stringify(name)}.\n\n`}${usage()}\n`,
    );
    return EXIT.usage;
  }
  const interrupted = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => interrupted.abort(signal));
  const command = await subcommand.load();
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

// Native addons may hold the event loop open; everything that must end in order has ended in the subcommand, and on
// Linux what was written to stdout and stderr has left.
process.exit();
