import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "..", "..");

interface LockedPackage {
  readonly hasInstallScript?: boolean;
  readonly optional?: boolean;
  readonly resolved?: string;
}

const readJson = (name: string): unknown => JSON.parse(readFileSync(join(ROOT, name), "utf8"));
const lock = readJson("package-lock.json") as { packages: Record<string, LockedPackage> };
const manifest = readJson("package.json") as {
  allowScripts: Record<string, boolean>;
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
};

test("every package with an install script is named in allowScripts, and no other", () => {
  const withScript = Object.entries(lock.packages)
    .filter(([, entry]) => entry.hasInstallScript === true && entry.optional !== true)
    .map(([path]) => path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length));
  assert.deepEqual(Object.keys(manifest.allowScripts).sort(), withScript.sort());
});

test("only the addons that have to be compiled or fetched for this Node may run their install script", () => {
  const allowed = Object.keys(manifest.allowScripts).filter((name) => manifest.allowScripts[name] === true);
  assert.deepEqual(allowed.sort(), ["better-sqlite3", "gstreamer-superficial", "unix-dgram"]);
});

test("the lock file names no registry host, so that a mirror serves as well", () => {
  const named = Object.entries(lock.packages).filter(([, entry]) => entry.resolved !== undefined);
  assert.deepEqual(named, []);
});

test("packages are pinned to one version each", () => {
  const loose = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
    ([, version]) => !/^\d+\.\d+\.\d+$/.test(version),
  );
  assert.deepEqual(loose, []);
});
