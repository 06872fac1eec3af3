import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { installCommand } from "../../src/cli/install.ts";
import { ConfigError } from "../../src/shared/errors.ts";

const PROGRAM = "/usr/lib/nominald";
const UNIT = "etc/systemd/system/nominald.service";
const DROP_INS = "etc/systemd/system/nominald.service.d";
const LINK = "etc/systemd/system/multi-user.target.wants/nominald.service";
const CONFIG = "etc/nominald/nominald.yaml";

const skip =
  process.getuid?.() !== 0
    ? "users and owners of an image are set by root"
    : spawnSync("systemctl", ["--version"]).status !== 0 && "no systemctl";

/** An image with a program in it, as a build of images would have it. */
async function image(t: TestContext): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), "nominald-install-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const file of ["dist/main.js", "bin/node"]) put(root, `${PROGRAM}/${file}`, "");
  return root;
}

function put(root: string, path: string, content: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), content);
}

async function install(root: string, ...args: string[]): Promise<readonly string[]> {
  const out: string[] = [];
  const io = { out: (line: string) => void out.push(line), err: (line: string) => void out.push(line) };
  const code = await installCommand(["--systemd", "--root", root, "--program", PROGRAM, ...args], io);
  assert.equal(code, 0, out.join("\n"));
  return out;
}

const config = (...sources: string[]): string =>
  JSON.stringify({
    ...{ site: "plant", device: "edge" },
    stations: sources.map((source, i) => ({
      ...{ line: "line1", name: `st${i}`, bank: "/srv/a.bank" },
      camera: {
        source,
        ...(source === "v4l2" ? { device: "/dev/video0" } : {}),
        ...(source === "pipeline" ? { pipeline: "videotestsrc ! appsink name=sink" } : {}),
        ...(source === "csi" ? { device: "0", width: 640, height: 480, framerate: 30 } : {}),
        ...(source === "aravis" ? { device: "cam" } : {}),
      },
    })),
  });

/** Everything below a folder, with its content. */
function snapshot(root: string): Readonly<Record<string, string>> {
  const names = readdirSync(root, { recursive: true, encoding: "utf8" }).sort();
  return Object.fromEntries(
    names.flatMap((name) => {
      const status = lstatSync(join(root, name));
      return status.isFile() ? [[name, readFileSync(join(root, name), "utf8")]] : [];
    }),
  );
}

test("an image gets unit, user, folders, an example to edit, and the service is enabled", { skip }, async (t) => {
  const root = await image(t);
  const out = await install(root);
  const unit = readFileSync(join(root, UNIT), "utf8");
  const start = `${PROGRAM}/bin/node --max-semi-space-size=2 ${PROGRAM}/dist/main.js`;
  assert.ok(unit.includes(`ExecStart=${start} run --config /etc/nominald/nominald.yaml`));
  assert.match(
    readFileSync(join(root, CONFIG), "utf8"),
    /^# yaml-language-server: \$schema=\/usr\/lib\/nominald\/config\/schema\.json$/m,
  );
  assert.match(readFileSync(join(root, "etc/passwd"), "utf8"), /^nominald:/m);
  assert.equal(statSync(join(root, "etc/nominald/credentials")).mode & 0o777, 0o700);
  assert.ok(lstatSync(join(root, LINK)).isSymbolicLink());
  assert.ok(out.includes("write    /etc/systemd/system/nominald.service  (the service)"), out.join("\n"));
  assert.ok(out.includes(`run      systemctl --root=${root} enable nominald.service`), out.join("\n"));
});

test("a program in another place is started from there", { skip }, async (t) => {
  const root = await image(t);
  const program = "/opt/image/usr/lib/nominald";
  for (const file of ["dist/main.js", "bin/node"]) put(root, `${program}/${file}`, "");
  await install(root, "--program", program);
  const unit = readFileSync(join(root, UNIT), "utf8");
  assert.match(
    unit,
    /^ExecStart=\/opt\/image\/usr\/lib\/nominald\/bin\/node --max-semi-space-size=2 \/opt\/image\/usr\/lib\/nominald\/dist\/main\.js run /m,
  );
});

test("a second run changes nothing and says so", { skip }, async (t) => {
  const root = await image(t);
  await install(root);
  const before = snapshot(root);
  const out = await install(root);
  assert.deepEqual(snapshot(root), before);
  assert.deepEqual(
    out.filter((line) => /^(write|update|remove|keep)/.test(line)),
    [],
  );
});

test("a dry run says all of it and writes nothing", { skip }, async (t) => {
  const root = await image(t);
  const before = snapshot(root);
  const out = await install(root, "--dry-run");
  assert.deepEqual(snapshot(root), before);
  assert.ok(out.some((line) => line.startsWith("(write)  /etc/systemd/system/nominald.service")));
  assert.ok(out.some((line) => line.startsWith("(run)    systemctl")));
});

test("drop-ins and receive buffers follow the cameras, and go when they are needed no more", { skip }, async (t) => {
  const root = await image(t);
  put(root, CONFIG, config("v4l2", "aravis"));
  const out = await install(root, "--with", "usb3-vision");
  assert.deepEqual(readdirSync(join(root, DROP_INS)).sort(), ["usb3-vision.conf", "v4l2.conf"]);
  assert.ok(existsSync(join(root, "etc/sysctl.d/90-nominald-gige.conf")));
  assert.ok(out.some((line) => line.startsWith("note") && line.includes("--with usb3-vision")));
  put(root, CONFIG, config("csi"));
  await install(root);
  assert.deepEqual(readdirSync(join(root, DROP_INS)), ["argus.conf"]);
  assert.ok(!existsSync(join(root, "etc/sysctl.d/90-nominald-gige.conf")));
});

test("what a person changed is kept and said, an old file of ours is updated", { skip }, async (t) => {
  const root = await image(t);
  put(root, CONFIG, config("v4l2"));
  await install(root);
  const dropIn = join(root, DROP_INS, "v4l2.conf");
  writeFileSync(dropIn, "[Service]\nSupplementaryGroups=camera\n");
  // As an earlier version would have written it: recorded as ours, with another content.
  writeFileSync(join(root, UNIT), "[Service]\n# old\n");
  const recordFile = join(root, "etc/nominald/installed.json");
  const record = JSON.parse(readFileSync(recordFile, "utf8")) as Record<string, string>;
  const digest = spawnSync("sha256sum", [join(root, UNIT)], { encoding: "utf8" }).stdout.split(" ")[0] ?? "";
  writeFileSync(recordFile, JSON.stringify({ ...record, [`/${UNIT}`]: digest }));
  const out = await install(root);
  assert.equal(readFileSync(dropIn, "utf8"), "[Service]\nSupplementaryGroups=camera\n");
  assert.ok(out.includes(`keep     /${DROP_INS}/v4l2.conf  (a v4l2 camera, changed by a person)`), out.join("\n"));
  assert.ok(out.includes(`update   /${UNIT}  (the service)`), out.join("\n"));
  assert.match(readFileSync(join(root, UNIT), "utf8"), /ExecStart=/);
});

test(
  "uninstalling removes what is unchanged, and leaves configuration, secrets, state and what a person changed",
  { skip },
  async (t) => {
    const root = await image(t);
    const before = Object.keys(snapshot(root));
    put(root, CONFIG, config("v4l2"));
    await install(root);
    writeFileSync(join(root, DROP_INS, "v4l2.conf"), "[Service]\n");
    put(root, "var/lib/nominald/outbox.sqlite", "state");
    const out = await install(root, "--uninstall");
    const left = Object.keys(snapshot(root)).filter(
      (name) => !before.includes(name) && !/^etc\/(passwd|group|shadow|gshadow|\.pwd)/.test(name),
    );
    assert.deepEqual(left, [CONFIG, `${DROP_INS}/v4l2.conf`, "var/lib/nominald/outbox.sqlite"]);
    assert.ok(!existsSync(join(root, LINK)));
    assert.ok(out.some((line) => line.startsWith("keep") && line.includes("v4l2.conf")));
    await install(root, "--uninstall");
  },
);

test("beside the Debian package only what it lacks is written", { skip }, async (t) => {
  const root = await image(t);
  for (const path of [
    "lib/systemd/system/nominald.service",
    "usr/lib/sysusers.d/nominald.conf",
    "usr/lib/tmpfiles.d/nominald.conf",
  ]) {
    put(
      root,
      path,
      readFileSync(
        join(
          import.meta.dirname,
          "../../systemd",
          path.includes("system/")
            ? "nominald.service"
            : `nominald.${path.includes("sysusers") ? "sysusers" : "tmpfiles"}.conf`,
        ),
        "utf8",
      ),
    );
  }
  put(root, CONFIG, config("v4l2"));
  const out = await install(root);
  assert.ok(!existsSync(join(root, UNIT)));
  assert.deepEqual(readdirSync(join(root, DROP_INS)), ["v4l2.conf"]);
  assert.ok(out.includes("packaged /lib/systemd/system/nominald.service  (the service)"), out.join("\n"));
});

test(
  "a configuration that is wrong, and a program that the service could not read, change nothing",
  { skip },
  async (t) => {
    const root = await image(t);
    put(root, CONFIG, '{"site": "plant"}');
    const before = snapshot(root);
    await assert.rejects(install(root), ConfigError);
    rmSync(join(root, CONFIG));
    put(root, "/home/me/nominald/dist/main.js", "");
    put(root, "/home/me/nominald/bin/node", "");
    await assert.rejects(install(root, "--program", "/home/me/nominald"), /lies in a folder that its unit hides/);
    await assert.rejects(install(root, "--program", "/opt/none"), /npm run build makes it/);
    await assert.rejects(install(root, "--program", "/opt/a b"), /letters, digits/);
    const { [CONFIG]: _, ...others } = before;
    const after = snapshot(root);
    for (const [name, content] of Object.entries(others)) assert.equal(after[name], content);
    assert.ok(!existsSync(join(root, UNIT)));
  },
);

test("without --systemd, or with an unknown drop-in, nothing is done", async () => {
  const err: string[] = [];
  const io = { out: () => undefined, err: (line: string) => void err.push(line) };
  assert.equal(await installCommand([], io), 2);
  assert.match(err[0] ?? "", /^Expected --systemd/);
  assert.equal(await installCommand(["--systemd", "--with", "laser"], io), 2);
  assert.match(err[1] ?? "", /for --with but received "laser"/);
});
