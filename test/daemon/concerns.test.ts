import assert from "node:assert/strict";
import { test } from "node:test";
import { stringify } from "yaml";
import { deviceSchema } from "../../src/config/device-schema.ts";
import { keysOf } from "../../src/config/key.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import { stationSchema } from "../../src/config/station-schema.ts";
import { changesBetween, concernOfKey } from "../../src/daemon/concerns.ts";

/** Concerns whose change ends no process and no connection. */
const LIVE = ["machine", "admission", "scoring", "log", "history", "policy"];
const RESTART = ["bank", "camera", "broker", "inference", "http"];

test("a key that is marked live ends nothing, one that is marked restart ends just what it concerns", () => {
  const marked = [
    ...keysOf(deviceSchema).map(({ path, key }) => ({ path, key, concern: concernOfKey("device", path) })),
    ...keysOf(stationSchema).map(({ path, key }) => ({ path, key, concern: concernOfKey("station", path) })),
  ];
  for (const { path, key, concern } of marked) {
    if (key.apply === "live") assert.ok(LIVE.includes(concern), `${path}: ${concern}`);
    if (key.apply === "restart") assert.ok(RESTART.includes(concern), `${path}: ${concern}`);
    if (concern === "process" || concern === "station") assert.equal(key.apply, "local", path);
  }
});

function config(device: object, ...stations: object[]) {
  const complete = stations.map((station) => ({
    ...{ line: "l", name: "a", bank: "a.bank", camera: { source: "test" } },
    ...station,
  }));
  return parseConfig(stringify({ site: "s", device: "d", ...device, stations: complete }), "/c.yaml", {}).config;
}

test("a change names its key, its values, its station and what it concerns", () => {
  const from = config({}, {}, { name: "b" });
  const region = { x: 0, y: 0, width: 16, height: 16 };
  const to = config({ broker: { url: "mqtt://other" } }, { region }, { name: "b", deadlineMs: 20 });
  assert.deepEqual(changesBetween(from, from), []);
  assert.deepEqual(changesBetween(from, to), [
    {
      ...{ path: "broker.url", from: "mqtt://127.0.0.1:1883", to: "mqtt://other" },
      ...{ apply: "restart", station: null, concern: "broker" },
    },
    { path: "region", from: null, to: region, apply: "restart", station: "l/a", concern: "bank" },
    { path: "deadlineMs", from: 1_000, to: 20, apply: "live", station: "l/b", concern: "machine" },
  ]);
});

test("a station that comes or goes is a change of its own, and the others have none, whatever their order", () => {
  const changes = changesBetween(config({}, {}, { name: "b" }), config({}, { name: "c" }, {}));
  assert.deepEqual(
    changes.map(({ path, station, from, to, concern }) => [path, station, from, to, concern]),
    [
      ["stations", "l/b", "l/b", null, "station"],
      ["stations", "l/c", null, "l/c", "station"],
    ],
  );
});

test("another mode of a station makes that one begin anew", () => {
  const changes = changesBetween(config({}, {}, { name: "b" }), config({}, {}, { name: "b", mode: "camera" }));
  assert.deepEqual(
    changes.map(({ path, station, concern }) => [path, station, concern]),
    [["mode", "l/b", "station"]],
  );
});
