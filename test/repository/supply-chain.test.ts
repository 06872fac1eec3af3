import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { supplyTables, withTables } from "../support/contract-tables.ts";

const ROOT = join(import.meta.dirname, "..", "..");

interface LockedPackage {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
  readonly dev?: boolean;
}

interface Component {
  readonly "bom-ref": string;
  readonly name: string;
  readonly version: string;
  readonly licenses: readonly { license?: { id: string }; expression?: string }[];
  readonly hashes: readonly { alg: string; content: string }[];
}

interface Bom {
  readonly bomFormat: string;
  readonly metadata: { readonly component: { readonly name: string; readonly version: string }; timestamp?: string };
  readonly components: readonly Component[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
}

const licences = (await import(join(ROOT, ".ci", "lib", "licences.mjs"))) as {
  readonly isAllowed: (expression: string) => boolean;
  readonly licenceOf: (name: string, stated: string | undefined) => string | undefined;
};

const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
  lockfileVersion: number;
  packages: Record<string, LockedPackage>;
};
const packages = Object.entries(lock.packages)
  .filter(([path]) => path !== "")
  .map(([path, entry]) => ({ name: path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length), ...entry }));
const shipped = packages.filter(({ dev }) => dev !== true);

/* After a change of .ci/lib: NOMINALD_WRITE_DOCS=1 node .ci/test.mjs test/repository/supply-chain.test.ts */
test("docs/supply-chain.md lists the licences and Debian's packages that the scripts go by", async () => {
  const file = join(ROOT, "docs", "supply-chain.md");
  const { text, names } = withTables(readFileSync(file, "utf8"), await supplyTables());
  if (process.env["NOMINALD_WRITE_DOCS"] === "1") writeFileSync(file, text);
  assert.deepEqual([...names].sort(), ["debian", "licences"]);
  assert.equal(readFileSync(file, "utf8"), text);
});

/** Runs a script of .ci as npm would. */
async function script(name: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const child = spawn(process.execPath, [join(ROOT, ".ci", name), ...args], { env: { ...process.env, ...env } });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output };
}

test("the lock file names one version, a digest and a licence of every package", () => {
  assert.equal(lock.lockfileVersion, 3);
  assert.ok(packages.length > 100);
  for (const { name, version, integrity, license } of packages) {
    assert.match(version ?? "", /^\d+\.\d+\.\d+([-+][\w.+-]+)?$/, name);
    assert.match(integrity ?? "", /^sha512-[A-Za-z0-9+/]{86}==$/, name);
    assert.ok(license !== undefined, `${name} names no licence`);
  }
});

test("every package that ships is under a licence that is allowed, each with a reason", () => {
  const refused = shipped.filter(({ name, license }) => !licences.isAllowed(licences.licenceOf(name, license) ?? ""));
  assert.deepEqual(
    refused.map(({ name, license }) => `${name}: ${license}`),
    [],
  );
});

test("of alternatives one has to be allowed, of what holds together each", () => {
  const { isAllowed } = licences;
  for (const expression of ["MIT", "(MIT OR GPL-3.0-only)", "MIT AND ISC", "(GPL-2.0-only OR (MIT AND ISC))"]) {
    assert.equal(isAllowed(expression), true, expression);
  }
  for (const expression of [
    ...["GPL-3.0-only", "AGPL-3.0-or-later", "UNLICENSED", "", "SEE LICENSE IN LICENSE", "MIT AND GPL-3.0-only"],
    ...["(MIT OR GPL-3.0-only) AND GPL-2.0-only", "(MIT", "MIT ISC", "constructor"],
  ]) {
    assert.equal(isAllowed(expression), false, expression);
  }
});

test("npm run sbom: CycloneDX with every package that ships, its digest and licence; the same bytes again", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "nominald-sbom-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [first, second] = [join(folder, "first.json"), join(folder, "second.json")];
  for (const out of [first, second]) {
    const { code, output } = await script("sbom.mjs", ["--out", out]);
    assert.equal(code, 0, output);
  }
  assert.equal(readFileSync(first, "utf8"), readFileSync(second, "utf8"));
  const bom = JSON.parse(readFileSync(first, "utf8")) as Bom;
  assert.equal(bom.bomFormat, "CycloneDX");
  assert.equal(bom.metadata.component.name, "nominald");
  const [model, ...others] = [...bom.components].sort((a) => (a["bom-ref"].startsWith("backbone:") ? -1 : 1));
  const refOf = ({ name, version = "" }: { name: string; version?: string }) => `${name}@${version}`;
  assert.deepEqual(others.map(refOf).sort(), [...new Set(shipped.map(refOf))].sort());
  for (const { name, licenses, hashes } of bom.components) {
    const [said] = licenses;
    assert.ok(licences.isAllowed(said?.license?.id ?? said?.expression ?? ""), name);
    assert.match(hashes[0]?.content ?? "", /^[0-9a-f]{64,128}$/, name);
  }
  const onnx = readFileSync(join(ROOT, "models", "efficientnet-lite0", "efficientnet-lite0.onnx"));
  assert.equal(model?.hashes[0]?.content, createHash("sha256").update(onnx).digest("hex"));
  // The graph names nothing that is not in the bill.
  const refs = new Set([
    ...bom.components.map((component) => component["bom-ref"]),
    "nominald@" + bom.metadata.component.version,
  ]);
  for (const { ref, dependsOn } of bom.dependencies) {
    assert.deepEqual(
      [ref, ...dependsOn].filter((one) => !refs.has(one)),
      [],
    );
  }
});

/** A registry of the test's own, on loopback. @returns what npm needs to ask it */
async function registry(t: TestContext, answer: (request: IncomingMessage) => { status: number; body: unknown }) {
  const folder = mkdtempSync(join(tmpdir(), "nominald-audit-"));
  const server = createServer((request, response) => {
    request.resume();
    const { status, body } = answer(request);
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });
  const { port } = server.address() as AddressInfo;
  // A cache of its own: what another registry said must not be taken for this one's word.
  return { npm_config_registry: `http://127.0.0.1:${port}/`, npm_config_cache: folder, npm_config_fetch_retries: "0" };
}

test("npm run audit: no vulnerability is exit code 0, and said with the number of packages", async (t) => {
  const { code, output } = await script("audit.mjs", [], await registry(t, () => ({ status: 200, body: {} })));
  assert.equal(code, 0, output);
  assert.match(output, /knows of no vulnerability in \d+ packages/);
});

test("npm run audit: a known vulnerability is exit code 1, with package, severity and where to read", async (t) => {
  const advisory = {
    ...{ id: 1, url: "https://advisory.example/1", title: "A hole", severity: "high", vulnerable_versions: "*" },
    ...{ cwe: [], cvss: { score: 0, vectorString: null } },
  };
  const env = await registry(t, ({ url = "" }) =>
    url.includes("advisories/bulk") ? { status: 200, body: { mqtt: [advisory] } } : { status: 404, body: {} },
  );
  const { code, output } = await script("audit.mjs", [], env);
  assert.equal(code, 1, output);
  assert.match(output, /high: mqtt .*A hole, https:\/\/advisory\.example\/1/);
});

test("npm run audit: a registry that has no answer, or is not there, is exit code 3 and never none", async (t) => {
  const refusing = await registry(t, () => ({ status: 405, body: { error: "Method Not Allowed" } }));
  // Nothing listens on port 1.
  const absent = { ...refusing, npm_config_registry: "http://127.0.0.1:1/" };
  for (const env of [refusing, absent]) {
    const { code, output } = await script("audit.mjs", [], env);
    assert.equal(code, 3, output);
    assert.match(output, /not run: the registry did not answer .*Nothing is known/);
  }
});
