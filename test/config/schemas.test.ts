import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";
import { deviceSchema } from "../../src/config/device-schema.ts";
import { configJsonSchemaText } from "../../src/config/json-schema.ts";
import { keysOf } from "../../src/config/key.ts";
import type { AnyKey } from "../../src/config/key.ts";
import { loadConfig, parseConfig } from "../../src/config/load-config.ts";
import { printConfig } from "../../src/config/print-config.ts";
import { stationSchema } from "../../src/config/station-schema.ts";

const EXAMPLE = fileURLToPath(new URL("../../config/example.yaml", import.meta.url));
const SCHEMA = fileURLToPath(new URL("../../config/schema.json", import.meta.url));
const allKeys: readonly { readonly path: string; readonly key: AnyKey }[] = [
  ...keysOf(deviceSchema),
  ...keysOf(stationSchema).map(({ path, key }) => ({ path: `stations[0].${path}`, key })),
];

test("every key says what it is, when a change applies, and has a default that fits its rule", () => {
  for (const { path, key } of allKeys) {
    assert.match(key.doc, /^\S.*\.$/, `${path} has no doc that is a sentence`);
    assert.ok(["live", "restart", "local"].includes(key.apply), `${path} has no apply mark`);
    if (key.required) assert.equal(key.rule.accepts(null), false, `${path} is required but accepts null`);
    else assert.ok(key.rule.accepts(key.default), `${path} has a default that its rule refuses`);
  }
});

test("every key but the list of stations has an environment variable that follows from its path", () => {
  for (const { path, key } of allKeys) {
    const bare = path.replace(/^stations\[0\]\./, "");
    const upper = bare
      .replace(/([A-Z])/g, "_$1")
      .replaceAll(".", "_")
      .toUpperCase();
    const expected = path === "stations" ? null : bare === path ? `NOMINALD_${upper}` : upper;
    assert.equal(key.env, expected, path);
  }
});

test("what decides who may push, and what becomes of a push, is for the device's own file only", () => {
  const keys = allKeys.filter(({ path }) => /^(security|twin)\./.test(path));
  assert.deepEqual(
    keys.map(({ path, key }) => [path, key.apply]),
    [
      ["security.allowUnsigned", "local"],
      ["twin.confirmWithinS", "local"],
    ],
  );
});

test("what names files, devices and identities is for the device's own file only", () => {
  for (const { path, key } of allKeys) {
    if (key.isPath || /(site|device|line|name|username|source)$/.test(path)) assert.equal(key.apply, "local", path);
  }
});

test("config/schema.json is what the schemas give", async () => {
  // To renew it: nominald config schema > config/schema.json
  assert.equal(await readFile(SCHEMA, "utf8"), configJsonSchemaText());
});

test("config/example.yaml loads", async () => {
  const { config } = await loadConfig(EXAMPLE, {});
  assert.equal(config.stations.length, 1);
});

test("config/example.yaml names every key under its doc and mark, with its true default where it is commented out", async () => {
  const lines = (await readFile(EXAMPLE, "utf8")).split("\n").map((line) => line.trim());
  let from = 0;
  for (const { path, key } of allKeys) {
    // The keys stand in the order of the schema, so each is looked for after the one before it.
    const at = lines.indexOf(`# ${key.doc} [${key.apply}]`, from);
    assert.ok(
      at >= 0,
      `${path} is missing from the example, out of order, or has another doc: ${key.doc} [${key.apply}]`,
    );
    const name = path.split(".").at(-1) ?? "";
    const found = lines.slice(at + 1, at + 4).find((line) => new RegExp(`^(# |- )?${name}:`).test(line));
    assert.ok(found !== undefined, `${path} does not follow its doc`);
    if (found.startsWith("# ")) {
      assert.equal(key.required, false, `${path} is required but commented out`);
      assert.deepEqual(parse(found.slice(2)), { [name]: key.default }, `${path} shows another default`);
    }
    from = at + 1;
  }
});

test("config/example.yaml with all its commented keys active still loads, to the same configuration", async () => {
  const text = await readFile(EXAMPLE, "utf8");
  const names = allKeys.map(({ path }) => path.split(".").at(-1)).join("|");
  const active = text.replace(new RegExp(`^( *)# ((?:${names}): .*)$`, "gm"), "$1$2");
  assert.notEqual(active, text);
  assert.deepEqual(parseConfig(active, EXAMPLE, {}).config, (await loadConfig(EXAMPLE, {})).config);
});

test("a printed configuration loads to the same configuration", async () => {
  const loaded = await loadConfig(EXAMPLE, { NOMINALD_STATIONS_0_REGION: '{"x":1,"y":2,"width":64,"height":32}' });
  for (const origin of [false, true]) {
    assert.deepEqual(parseConfig(printConfig(loaded, { origin }), "/elsewhere/c.yaml", {}).config, loaded.config);
  }
});

test("a printed configuration shows where each value is from", async () => {
  const env = { NOMINALD_STATIONS_0_THRESHOLD: "2.5", NOMINALD_LOG_LEVEL: "warn" };
  const text = printConfig(await loadConfig(EXAMPLE, env), { origin: true });
  assert.match(text, /^site: plant1 # file$/m);
  assert.match(text, /^ {2}level: warn # NOMINALD_LOG_LEVEL$/m);
  assert.match(text, /^ {4}threshold: 2.5 # NOMINALD_STATIONS_0_THRESHOLD$/m);
  assert.match(text, /^ {6}slots: 4 # default$/m);
  assert.match(text, /^modelsFolders: \[\] # default$/m);
});
