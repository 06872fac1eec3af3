/** What goes into the Debian package, and where. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  chmodSync,
} from "node:fs";
import { dirname, extname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { SetupError } from "./processes.mjs";

const PROGRAM = "usr/lib/nominald";

/** Sources, types, documents and leftovers of compilers: nothing that Node loads. */
const NEEDLESS_EXTENSIONS = new Set([
  ...[".rs", ".swift", ".go", ".py", ".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".o", ".d", ".a"],
  ...[".ts", ".mts", ".cts", ".map", ".flow", ".gyp", ".gypi", ".mk", ".tgz", ".md", ".markdown", ".html", ".css"],
  // Addons for another runtime than Node.
  ".bare",
]);
const NEEDLESS_FOLDERS = new Set([
  ...["obj", "obj.target", "test", "tests", "__tests__", "example", "examples", "bench", "benchmarks"],
]);
const NEEDLESS_FILES = new Set(["test_extension.node", "Makefile"]);
const LICENCE = /licen[cs]e|notice|copying|copyright/i;

/** Machines as npm packages name them in paths: `linux-x64`, `win32`, `darwin-arm64+x64`. */
const SYSTEM = /^(linux|darwin|win32|android|freebsd|openbsd|sunos|aix)([-.+].*)?$/;
const PROCESSOR = /^(x64|x86|ia32|arm64|arm|armv6|armv7|riscv64|s390x|ppc64)$/;

/** @returns whether a folder holds files for another machine than this one */
export function isForeignFolder(name, parent) {
  if (PROCESSOR.test(name)) return SYSTEM.test(parent) && name !== process.arch;
  const system = SYSTEM.exec(name)?.[1];
  if (system === undefined) return false;
  if (system !== process.platform) return true;
  const processor = name.slice(system.length + 1);
  return processor !== "" && !processor.split(/[+.-]/).includes(process.arch);
}

/** Copies a tree without what nobody loads. @returns how many files were copied */
export function copyTree(from, to) {
  let copied = 0;
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    if (entry.isDirectory()) {
      // A package's own packages come with their own entry in the lock file.
      if (entry.name === "node_modules" || entry.name.startsWith(".") || NEEDLESS_FOLDERS.has(entry.name)) continue;
      if (isForeignFolder(entry.name, from.slice(from.lastIndexOf("/") + 1))) continue;
      copied += copyTree(source, join(to, entry.name));
    } else if (entry.isFile()) {
      const needless = NEEDLESS_EXTENSIONS.has(extname(entry.name)) && !LICENCE.test(entry.name);
      // Files whose names begin with a dot are for those who work on a package.
      if (needless || NEEDLESS_FILES.has(entry.name) || entry.name.startsWith(".")) continue;
      put(source, join(to, entry.name));
      copied += 1;
    }
  }
  return copied;
}

function put(from, to, mode) {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
  chmodSync(to, mode ?? ((statSync(from).mode & 0o100) === 0 ? 0o644 : 0o755));
}

/** npm's packages that an installation without development packages has, as paths below the root. */
export function productionPackages(root) {
  const lock = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
  return Object.entries(lock)
    .filter(([path, entry]) => path !== "" && entry.dev !== true && !path.includes("node_modules/@types/"))
    .flatMap(([path, entry]) => {
      if (existsSync(join(root, path))) return [path];
      // For another machine.
      if (entry.optional === true || entry.devOptional === true) return [];
      throw new SetupError(`expected ${path} of package-lock.json to be installed, it is not: npm run setup`);
    });
}

/** Lays the installed system out below `tree`. */
export function layOut(root, tree) {
  const at = (path) => join(tree, path);
  if (!existsSync(join(root, "dist", "main.js"))) throw new SetupError("expected dist/main.js: npm run build");
  copyTree(join(root, "dist"), at(`${PROGRAM}/dist`));
  chmodSync(at(`${PROGRAM}/dist/main.js`), 0o755);
  for (const path of productionPackages(root)) copyTree(join(root, path), at(`${PROGRAM}/${path}`));
  put(process.execPath, at(`${PROGRAM}/bin/node`), 0o755);
  const licence = join(dirname(process.execPath), "..", "LICENSE");
  if (existsSync(licence)) put(licence, at(`${PROGRAM}/bin/LICENSE.node`));
  copyTree(join(root, "models", "efficientnet-lite0"), at(`${PROGRAM}/models/efficientnet-lite0`));
  for (const file of ["package.json", "README.md", "config/example.yaml", "config/schema.json"]) {
    put(join(root, file), at(`${PROGRAM}/${file}`));
  }
  for (const file of readdirSync(join(root, "systemd"), { recursive: true, withFileTypes: true })) {
    if (!file.isFile() || file.name.endsWith(".md")) continue;
    const path = join(file.parentPath ?? file.path, file.name).slice(root.length + 1);
    put(join(root, path), at(`${PROGRAM}/${path}`));
  }
  put(join(root, ".ci/debian/wrapper"), at("usr/bin/nominald"), 0o755);
  put(join(root, "systemd/nominald.service"), at("lib/systemd/system/nominald.service"));
  put(join(root, "systemd/nominald.sysusers.conf"), at("usr/lib/sysusers.d/nominald.conf"));
  put(join(root, "systemd/nominald.tmpfiles.conf"), at("usr/lib/tmpfiles.d/nominald.conf"));
  put(join(root, "docs/completion/nominald.bash"), at("usr/share/bash-completion/completions/nominald"));
  put(join(root, "docs/completion/_nominald"), at("usr/share/zsh/vendor-completions/_nominald"));
  put(join(root, "docs/completion/nominald.fish"), at("usr/share/fish/vendor_completions.d/nominald.fish"));
  compress(readFileSync(join(root, "docs/nominald.1")), at("usr/share/man/man1/nominald.1.gz"));
  compress(readFileSync(join(root, "CHANGELOG.md")), at("usr/share/doc/nominald/CHANGELOG.md.gz"));
  put(join(root, ".ci/debian/copyright"), at("usr/share/doc/nominald/copyright"));
  for (const file of ["README.md", "SECURITY.md", "docs/mqtt.md"]) {
    put(join(root, file), at(`usr/share/doc/nominald/${file}`));
  }
  put(join(root, "config/example.yaml"), at("usr/share/doc/nominald/examples/nominald.yaml"));
  put(join(root, ".ci/debian/lintian-overrides"), at("usr/share/lintian/overrides/nominald"));
}

/** Without a time stamp, so that the same content gives the same file. */
export function compress(content, to) {
  mkdirSync(dirname(to), { recursive: true });
  writeFileSync(to, gzipSync(content, { level: 9 }));
  chmodSync(to, 0o644);
}
