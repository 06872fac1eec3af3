#!/usr/bin/env node
/**
 * Installs what this machine lacks, saying what and why before doing it; quick when nothing is missing.
 *
 *     node .ci/setup.mjs [--for run|demo|test] [--dry-run]
 *
 * Plain JavaScript on Node's own modules, because it runs before anything is installed. It needs no network besides
 * the Debian mirrors and the npm registry that the machine is configured for.
 *
 * Exit codes: 0 all there · 1 an installation failed · 2 wrong arguments · 3 only with --dry-run: something is missing
 * · 4 Node too old · 5 the machine lacks something that only a person can install.
 */
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { installDebianPackages } from "./lib/debian.mjs";
import { installNpmPackages } from "./lib/npm-packages.mjs";
import { say, SetupError } from "./lib/processes.mjs";
import { PURPOSES } from "./lib/requirements.mjs";

const EXIT_USAGE = 2;
const EXIT_MISSING = 3;
const EXIT_NODE_TOO_OLD = 4;
const OLDEST_NODE = [20, 19];

function readArguments() {
  const options = { for: { type: "string", default: "test" }, "dry-run": { type: "boolean", default: false } };
  try {
    const { values } = parseArgs({ options });
    if (!PURPOSES.includes(values.for)) {
      throw new Error(`Expected one of ${PURPOSES.join(", ")} for --for but received ${values.for}`);
    }
    return { purpose: values.for, dryRun: values["dry-run"] };
  } catch (error) {
    throw new SetupError(error.message, EXIT_USAGE);
  }
}

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
    throw new SetupError(
      `expected Node ${OLDEST_NODE.join(".")} or newer, found ${process.version}`,
      EXIT_NODE_TOO_OLD,
    );
  }
}

function main() {
  const { purpose, dryRun } = readArguments();
  checkNode();
  const root = resolve(import.meta.dirname, "..");
  const machineReady = installDebianPackages(purpose, dryRun);
  const packagesReady = installNpmPackages(root, purpose, dryRun);
  if (!machineReady || !packagesReady) {
    say("dry run: nothing was installed");
    return EXIT_MISSING;
  }
  say(`all there for ${purpose}, Node ${process.versions.node}`);
  return 0;
}

try {
  process.exitCode = main();
} catch (error) {
  if (!(error instanceof SetupError)) {
    throw error;
  }
  process.stderr.write(`setup: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
