#!/usr/bin/env node
/**
 * Does the built program run on this Node? Loads every addon in a process of its own, asks the program for its version
 * and for its opinion on the example configuration, and lets it do its main job on eight parts. Needs dist/ and
 * node_modules beside it; writes below the system's temporary folder only.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "..");
const ADDONS = ["gstreamer-superficial", "better-sqlite3", "onnxruntime-node", "usearch", "sharp", "unix-dgram"];
const QUICK_MS = 60_000;
/** The demo takes about a minute on two cores; past this it hangs. */
const DEMO_MS = 10 * 60_000;

// In a file, as the program does it: from `node -e`, usearch's search for its own folder never ends.
if (process.argv[2] === "--load") {
  const addon = process.argv[3];
  // Its entry is a .node file, which Node 20 cannot import.
  const loaded = await (addon === "gstreamer-superficial" ? createRequire(import.meta.url)(addon) : import(addon));
  // Loads its native part with the first database.
  if (addon === "better-sqlite3") new loaded.default(":memory:").close();
  process.exit(0);
}

function runNode(args, timeout, stdio = "pipe") {
  const env = { ...process.env, ORT_DISABLE_TELEMETRY: "1" };
  const options = { cwd: ROOT, env, encoding: "utf8", timeout, killSignal: "SIGKILL", stdio: ["ignore", stdio, stdio] };
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, options);
  if (status !== 0) {
    throw new Error(
      `Expected exit 0 of node ${args.join(" ")} but got ${status ?? signal}\n${stdout ?? ""}${stderr ?? ""}`,
    );
  }
  return stdout;
}

const scratch = mkdtempSync(join(tmpdir(), "nominald-smoke-"));

const STEPS = [
  ...ADDONS.map((addon) => ({
    name: `the addon ${addon} loads`,
    run: () => runNode([import.meta.filename, "--load", addon], QUICK_MS),
  })),
  {
    name: "nominald says its version",
    run: () => {
      const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
      const said = runNode(["dist/main.js", "--version"], QUICK_MS).trim();
      if (said !== `nominald ${version}`) {
        throw new Error(`Expected "nominald ${version}" but received "${said}"`);
      }
    },
  },
  {
    name: "the example configuration is valid",
    run: () => runNode(["dist/main.js", "config", "check", "config/example.yaml"], QUICK_MS),
  },
  {
    name: "the demo inspects eight parts",
    run: () => {
      const out = join(scratch, "demo-out");
      runNode(["dist/main.js", "demo", "--parts", "8", "--out", out], DEMO_MS, "inherit");
      if (readdirSync(out).length === 0) {
        throw new Error(`Expected the demo to write into ${out}, found it empty`);
      }
    },
  },
];

let failed = 0;
try {
  for (const { name, run } of STEPS) {
    try {
      run();
      process.stdout.write(`ok      ${name}\n`);
    } catch (error) {
      failed += 1;
      process.stdout.write(`FAILED  ${name}\n${error.message}\n`);
    }
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.stdout.write(`smoke: ${STEPS.length - failed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
