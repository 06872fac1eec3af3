#!/usr/bin/env node
/**
 * Asks the registry whether a vulnerability of a package that ships is known.
 *
 *     node .ci/audit.mjs [--dev]        --dev: the packages that only development needs, too
 *
 * Exit codes: 0 the registry knows of none · 1 it knows of some, which are listed · 2 wrong arguments · 3 it did not
 * answer, so that nothing is known: never to be read as "none".
 */
import { spawnSync } from "node:child_process";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { findNpm, SetupError } from "./lib/processes.mjs";

const ROOT = resolve(import.meta.dirname, "..");
const EXIT = { none: 0, some: 1, usage: 2, unanswered: 3 };
const DEADLINE_MS = 120_000;
/** npm would try for minutes. */
const PATIENCE = ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=30000"];

function readArguments() {
  try {
    return parseArgs({ options: { dev: { type: "boolean", default: false } } }).values;
  } catch (error) {
    throw new SetupError(error.message, EXIT.usage);
  }
}

function askRegistry(dev) {
  const npm = findNpm();
  const args = [...npm.args, "audit", "--json", ...(dev ? [] : ["--omit=dev"]), ...PATIENCE];
  const { stdout, stderr, error } = spawnSync(npm.program, args, { cwd: ROOT, encoding: "utf8", timeout: DEADLINE_MS });
  if (error !== undefined) return { answered: false, why: error.message };
  let answer;
  try {
    answer = JSON.parse(stdout);
  } catch {
    return { answered: false, why: stderr.trim() || "npm said nothing that can be read" };
  }
  // Only a whole report counts: npm's exit code is 1 for vulnerabilities and for failures alike.
  if (typeof answer.auditReportVersion !== "number" || typeof answer.metadata?.vulnerabilities?.total !== "number") {
    return { answered: false, why: answer.message || answer.error?.summary || answer.error?.code || "no report came" };
  }
  return { answered: true, report: answer };
}

function main() {
  const { dev } = readArguments();
  const { answered, why, report } = askRegistry(dev);
  const say = (text) => process.stdout.write(`audit: ${text}\n`);
  if (!answered) {
    say(`not run: the registry did not answer (${why}). Nothing is known about vulnerabilities.`);
    return EXIT.unanswered;
  }
  const { vulnerabilities, metadata } = report;
  if (metadata.vulnerabilities.total === 0) {
    say(`the registry knows of no vulnerability in ${metadata.dependencies.total} packages`);
    return EXIT.none;
  }
  for (const { name, severity, range, via } of Object.values(vulnerabilities)) {
    const titles = via.map((cause) =>
      typeof cause === "string" ? `through ${cause}` : `${cause.title}, ${cause.url}`,
    );
    say(`${severity}: ${name} ${range}: ${titles.join("; ")}`);
  }
  return EXIT.some;
}

try {
  process.exitCode = main();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`audit: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
