import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdtemp, open, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { stringify } from "yaml";
import { LineClient } from "../support/line-client.ts";
import { startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { SystemdContainer, whyNoSystemd } from "../support/systemd-container.ts";
import { ANY_VERDICTS, TestLine } from "../support/test-line.ts";
import { until } from "../support/until.ts";

const run = promisify(execFile);
const ROOT = resolve(import.meta.dirname, "..", "..");
const PROGRAM = "usr/lib/nominald";
const OLDER = "0.0.1";
const CONFIG = "/etc/nominald/nominald.yaml";
const LOGIN = { username: "line", password: "a secret of the line" };
const lacks = ["dpkg-deb", "dpkg-shlibdeps", "deb-systemd-helper"].find(
  (name) => spawnSync(name, ["--version"]).error !== undefined,
);
const noPackages = lacks === undefined ? false : `no ${lacks}`;
const skip = noPackages === false ? (whyNoSystemd() ?? false) : noPackages;

let folder: string;
let version: string;
let broker: Mosquitto;
let line: TestLine;
let container: SystemdContainer;

/** Uncompressed, which takes the least of the test's time. */
async function build(...options: string[]): Promise<void> {
  await run(process.execPath, [join(ROOT, ".ci/deb.mjs"), "--out", folder, "--compression", "none", ...options]);
}

async function packageFile(wanted: string): Promise<string> {
  const name = (await readdir(folder)).find((file) => file.startsWith(`nominald_${wanted}_`));
  assert.ok(name !== undefined);
  return join(folder, name);
}

before(async () => {
  if (noPackages !== false) return;
  folder = await mkdtemp(join(tmpdir(), "nominald-packages-"));
  version = (JSON.parse(await readFile(join(ROOT, "package.json"), "utf8")) as { version: string }).version;
  await build();
  if (skip !== false) return;
  await build("--version", OLDER);
  broker = await startMosquitto({ users: { [LOGIN.username]: LOGIN.password } });
  line = await TestLine.prepare(ANY_VERDICTS);
  const camera = { source: "test", pattern: "ball", width: 320, height: 240, framerate: 10 };
  const station = { mode: "triggered", bank: "/srv/washer.bank", pictures: { mask: false, overlay: false } };
  const login = { username: LOGIN.username, passwordFile: "credential:nominald_mqtt-password" };
  const device = { stateFolder: "/var/lib/nominald", broker: { url: broker.url, ...login } };
  const config = line.config({ broker: broker.url, camera, station, device });
  container = await SystemdContainer.boot(
    {
      "/srv/older.deb": `FILE:${await packageFile(OLDER)}`,
      "/srv/newer.deb": `FILE:${await packageFile(version)}`,
      "/srv/washer.bank": `FILE:${line.bank}`,
      "/srv/line.yaml": stringify(config),
      "/srv/mqtt-password": `${LOGIN.password}\n`,
    },
    "nothing",
  );
});

after(async () => {
  if (noPackages !== false) return;
  await rm(folder, { recursive: true, force: true });
  if (skip !== false) return;
  await container.dispose();
  await broker.dispose();
  await line.dispose();
});

test("the package holds what runs, for this machine, and nothing that does not", { skip: noPackages }, async (t) => {
  const tree = join(folder, "tree");
  t.after(() => rm(tree, { recursive: true, force: true }));
  await run("dpkg-deb", ["--raw-extract", await packageFile(version), tree]);
  const entries = await readdir(tree, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(tree.length + 1));
  for (const wanted of [
    ...[
      "bin/node",
      "dist/main.js",
      "package.json",
      "models/efficientnet-lite0/manifest.json",
      "systemd/drop-ins/v4l2.conf",
    ].map((path) => `${PROGRAM}/${path}`),
    ...["usr/bin/nominald", "lib/systemd/system/nominald.service", "usr/lib/sysusers.d/nominald.conf"],
    ...["usr/share/man/man1/nominald.1.gz", "usr/share/bash-completion/completions/nominald"],
  ]) {
    assert.ok(files.includes(wanted), wanted);
  }
  const needless = files.filter((path) => /\.(ts|c|cc|cpp|h|o|a|gyp|map)$|\/obj(\.target)?\//.test(path));
  assert.deepEqual(needless, []);
  for (const name of ["typescript", "eslint", "tsx", "prettier", "fast-check", "dependency-cruiser", "@types/node"]) {
    assert.ok(!files.some((path) => path.startsWith(`${PROGRAM}/node_modules/${name}/`)), name);
  }
  const ours = await machineOf(process.execPath);
  const binaries = files.filter((path) => /\.(node|dll|dylib)$|\.so(\.|$)/.test(path));
  for (const addon of [
    "better_sqlite3",
    "gstreamer-superficial",
    "onnxruntime_binding",
    "usearch",
    "unix_dgram",
    "sharp-",
  ]) {
    assert.equal(binaries.filter((path) => path.endsWith(".node") && path.includes(`/${addon}`)).length, 1, addon);
  }
  for (const path of binaries) assert.equal(await machineOf(join(tree, path)), ours, path);
  // None: dpkg would stop and ask about each that has changed, and nobody stands at the device.
  assert.ok(!files.includes("DEBIAN/conffiles") && !files.some((path) => path.startsWith("etc/")));
  const { stdout } = await run("dpkg-deb", ["--field", await packageFile(version), "Depends"]);
  for (const name of ["libc6", "libgstreamer1.0-0", "gstreamer1.0-plugins-base", "gstreamer1.0-plugins-good"]) {
    assert.match(stdout, new RegExp(`(^|, )${name}( |,|$)`, "m"));
  }
});

/** ELF's e_machine, with its class; "not ELF" for anything else. */
async function machineOf(path: string): Promise<string> {
  const file = await open(path);
  try {
    const { buffer } = await file.read(Buffer.alloc(20), 0, 20, 0);
    return buffer.toString("latin1", 0, 4) === "\x7fELF" ? `${buffer[4]}:${buffer.readUInt16LE(18)}` : "not ELF";
  } finally {
    await file.close();
  }
}

/** Sends a part of a session and waits for its result. */
async function part(client: LineClient, seq: number) {
  const before = client.results().length;
  await client.publish("plc/trigger", `deb;${seq};;`);
  await until(`a result of ${seq}`, () => client.results().length > before);
  const result = client.results().at(-1);
  assert.ok(result !== undefined && result.seq === seq);
  return result;
}

async function state(): Promise<string> {
  return (await container.properties("ActiveState"))["ActiveState"] ?? "";
}

/** The README's lines, with what a test has not: apt's lists, an editor, a person who reads the journal for ever. */
async function readmeLines(): Promise<readonly string[]> {
  const text = await readFile(join(ROOT, "README.md"), "utf8");
  const block = /## Installing on a device\n[^]*?```sh\n([^]*?)```/.exec(text)?.[1] ?? "";
  const lines = block.split("\n").filter((one) => one !== "" && !one.startsWith("#"));
  const replaced = lines.map((one) =>
    one
      .replace(/^sudo apt install \.\/nominald_[\d.]+_amd64\.deb$/, "dpkg --install older.deb")
      .replace(/^sudoedit /, "cp line.yaml ")
      .replace(/^sudo /, "")
      .replace(/ -f$/, ""),
  );
  assert.ok(replaced[0]?.startsWith("dpkg ") === true && replaced.some((one) => one.startsWith("cp ")), block);
  return replaced;
}

test("from nothing to a running service by the lines of the README", { skip }, async (t) => {
  // Where the machine is itself a container this forbids packages to start and stop services; in here they shall.
  await container.exec("rm", "--force", "/usr/sbin/policy-rc.d");
  const [install = "", ...lines] = await readmeLines();
  const shell = (text: string): Promise<string> => container.exec("sh", "-c", `cd /srv && ${text}`);
  await shell(install);
  const { LoadState, UnitFileState, ActiveState } = await container.properties(
    ...["LoadState", "UnitFileState", "ActiveState"],
  );
  assert.deepEqual([LoadState, UnitFileState, ActiveState], ["loaded", "enabled", "inactive"]);
  const said: string[] = [];
  for (const one of lines) said.push(await shell(one));
  const all = said.join("");
  assert.match(all, /^packaged \/lib\/systemd\/system\/nominald\.service/m);
  assert.match(all, /^write {4}\/etc\/nominald\/nominald\.yaml/m);
  assert.match(all, /nominald\.yaml is valid/);
  assert.match(all, /Active: active \(running\)/);
  assert.match(await container.exec("nominald", "--version"), /^nominald \d/);
  const client = await LineClient.connect(broker.url, LOGIN);
  t.after(() => client.close());
  await until("a station that is ready", () => client.texts("plc/state").at(-1) === "3");
  const { verdict, flags } = await part(client, 1);
  assert.ok(verdict !== "NO_VERDICT");
  assert.equal(flags, 0);
  assert.equal(await container.exec("stat", "--format=%U %a", "/var/lib/nominald"), "nominald 750\n");
});

test("an upgrade keeps configuration and state, and starts what ran", { skip }, async (t) => {
  const config = await container.exec("sha256sum", CONFIG);
  const { MainPID } = await container.properties("MainPID");
  await container.exec("dpkg", "--install", "/srv/newer.deb");
  assert.notEqual((await container.properties("MainPID"))["MainPID"], MainPID);
  assert.equal(
    await container.exec("dpkg-query", "--show", "--showformat=${Version} ${Status}", "nominald"),
    `${version} install ok installed`,
  );
  assert.equal(await container.exec("sha256sum", CONFIG), config);
  const client = await LineClient.connect(broker.url, LOGIN);
  t.after(() => client.close());
  await until("a station that is ready", () => client.texts("plc/state").at(-1) === "3");
  // The outcome from before the upgrade, out of the database.
  assert.equal((await part(client, 1)).flags, 0x01);
  assert.equal((await part(client, 2)).flags, 0);
});

test("a service that somebody stopped stays stopped over an upgrade", { skip }, async () => {
  await container.exec("systemctl", "stop", "nominald");
  await container.exec("dpkg", "--install", "/srv/newer.deb");
  assert.equal(await state(), "inactive");
  await container.exec("systemctl", "start", "nominald");
  assert.equal(await state(), "active");
});

test("removed it stops and leaves configuration and state; purged nothing of it is left", { skip }, async () => {
  await container.exec("dpkg", "--remove", "nominald");
  assert.notEqual(await state(), "active");
  const exists = (path: string): Promise<boolean> =>
    container.exec("test", "-e", path).then(
      () => true,
      () => false,
    );
  assert.ok(await exists(CONFIG));
  assert.ok(await exists("/var/lib/nominald/outbox.sqlite"));
  assert.ok(!(await exists("/usr/lib/nominald/dist")));
  await container.exec("dpkg", "--purge", "nominald");
  for (const path of [
    "/etc/nominald",
    "/var/lib/nominald",
    "/var/cache/nominald",
    "/usr/lib/nominald",
    "/usr/bin/nominald",
  ]) {
    assert.ok(!(await exists(path)), path);
  }
  const links = await container.exec("find", "/etc/systemd/system", "-name", "nominald*");
  assert.equal(links, "");
});

test("without the package nominald install sets the same up, and takes it away again", { skip }, async (t) => {
  await container.exec("mkdir", "--parents", "/opt");
  await container.exec("dpkg-deb", "--extract", "/srv/newer.deb", "/opt/nominald");
  const program = "/opt/nominald/usr/lib/nominald";
  const nominald = (...args: string[]): Promise<string> =>
    container.exec(`${program}/bin/node`, `${program}/dist/main.js`, ...args);
  const said = await nominald("install", "--systemd", "--config", "/srv/line.yaml");
  assert.match(said, /^write {4}\/etc\/systemd\/system\/nominald\.service/m);
  await container.exec("install", "-m", "600", "/srv/mqtt-password", "/etc/nominald/credentials/");
  await container.exec("systemctl", "restart", "nominald");
  const { UnitFileState, ActiveState } = await container.properties("UnitFileState", "ActiveState");
  assert.deepEqual([UnitFileState, ActiveState], ["enabled", "active"]);
  const client = await LineClient.connect(broker.url, LOGIN);
  t.after(() => client.close());
  await until("a station that is ready", () => client.texts("plc/state").at(-1) === "3");
  assert.match(await nominald("install", "--systemd"), /^same {5}\/etc\/systemd\/system\/nominald\.service/m);

  await nominald("install", "--systemd", "--uninstall");
  const after = await container.properties("LoadState", "ActiveState");
  assert.deepEqual(after, { LoadState: "not-found", ActiveState: "inactive" });
  assert.equal(await container.exec("find", "/etc/systemd", "-name", "nominald*"), "");
  await container.exec("test", "-e", CONFIG);
  await container.exec("test", "-e", "/var/lib/nominald/outbox.sqlite");
});
