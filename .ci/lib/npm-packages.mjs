/** npm packages as the lock file says, and the addons that have to be compiled here. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { findNodeHeaders } from "./node-headers.mjs";
import { ask, findNpm, run, say, SetupError } from "./processes.mjs";

/**
 * Each addon with what loads it, tried once after an installation in a process of its own. better-sqlite3 loads its own
 * with the first database and has no prebuilt file in the npm registry, so it is compiled as gstreamer-superficial and unix-dgram are.
 */
const COMPILED_ADDONS = {
  "gstreamer-superficial": 'require("gstreamer-superficial")',
  "better-sqlite3": 'new (require("better-sqlite3"))(":memory:").close()',
  "unix-dgram": 'require("unix-dgram")',
};
const PREBUILT_ADDONS = {
  "onnxruntime-node": 'require("onnxruntime-node")',
  usearch: 'require("usearch")',
  sharp: 'require("sharp")',
};

/**
 * Installs the packages of the lock file where node_modules differs from it, then compiles the addons that do not
 * load. No install script of any package runs: none is needed besides the compilation, which is done here with Node's
 * own headers, and onnxruntime-node's would download CUDA libraries from outside the registry.
 * @returns whether nothing was (or would be) to do
 */
export function installNpmPackages(root, purpose, dryRun) {
  const production = purpose === "run";
  const inStep = isInStep(root, production);
  const unloadable = Object.keys(COMPILED_ADDONS).filter((addon) => !inStep || !loads(root, addon).ok);
  if (!inStep) {
    say("node_modules differs from package-lock.json: npm ci installs what the lock file names");
  } else if (unloadable.length === 0) {
    return true;
  }
  for (const addon of inStep ? unloadable : []) {
    say(`${addon} does not load in Node ${process.versions.node}: it has to be compiled for it`);
  }
  if (dryRun) {
    return false;
  }
  if (!inStep) {
    const npm = findNpm();
    // Said outright, because NODE_ENV=production in the environment would leave out the compiler.
    const words = ["ci", "--ignore-scripts", production ? "--omit=dev" : "--include=dev"];
    run(npm.program, [...npm.args, ...words], { cwd: root, env: childEnvironment() });
  }
  for (const addon of unloadable) {
    compileAddon(root, addon);
  }
  for (const addon of [...Object.keys(COMPILED_ADDONS), ...Object.keys(PREBUILT_ADDONS)]) {
    const { ok, output } = loads(root, addon);
    if (!ok) {
      throw new SetupError(`expected the addon ${addon} to load in Node ${process.versions.node}, it said:\n${output}`);
    }
  }
  return true;
}

/**
 * npm writes node_modules/.package-lock.json last, so an interrupted installation has none. A package for another
 * platform is in the lock file alone, marked optional.
 */
function isInStep(root, production) {
  const installedFile = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(installedFile)) {
    return false;
  }
  const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  const installed = JSON.parse(readFileSync(installedFile, "utf8")).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === "" || (production && entry.dev === true)) {
      return true;
    }
    const present = installed[path];
    if (present === undefined) {
      return entry.optional === true || entry.devOptional === true;
    }
    return present.version === entry.version && present.integrity === entry.integrity;
  });
}

function compileAddon(root, addon) {
  const nodedir = findNodeHeaders();
  say(`compiling ${addon} for Node ${process.versions.node} with the headers in ${nodedir}/include/node`);
  // node-gyp is part of npm; the environment's nodedir would win over the argument, so it is taken out of it.
  const nodeGyp = createRequire(findNpm().cli).resolve("node-gyp/bin/node-gyp.js");
  const jobs = `--jobs=${availableParallelism()}`;
  run(process.execPath, [nodeGyp, "rebuild", `--nodedir=${nodedir}`, jobs, "--silent"], {
    cwd: join(root, "node_modules", addon),
    env: childEnvironment(),
  });
}

/** Loading shows more than a time stamp could: another Node, another GStreamer, a half-written file. */
function loads(root, addon) {
  const load = `${{ ...COMPILED_ADDONS, ...PREBUILT_ADDONS }[addon]}; process.exit(0)`;
  return ask(process.execPath, ["-e", load], { cwd: root, env: { ...childEnvironment(), ORT_DISABLE_TELEMETRY: "1" } });
}

function childEnvironment() {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^npm_(package_)?config_(node_gyp_)?nodedir$/i.test(name),
  );
  return { ...Object.fromEntries(kept), ONNXRUNTIME_NODE_INSTALL: "skip" };
}
