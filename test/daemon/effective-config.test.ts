import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { stringify } from "yaml";
import { ConfigKeeper } from "../../src/daemon/config-keeper.ts";
import { effectiveConfig } from "../../src/daemon/effective-config.ts";
import { TwinFile, type TwinDocument } from "../../src/daemon/twin-file.ts";

function rig(t: TestContext) {
  const stateFolder = mkdtempSync(join(tmpdir(), "nominald-effective-"));
  t.after(() => rmSync(stateFolder, { recursive: true }));
  const sourceOf = (device: object, station: object, env: Readonly<Record<string, string>> = {}) => {
    const complete = { line: "line1", name: "st1", bank: "a.bank", camera: { source: "test" }, ...station };
    const text = stringify({ site: "s", device: "d", stateFolder, ...device, stations: [complete] });
    return { text, file: "/c.yaml", env };
  };
  const store = (name: string, body: TwinDocument["body"], on: "current" | "trial" = "current"): TwinFile => {
    const file = new TwinFile(stateFolder, name);
    const document = { version: 1, keyId: "0123456789abcdef", document: "0".repeat(64), body };
    file.write({ current: null, trial: null, rolledBack: null, [on]: document });
    return file;
  };
  return { sourceOf, store };
}

test("defaults give way to the file, the file to what was pushed, and that to the environment", (t) => {
  const { sourceOf, store } = rig(t);
  store("line1/st1", { threshold: 3, maskThreshold: 3, deadlineMs: 333 });
  store("_device", { log: { level: "debug" } });
  const env = { NOMINALD_STATIONS_0_THRESHOLD: "4" };
  const source = sourceOf({ log: { level: "warn" } }, { threshold: 2, maskThreshold: 2, maxPending: 7 }, env);
  const { loaded, leftOut } = effectiveConfig(source);
  const [station] = loaded.config.stations;
  assert.deepEqual(
    [station?.threshold, station?.maskThreshold, station?.deadlineMs, station?.maxPending, station?.commissioning],
    [4, 3, 333, 7, false],
  );
  assert.deepEqual(
    ["threshold", "maskThreshold", "maxPending", "commissioning"].map((key) =>
      loaded.origins.get(`stations[0].${key}`),
    ),
    ["env", "twin", "file", "default"],
  );
  assert.equal(loaded.config.log.level, "debug");
  assert.equal(leftOut.size, 0);
});

test("what was on trial when the daemon ended does not hold after a start", (t) => {
  const { sourceOf, store } = rig(t);
  store("line1/st1", { threshold: 3 }, "trial");
  assert.equal(effectiveConfig(sourceOf({}, { threshold: 2 })).loaded.config.stations[0]?.threshold, 2);
});

test("a pushed document that is damaged, or fits no more what the file says, is left out and told", (t) => {
  const { sourceOf, store } = rig(t);
  store("line1/st1", { region: { x: 0, y: 0, width: 100, height: 100 } });
  const twin = store("_device", { log: { level: "debug" } });
  const misfit = effectiveConfig(sourceOf({}, { camera: { source: "test", width: 64 } }));
  assert.match(misfit.leftOut.get("line1/st1") ?? "", /region.*expected a right edge within camera\.width, 64/s);
  assert.deepEqual([misfit.loaded.config.stations[0]?.region, misfit.loaded.config.log.level], [null, "debug"]);
  writeFileSync(twin.path, readFileSync(twin.path, "utf8").replace("debug", "error"));
  const damaged = effectiveConfig(sourceOf({}, {}));
  assert.match(damaged.leftOut.get("_device") ?? "", /twin-damaged|cannot be used: its SHA-256 is another/);
  assert.equal(damaged.loaded.config.log.level, "info");
});

test("a candidate changes nothing until it is activated; a key that the environment sets cannot be pushed", (t) => {
  const { sourceOf } = rig(t);
  const source = sourceOf({}, { threshold: 2 }, { NOMINALD_STATIONS_0_DEADLINE_MS: "500" });
  const applied: string[] = [];
  const keeper = new ConfigKeeper(source, effectiveConfig(source), (changes, config) => {
    applied.push(...changes.map(({ path }) => `${path} ${config.stations[0]?.threshold}`));
  });
  const candidate = keeper.withTwin("line1/st1", { threshold: 5 });
  assert.ok("changes" in candidate);
  assert.deepEqual([keeper.config.stations[0]?.threshold, applied], [2, []]);
  keeper.activate(candidate);
  assert.deepEqual([keeper.config.stations[0]?.threshold, applied], [5, ["threshold 5"]]);
  assert.deepEqual(keeper.withTwin("line1/st1", { deadlineMs: 600 }), [
    {
      path: "deadlineMs",
      message: "expected a key that the device leaves open, but it is set by NOMINALD_STATIONS_0_DEADLINE_MS there",
    },
  ]);
  assert.deepEqual(keeper.withTwin("_device", { stations: [] }), [
    { path: "stations", message: "expected a list of at least one station, but received an empty list" },
  ]);
  for (const body of [[], null === undefined, "text", 7]) assert.ok(Array.isArray(keeper.withTwin("line1/st1", body)));
});

test("what was pushed to a station holds again when it comes back into the file, and to nobody while it is gone", (t) => {
  const { sourceOf, store } = rig(t);
  store("line1/back", { threshold: 3 });
  const misfit = store("line1/misfit", { region: { x: 0, y: 0, width: 100, height: 100 } });
  const source = sourceOf({}, {});
  const keeper = new ConfigKeeper(source, effectiveConfig(source), () => undefined);
  const textOf = (...names: string[]): string => {
    const camera = { source: "test", width: 64 };
    const stations = names.map((name) => ({ line: "line1", name, bank: "a.bank", camera }));
    return source.text.replace(/stations:[^]*/, stringify({ stations }));
  };
  keeper.activate(keeper.withText(textOf("st1", "back", "misfit")));
  const byName = (name: string) => keeper.config.stations.find((station) => station.name === name);
  assert.deepEqual([byName("back")?.threshold, byName("misfit")?.region], [3, null]);
  assert.equal(keeper.storedTwin("line1/back").stored.current?.version, 1);
  assert.deepEqual(keeper.storedTwin("line1/back").leftOut, null);
  assert.match(keeper.storedTwin("line1/misfit").leftOut ?? "", /expected a right edge within camera\.width/);
  keeper.activate(keeper.withText(textOf("st1")));
  writeFileSync(misfit.path, "damaged");
  keeper.activate(keeper.withText(textOf("st1", "misfit")));
  assert.match(keeper.storedTwin("line1/misfit").leftOut ?? "", /cannot be used/);
});
