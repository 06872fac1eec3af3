/**
 * Where the headers of the running Node lie, which node-gyp needs to compile an addon. node-gyp itself would download
 * them from nodejs.org; here they come from the installation or from the package registry, so that no other network
 * and no user npmrc is needed.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { findNpm, run, say, SetupError } from "./processes.mjs";

/** @returns a folder for node-gyp's `--nodedir`: it holds include/node with headers of the running Node's ABI */
export function findNodeHeaders() {
  const installed = [
    resolve(dirname(process.execPath), ".."),
    process.env.npm_config_nodedir,
    process.env.npm_package_config_node_gyp_nodedir,
    "/usr",
    "/usr/local",
  ].filter((folder) => folder !== undefined && folder !== "");
  return installed.find(holdsMatchingHeaders) ?? headersFromRegistry();
}

/** Headers of another Node would compile and then crash or refuse to load: NODE_MODULE_VERSION must be the same. */
function holdsMatchingHeaders(folder) {
  const include = join(folder, "include", "node");
  if (!["node.h", "node_version.h", "common.gypi"].every((file) => existsSync(join(include, file)))) {
    return false;
  }
  const text = readFileSync(join(include, "node_version.h"), "utf8");
  return /^#define NODE_MODULE_VERSION (\d+)/m.exec(text)?.[1] === process.versions.modules;
}

/**
 * The npm package `node-<platform>-<arch>`, which the package `node` installs, carries bin, include and share of the
 * release. It has no install script. Its include folder is kept, a third of it.
 */
function headersFromRegistry() {
  const version = process.versions.node;
  const cache = join(
    process.env.XDG_CACHE_HOME || join(homedir(), ".cache"),
    "nominald",
    `node-headers-${version}-${process.arch}`,
  );
  if (holdsMatchingHeaders(cache)) {
    return cache;
  }
  const name = `node-${process.platform}-${process.arch}`;
  say(`this Node has no headers beside it; fetching them by npm: ${name}@${version}, into ${cache}`);
  const scratch = mkdtempSync(join(tmpdir(), "nominald-headers-"));
  try {
    writeFileSync(join(scratch, "package.json"), '{ "private": true }\n');
    const npm = findNpm();
    run(npm.program, [...npm.args, "install", "--no-save", "--ignore-scripts", `${name}@${version}`], { cwd: scratch });
    keepInclude(join(scratch, "node_modules", name, "include"), cache);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  if (!holdsMatchingHeaders(cache)) {
    throw new SetupError(
      `expected headers of Node ${version} (NODE_MODULE_VERSION ${process.versions.modules}) in npm's ${name}, found none. ` +
        "Install Node's headers and name their folder: npm_config_nodedir=/folder/above/include npm run setup",
    );
  }
  return cache;
}

/** Moved into place as a whole, so that an interrupted run leaves no half folder. */
function keepInclude(include, cache) {
  const fresh = `${cache}.${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  cpSync(include, join(fresh, "include"), { recursive: true });
  rmSync(cache, { recursive: true, force: true });
  renameSync(fresh, cache);
}
