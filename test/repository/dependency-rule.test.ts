import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";

const ROOT = join(import.meta.dirname, "..", "..");
const ROOMS_CONFIG = ".dependency-cruiser.cjs";
const DAEMON_CONFIG = ".dependency-cruiser.daemon.cjs";

interface Violation {
  readonly from: string;
  readonly to: string;
  readonly rule: { readonly name: string };
}

/** A file of the planted tree, its text, and the rules that it must break. */
interface Planted {
  readonly file: string;
  readonly text: string;
  readonly breaks: readonly string[];
}

/** Files that break nothing themselves: what the planted mistakes reach for, and imports that are allowed. */
const CLEAN: readonly Planted[] = [
  { file: "src/shared/errors.ts", text: "export const shared = 1;", breaks: [] },
  { file: "src/shared/ids.ts", text: 'export const now = "1";', breaks: [] },
  { file: "src/bank/manifest.ts", text: "export interface Manifest { readonly rows: number }", breaks: [] },
  { file: "src/page/page.ts", text: "export const page = 1;", breaks: [] },
  {
    file: "src/daemon/daemon.ts",
    text: 'import { client } from "../inference/client.ts"; export const daemon = client;',
    breaks: [],
  },
  { file: "src/cli/fit.ts", text: 'import sharp from "sharp"; export const fit = sharp;', breaks: [] },
  {
    file: "src/search/index.ts",
    text: 'import type { Manifest } from "../bank/manifest.ts"; export type Rows = Manifest["rows"];',
    breaks: [],
  },
  {
    file: "src/inference/client.ts",
    text: 'import type { Score } from "./frame.child.ts.types.ts"; export const client = new URL("./frame.child.ts", import.meta.url); export type { Score };',
    breaks: [],
  },
  {
    file: "src/inference/frame.child.ts.types.ts",
    text: 'import type { InferenceSession } from "onnxruntime-node"; export type Score = InferenceSession;',
    breaks: [],
  },
  { file: "src/shared/onnxruntime.ts", text: 'export const load = () => import("onnxruntime-node");', breaks: [] },
  { file: "src/inference/frame.child.ts", text: 'import "../shared/onnxruntime.ts"; import "sharp";', breaks: [] },
  { file: "src/capture/camera.child.ts", text: 'import "gstreamer-superficial"; import "./pipeline.ts";', breaks: [] },
  {
    file: "src/capture/pipeline.ts",
    text: 'import { createRequire } from "node:module"; export { createRequire };',
    breaks: [],
  },
  { file: "test/support/helper.ts", text: "export const helper = 1;", breaks: [] },
];

/** One file a mistake. Every rule of both configurations must be broken by at least one of them. */
const MISTAKES: readonly Planted[] = [
  ...[
    ["shared", "../station/two.ts"],
    ["patchcore", "../config/two.ts"],
    ["station", "../patchcore/two.ts"],
    ["config", "../bank/two.ts"],
    ["bank", "../search/two.ts"],
    ["backbone", "../capture/two.ts"],
    ["search", "../backbone/two.ts"],
    ["store", "../mqtt/two.ts"],
    ["capture", "../inference/two.ts"],
    ["mqtt", "../store/two.ts"],
    ["ops", "../daemon/two.ts"],
    ["inference", "../fit/two.ts"],
    ["fit", "../page/page.ts"],
    ["page", "../cli/two.ts"],
    ["metrics", "../fit/two.ts"],
    ["evaluation", "../daemon/two.ts"],
    ["daemon", "../cli/two.ts"],
    ["doctor", "../cli/two.ts"],
    ["cli", "../main.ts"],
  ].flatMap(([room = "", specifier = ""]) => [
    { file: `src/${room}/two.ts`, text: "export const two = 2;", breaks: [] },
    { file: `src/${room}/up.ts`, text: `import "${specifier}";`, breaks: [`${room}-knows-lower-rooms-only`] },
  ]),
  { file: "src/main.ts", text: 'import "./cli/fit.ts";', breaks: ["main-loads-subcommands-on-demand"] },
  {
    file: "src/cli/commands/heavy.ts",
    text: 'import "../fit.ts";',
    breaks: ["definitions-of-subcommands-load-nothing"],
  },
  // A type counts as knowing, too.
  {
    file: "src/mqtt/type.ts",
    text: 'import type { Manifest } from "../bank/manifest.ts"; export type M = Manifest;',
    breaks: ["mqtt-knows-lower-rooms-only"],
  },
  { file: "src/search/value.ts", text: 'import "../bank/two.ts";', breaks: ["search-takes-only-types-from-bank"] },
  { file: "src/attic/box.ts", text: "export const box = 1;", breaks: [] },
  { file: "src/cli/attic.ts", text: 'import "../attic/box.ts";', breaks: ["every-room-has-a-level"] },
  { file: "src/station/clock.ts", text: 'import "node:fs";', breaks: ["pure-rooms-stay-pure"] },
  { file: "src/patchcore/log.ts", text: 'import "pino";', breaks: ["pure-rooms-stay-pure"] },
  {
    file: "src/patchcore/ids.ts",
    text: 'import { now } from "../shared/ids.ts"; export const id = now;',
    breaks: ["pure-rooms-stay-pure"],
  },
  { file: "src/shared/image.ts", text: 'import "node:os";', breaks: ["pure-shared-files-stay-pure"] },
  { file: "src/fit/one.ts", text: 'import { b } from "./other.ts"; export const a = b;', breaks: ["no-circular"] },
  { file: "src/fit/other.ts", text: 'import { a } from "./one.ts"; export const b = a;', breaks: [] },
  { file: "src/inference/inline.ts", text: 'import "./frame.child.ts";', breaks: ["children-are-spawned"] },
  { file: "src/inference/camera.ts", text: 'import "gstreamer-superficial";', breaks: ["gstreamer-lives-in-capture"] },
  {
    file: "src/inference/hidden.ts",
    text: 'import { createRequire } from "node:module"; export const hidden = createRequire(import.meta.url)("sharp");',
    breaks: ["require-lives-in-capture"],
  },
  { file: "src/daemon/capture.ts", text: 'import "../capture/pipeline.ts";', breaks: ["daemon-requires-nothing"] },
  { file: "src/ops/counts.ts", text: 'import "prom-client";', breaks: ["prom-client-lives-in-metrics"] },
  { file: "src/fit/index.ts", text: 'import "usearch";', breaks: ["usearch-lives-in-search"] },
  {
    file: "src/backbone/session.ts",
    text: 'import "onnxruntime-node";',
    breaks: ["onnxruntime-comes-through-one-door"],
  },
  { file: "src/fit/test.ts", text: 'import "../../test/support/helper.ts";', breaks: ["src-never-knows-tests"] },
  { file: "src/fit/property.ts", text: 'import "fast-check";', breaks: ["no-development-package"] },
  { file: "src/fit/nowhere.ts", text: 'import "./nothing.ts";', breaks: ["everything-resolves"] },
  // Not in one step: the daemon's file imports a harmless one, which imports the addon.
  {
    file: "src/daemon/start.ts",
    text: 'import "../inference/thumbnail.ts";',
    breaks: ["daemon-loads-no-crash-prone-addon"],
  },
  {
    file: "src/inference/thumbnail.ts",
    text: 'import sharp from "sharp"; export const thumbnail = sharp;',
    breaks: [],
  },
];

const folder = mkdtempSync(join(tmpdir(), "nominald-rule-"));
const broken: Violation[] = [];

function violations(config: string): Violation[] {
  const tool = join(ROOT, "node_modules", "dependency-cruiser", "bin", "dependency-cruise.mjs");
  const args = [tool, "--config", config, "--output-type", "json", "src"];
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8", maxBuffer: 2 ** 26 });
  assert.ok(stdout.startsWith("{"), stderr);
  return (JSON.parse(stdout) as { summary: { violations: Violation[] } }).summary.violations;
}

before(() => {
  for (const name of [ROOMS_CONFIG, DAEMON_CONFIG, "tsconfig.json", "package.json"]) {
    copyFileSync(join(ROOT, name), join(folder, name));
  }
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"));
  for (const { file, text } of [...CLEAN, ...MISTAKES]) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), `${text}\n`);
  }
  broken.push(...violations(ROOMS_CONFIG), ...violations(DAEMON_CONFIG));
});

after(() => rmSync(folder, { recursive: true, force: true }));

for (const { file, breaks } of MISTAKES) {
  for (const rule of breaks) {
    test(`${file} breaks ${rule}`, () => {
      const seen = broken.filter((violation) => violation.from === file).map((violation) => violation.rule.name);
      assert.ok(seen.includes(rule), `expected ${rule} among the broken rules [${seen.join(", ")}]`);
    });
  }
}

test("files that keep to the rules are left in peace", () => {
  const clean = new Set(CLEAN.map(({ file }) => file));
  assert.deepEqual(
    broken.filter(({ from }) => clean.has(from)),
    [],
  );
});

test("no rule is without a planted file that breaks it", () => {
  const load = createRequire(import.meta.url);
  const names = [ROOMS_CONFIG, DAEMON_CONFIG].flatMap((config) =>
    (load(join(ROOT, config)) as { forbidden: { name: string }[] }).forbidden.map(({ name }) => name),
  );
  const planted = new Set(MISTAKES.flatMap(({ breaks }) => breaks));
  assert.deepEqual(
    names.filter((name) => !planted.has(name)),
    [],
  );
});
