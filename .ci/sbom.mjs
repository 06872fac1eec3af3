#!/usr/bin/env node
/**
 * Writes the bill of materials: every npm package that ships, with version, digest and licence, and the backbone that
 * comes with nominald, as CycloneDX 1.5 in JSON.
 *
 *     node .ci/sbom.mjs [--out FILE]        default sbom.cdx.json
 *
 * It is made from package-lock.json alone, so it needs no network, and the same lock file gives the same bytes. What
 * the machine has to bring, Debian's packages, is listed by .ci/lib/requirements.mjs and in docs/supply-chain.md: they
 * are the distribution's, which has bills of its own.
 *
 * Exit codes: 0 written · 1 npm failed, or a package has no licence that is allowed · 2 wrong arguments.
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { isAllowed, licenceOf } from "./lib/licences.mjs";
import { ask, findNpm, SetupError } from "./lib/processes.mjs";

const ROOT = resolve(import.meta.dirname, "..");
const BACKBONE = "efficientnet-lite0";

function readArguments() {
  try {
    return parseArgs({ options: { out: { type: "string", default: join(ROOT, "sbom.cdx.json") } } }).values;
  } catch (error) {
    throw new SetupError(error.message, 2);
  }
}

function askNpm() {
  const npm = findNpm();
  // Not --omit=dev: npm 11.19 then leaves out packages that ship, too, where development needs them as well.
  const words = ["sbom", "--package-lock-only", "--sbom-format=cyclonedx", "--sbom-type=application"];
  const { ok, output } = ask(npm.program, [...npm.args, ...words], { cwd: ROOT, maxBuffer: 64 * 1024 * 1024 });
  if (!ok) throw new SetupError(`npm ${words.join(" ")} failed: ${output}`);
  return JSON.parse(output);
}

/** The digest of what it was made from stands for time and chance, which npm puts in. */
function serialNumberOf(...sources) {
  const hash = createHash("sha256");
  for (const source of sources) hash.update(source);
  const hex = hash.digest("hex");
  // The form of a UUID of version 8 (RFC 9562), whose bits are the maker's own.
  return `urn:uuid:${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/**
 * What ships, as the lock file has it: npm leaves out of the bill what a manifest says in other words than SPDX's.
 *
 * @returns words on the licence by name@version
 */
function shippedPackages() {
  const { packages } = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8"));
  return new Map(
    Object.entries(packages)
      .filter(([path, entry]) => path !== "" && entry.dev !== true)
      .map(([path, entry]) => [
        `${entry.name ?? path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length)}@${entry.version}`,
        entry.license,
      ]),
  );
}

function refOf({ name, version }) {
  return `${name}@${version}`;
}

function withLicence(component, said) {
  if (said === undefined) throw new SetupError(`expected a licence of ${component.name}, its manifest names none`);
  const expression = licenceOf(component.name, said);
  if (!isAllowed(expression)) {
    throw new SetupError(
      `${component.name} ${component.version} is under ${expression}, which .ci/lib/licences.mjs lacks`,
    );
  }
  const isOne = /^[^\s()]+$/.test(expression);
  return { ...component, licenses: [isOne ? { license: { id: expression } } : { expression }] };
}

function backbone(version) {
  const folder = join(ROOT, "models", BACKBONE);
  const content = createHash("sha256")
    .update(readFileSync(join(folder, `${BACKBONE}.onnx`)))
    .digest("hex");
  return {
    "bom-ref": `backbone:${BACKBONE}`,
    type: "machine-learning-model",
    name: BACKBONE,
    version,
    scope: "required",
    hashes: [{ alg: "SHA-256", content }],
    licenses: [{ license: { id: "Apache-2.0" } }],
  };
}

function main() {
  const { out } = readArguments();
  const bom = askNpm();
  const { name, version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const { timestamp: _now, ...metadata } = bom.metadata;
  const model = backbone(version);
  const shipped = shippedPackages();
  const components = bom.components.filter((component) => shipped.has(refOf(component)));
  if (components.length !== shipped.size) {
    throw new SetupError(`expected ${shipped.size} packages that ship in npm's bill, found ${components.length}`);
  }
  const refs = new Set([bom.metadata.component["bom-ref"], ...components.map((component) => component["bom-ref"])]);
  const document = {
    ...bom,
    serialNumber: serialNumberOf(readFileSync(join(ROOT, "package-lock.json")), JSON.stringify(model)),
    // npm names it by its folder.
    metadata: { ...metadata, component: { ...metadata.component, name } },
    components: [...components.map((component) => withLicence(component, shipped.get(refOf(component)))), model],
    dependencies: bom.dependencies
      .filter(({ ref }) => refs.has(ref))
      .map(({ ref, dependsOn }) => ({ ref, dependsOn: dependsOn.filter((other) => refs.has(other)) })),
  };
  writeFileSync(out, `${JSON.stringify(document, null, 2)}\n`);
  process.stdout.write(`sbom: ${document.components.length} components in ${out}\n`);
}

try {
  main();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`sbom: ${error.message}\n`);
  process.exitCode = error.exitCode;
}
