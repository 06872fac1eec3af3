#!/usr/bin/env node
/**
 * Builds nominald_<version>_<architecture>.deb of this tree: `npm run package:deb` (which builds dist/ first).
 *
 *     node .ci/deb.mjs [--out DIR] [--version VERSION] [--compression xz|gzip|none]
 *
 * The package holds the Node that runs this script, dist/, the default backbone and the packages that run in production,
 * without sources, leftovers of compilers and binaries for other machines. It is for the Debian, or what is made of it, on which
 * it is built: the addons are linked with that one's libraries, which it depends on. The same tree gives the same bytes.
 * DEBFULLNAME and DEBEMAIL name the maintainer, as for Debian's own tools.
 */
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { compress, layOut } from "./lib/deb-tree.mjs";
import { ask, findProgram, run, SetupError } from "./lib/processes.mjs";

const ROOT = resolve(import.meta.dirname, "..");
const ARCHITECTURES = { x64: "amd64", arm64: "arm64" };
const COMPRESSIONS = { xz: ["-Zxz"], gzip: ["-Zgzip", "-z1"], none: ["-Znone"] };

/** What is started or loaded by name, which no linker knows. */
const DEPENDS = [
  "gstreamer1.0-plugins-base",
  "gstreamer1.0-plugins-good",
  "init-system-helpers (>= 1.54~)",
  "systemd (>= 247) | systemd-standalone-sysusers",
];
/** H.264 and H.265 of IP cameras, GenICam cameras. */
const RECOMMENDS = ["gstreamer1.0-libav", "libaravis-0.8-0"];

function main() {
  const options = {
    out: { type: "string" },
    version: { type: "string" },
    compression: { type: "string", default: "xz" },
  };
  const { values } = parseArgs({ options });
  const compression = COMPRESSIONS[values.compression];
  if (compression === undefined) {
    throw new SetupError(
      `Expected ${Object.keys(COMPRESSIONS).join(", ")} for --compression but received ${values.compression}`,
      2,
    );
  }
  const architecture = ARCHITECTURES[process.arch];
  if (architecture === undefined) throw new SetupError(`Expected x64 or arm64 but this is ${process.arch}`);
  for (const program of ["dpkg-deb", "dpkg-shlibdeps"]) {
    if (findProgram(program) === undefined)
      throw new SetupError(`expected ${program} (Debian package dpkg-dev), found none`, 5);
  }
  const { version: own, description } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const version = values.version ?? own;
  const out = resolve(values.out ?? join(ROOT, "dist-deb"));
  const scratch = mkdtempSync(join(tmpdir(), "nominald-deb-"));
  try {
    const tree = join(scratch, "tree");
    layOut(ROOT, tree);
    const seconds = process.env.SOURCE_DATE_EPOCH ?? lastChange();
    const { DEBFULLNAME: name = "nominald", DEBEMAIL: address = "nominald@localhost" } = process.env;
    const maintainer = `${name} <${address}>`;
    const day = new Date(Number(seconds) * 1000).toUTCString().replace("GMT", "+0000");
    const entry = `nominald (${version}) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- ${maintainer}  ${day}\n`;
    compress(entry, join(tree, "usr/share/doc/nominald/changelog.gz"));
    writeControl(scratch, tree, { version, architecture, description, maintainer });
    openFolders(tree);
    mkdirSync(out, { recursive: true });
    const file = join(out, `nominald_${version}_${architecture}.deb`);
    const env = { ...process.env, SOURCE_DATE_EPOCH: seconds };
    run("dpkg-deb", ["--root-owner-group", ...compression, "--build", tree, file], { env });
    process.stdout.write(`${file}, ${(statSync(file).size / 2 ** 20).toFixed(1)} MiB\n`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function writeControl(scratch, tree, { version, architecture, description, maintainer }) {
  const folder = join(tree, "DEBIAN");
  mkdirSync(folder);
  for (const script of ["postinst", "prerm", "postrm"]) {
    copyFileSync(join(ROOT, ".ci/debian", script), join(folder, script));
    chmodSync(join(folder, script), 0o755);
  }
  const files = filesOf(tree);
  const size = Math.ceil(files.reduce((sum, file) => sum + statSync(file).size, 0) / 1024);
  const control = [
    "Package: nominald",
    `Version: ${version}`,
    `Architecture: ${architecture}`,
    `Maintainer: ${maintainer}`,
    `Installed-Size: ${size}`,
    `Depends: ${[...linkedWith(scratch, files), ...DEPENDS].join(", ")}`,
    `Recommends: ${RECOMMENDS.join(", ")}`,
    "Suggests: mosquitto",
    "Section: science",
    "Priority: optional",
    `Description: ${description.split(":")[0].toLowerCase()}`,
    ...` ${description}. It scores frames of an industrial camera against a memory bank of good parts and publishes verdicts over MQTT.`
      .match(/.{1,78}(?: |$)/g)
      .map((line) => ` ${line.trim()}`),
  ];
  writeFileSync(join(folder, "control"), `${control.join("\n")}\n`);
  const md5 = ask("md5sum", files.map((file) => file.slice(tree.length + 1)).sort(), {
    cwd: tree,
    maxBuffer: 64 * 2 ** 20,
  });
  if (!md5.ok) throw new SetupError(`md5sum failed: ${md5.output}`);
  writeFileSync(join(folder, "md5sums"), `${md5.output}\n`);
}

/** @returns Debian packages of the libraries that the binaries name, as dpkg-shlibdeps finds them on this machine */
function linkedWith(scratch, files) {
  const binaries = files.filter((file) => /\.node$|\.so(\.|$)|\/bin\/node$/.test(file));
  mkdirSync(join(scratch, "debian"));
  writeFileSync(join(scratch, "debian", "control"), "Source: nominald\n\nPackage: nominald\nArchitecture: any\n");
  const own = [...new Set(binaries.map(dirname))].map((folder) => `-l${folder}`);
  // Libraries that come in the tree itself belong to no package.
  const { ok, output } = ask("dpkg-shlibdeps", ["-O", "--ignore-missing-info", "--warnings=0", ...own, ...binaries], {
    cwd: scratch,
  });
  const depends = /^shlibs:Depends=(.+)$/m.exec(output)?.[1];
  if (!ok || depends === undefined) throw new SetupError(`dpkg-shlibdeps failed: ${output}`);
  return depends.split(", ");
}

function filesOf(tree) {
  return readdirSync(tree, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .filter((file) => !file.startsWith(join(tree, "DEBIAN/")));
}

/** Folders are made under the builder's umask. */
function openFolders(tree) {
  chmodSync(tree, 0o755);
  for (const entry of readdirSync(tree, { recursive: true, withFileTypes: true })) {
    if (entry.isDirectory()) chmodSync(join(entry.parentPath ?? entry.path, entry.name), 0o755);
  }
}

function lastChange() {
  const { ok, output } = ask("git", ["log", "-1", "--format=%ct"], { cwd: ROOT });
  return ok ? output : String(Math.floor(statSync(join(ROOT, "package.json")).mtimeMs / 1000));
}

try {
  main();
} catch (error) {
  if (!(error instanceof SetupError) && !(error instanceof TypeError)) throw error;
  process.stderr.write(`package: ${error.message}\n`);
  process.exitCode = error.exitCode ?? 2;
}
