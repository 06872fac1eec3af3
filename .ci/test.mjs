#!/usr/bin/env node
/**
 * Runs tests with Node's own runner and tsx. Node 20 knows no patterns for `--test`, so the files are listed here.
 *
 *     node .ci/test.mjs unit            rooms whose tests need no other program and no native camera library
 *     node .ci/test.mjs real            all others: real GStreamer, brokers, child processes, the daemon end to end
 *     node .ci/test.mjs all             both
 *     node .ci/test.mjs mqtt station    the named rooms (folders of test/), or single files
 *
 * Exits 1 when a test fails, and when none passed: a run that found nothing to run must not look like a success.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, join, relative, resolve } from "node:path";
import { createInterface } from "node:readline";

const ROOT = resolve(import.meta.dirname, "..");

/** Folders of test/ whose tests run in milliseconds on the sources alone. Any other folder counts as real. */
const UNIT_ROOMS = [
  "shared",
  "patchcore",
  "station",
  "config",
  "bank",
  "backbone",
  "search",
  "evaluation",
  "metrics",
  "repository",
];
/** Folders of test/ that hold what tests use, not tests. */
const NO_TESTS = ["support", "golden", "bench"];

/** A test that hangs is ended by the runner after this long; none takes a tenth of it. Milliseconds. */
const TEST_TIMEOUT_MS = 600_000;

function listFiles(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".test.ts"))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function select(names) {
  const rooms = readdirSync(join(ROOT, "test"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !NO_TESTS.includes(entry.name))
    .map((entry) => entry.name);
  const sets = {
    unit: rooms.filter((room) => UNIT_ROOMS.includes(room)),
    real: rooms.filter((room) => !UNIT_ROOMS.includes(room)),
    all: rooms,
  };
  return names.flatMap((name) => {
    if (existsSync(name) && statSync(name).isFile()) {
      return [resolve(name)];
    }
    const chosen = sets[name] ?? (rooms.includes(name) ? [name] : undefined);
    if (chosen === undefined) {
      throw new Error(`Expected unit, real, all, a file or one of ${rooms.join(", ")} but received ${name}`);
    }
    return chosen.flatMap((room) => listFiles(join(ROOT, "test", room)));
  });
}

/** Runs the files; the runner's closing lines pass through and are read on the way. @returns the exit code */
async function runTests(files) {
  const flags = ["--test-concurrency=2", `--test-timeout=${TEST_TIMEOUT_MS}`, "--test-reporter=spec"];
  const colour = process.stdout.isTTY && process.env.NO_COLOR === undefined ? { FORCE_COLOR: "1" } : {};
  // mosquitto lies in /usr/sbin, which an ordinary user's PATH may lack. NODE_TEST_CONTEXT would make the runner
  // report to a runner above it instead of to us.
  const { NODE_TEST_CONTEXT: _above, ...inherited } = process.env;
  const env = { ...inherited, ...colour, PATH: [process.env.PATH, "/usr/sbin", "/sbin"].join(delimiter) };
  const runner = spawn(process.execPath, ["--import", "tsx", "--test", ...flags, ...files], {
    cwd: ROOT,
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.on(signal, () => runner.kill(signal));
  }
  const ended = new Promise((resolveEnd, reject) => {
    runner.on("error", reject);
    runner.on("close", (code, signal) => resolveEnd(code ?? 128 + constants.signals[signal]));
  });
  let passed = 0;
  for await (const line of createInterface({ input: runner.stdout })) {
    process.stdout.write(`${line}\n`);
    passed = Number(/^\D*\bpass (\d+)/.exec(line.replaceAll(/\u001b\[\d+m/g, ""))?.[1] ?? passed);
  }
  const code = await ended;
  if (code === 0 && passed === 0) {
    process.stderr.write(`Expected tests to run in ${files.length} files, but none passed\n`);
    return 1;
  }
  return code;
}

const names = process.argv.slice(2);
try {
  const files = select(names.length === 0 ? ["all"] : names);
  if (files.length === 0) {
    throw new Error(`Expected test files (*.test.ts) for ${names.join(" ")} but found none`);
  }
  process.stdout.write(`${files.length} test files: ${files.map((file) => relative(ROOT, file)).join(" ")}\n`);
  process.exitCode = await runTests(files);
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
