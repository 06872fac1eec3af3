import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { loadConfig, parseConfig } from "../../src/config/load-config.ts";
import type { LoadedConfig } from "../../src/config/load-config.ts";
import { ConfigError } from "../../src/shared/errors.ts";

const MINIMAL = `site: plant1
device: edge1
stations:
  - line: line1
    name: washers
    bank: washers.bank
    camera:
      source: test
`;

function parse(text: string, env: NodeJS.ProcessEnv = {}, file = "/etc/nominald/config.yaml"): LoadedConfig {
  return parseConfig(text, file, env);
}

/** The lines of the error's message, one a problem. */
function problemsOf(text: string, env: NodeJS.ProcessEnv = {}, file?: string): string[] {
  try {
    parse(text, env, file);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    assert.equal(error.code, "config-invalid");
    assert.equal(error.faultClass, "config");
    return error.message
      .split("\n")
      .slice(1)
      .map((line) => line.trim());
  }
  return assert.fail("expected the configuration to be refused");
}

test("what a file leaves out has the defaults", () => {
  const { config, origins } = parse(MINIMAL);
  assert.equal(config.stateFolder, "/var/lib/nominald");
  assert.deepEqual(config.broker, {
    url: "mqtt://127.0.0.1:1883",
    version: "5",
    username: null,
    passwordFile: null,
    caFile: null,
    certFile: null,
    keyFile: null,
    connectTimeoutMs: 10_000,
  });
  assert.equal(config.stations.length, 1);
  assert.equal(config.stations[0]?.deadlineMs, 1_000);
  assert.equal(config.stations[0]?.threshold, null);
  assert.equal(origins.get("broker.url"), "default");
  assert.equal(origins.get("stations[0].line"), "file");
  assert.equal(origins.has("stations"), false);
});

test("relative paths in a file are relative to the file, also in lists", () => {
  const text =
    MINIMAL.replace("bank: washers.bank", "bank: ../banks/w.bank") + "modelsFolders: [models, /opt/models]\n";
  const { config } = parse(text);
  assert.equal(config.stations[0]?.bank, "/etc/banks/w.bank");
  assert.deepEqual(config.modelsFolders, ["/etc/nominald/models", "/opt/models"]);
});

test("the environment overrides the file, and the file the defaults", () => {
  const env = {
    NOMINALD_BROKER_URL: "mqtts://broker.plant:8883",
    NOMINALD_STATIONS_0_THRESHOLD: "1.5",
    NOMINALD_STATIONS_0_CAMERA_CAPTURE_LATENCY_MS: "12.5",
    NOMINALD_STATIONS_0_COMMISSIONING: "false",
    NOMINALD_STATIONS_0_REGION: '{"x":1,"y":2,"width":64,"height":32}',
    NOMINALD_STATIONS_0_ROTATION: "90",
    NOMINALD_STATIONS_0_MASK_THRESHOLD: "null",
    NOMINALD_MODELS_FOLDERS: "/a:b",
    HOME: "/root",
  };
  const text = `${MINIMAL.replace("    camera:", "    threshold: 3\n    maskThreshold: 2\n    commissioning: true\n    camera:")}broker: { version: "3.1.1" }\n`;
  const { config, origins } = parse(text, env);
  const station = config.stations[0];
  assert.equal(config.broker.url, "mqtts://broker.plant:8883");
  assert.equal(config.broker.version, "3.1.1");
  assert.equal(station?.threshold, 1.5);
  assert.equal(station?.maskThreshold, null);
  assert.equal(station?.commissioning, false);
  assert.equal(station?.camera.captureLatencyMs, 12.5);
  assert.deepEqual(station?.region, { x: 1, y: 2, width: 64, height: 32 });
  assert.equal(station?.rotation, 90);
  assert.deepEqual(config.modelsFolders, ["/a", resolve("b")]);
  assert.equal(origins.get("stations[0].threshold"), "env");
  assert.equal(origins.get("broker.version"), "file");
});

test("convict does not look into the environment and arguments of this process by itself", () => {
  process.env["NOMINALD_SITE"] = "elsewhere";
  try {
    assert.equal(parse(MINIMAL).config.site, "plant1");
  } finally {
    delete process.env["NOMINALD_SITE"];
  }
});

test("all problems come in one message, each with its line", () => {
  const text = `site: Plant 1
device: 5
broker:
  version: 5
  conectTimeoutMs: 100
inference: fast
stations:
  - line: line1
    name: washers
    threshold: -1
    camera:
      source: gige
      slots: 1.5
extra: 1
`;
  assert.deepEqual(problemsOf(text), [
    'site (line 1): expected 1 to 32 characters of a-z, 0-9, _ and -, but received text "Plant 1"',
    "device (line 2): expected 1 to 32 characters of a-z, 0-9, _ and -, but received number 5 (put it in quotes)",
    'broker.version (line 4): expected "5" or "3.1.1", but received number 5 (put it in quotes)',
    'broker.conectTimeoutMs (line 5): expected a known key (connectTimeoutMs?), but received the unknown key "conectTimeoutMs"',
    'inference (line 6): expected a mapping with the keys processes, threads, spinning, provider, allowCpuFallback, startTimeoutMs, frameTimeoutMs, but received text "fast"',
    "extra (line 14): expected one of the keys site, device, stateFolder, sharedMemoryFolder, modelsFolders, broker, inference, admission, history, http, log, host, security, twin, delivery, stations, " +
      'but received the unknown key "extra"',
    "stations[0].threshold (line 10): expected a number above 0, or null, but received number -1",
    'stations[0].camera.source (line 12): expected "test", "folder", "v4l2", "aravis", "rtsp", "csi" or "pipeline", but received text "gige"',
    "stations[0].camera.slots (line 13): expected a whole number from 2 to 64, but received number 1.5",
    "stations[0].bank (line 8): expected a path, not empty, but received nothing: the key is missing",
  ]);
});

test("a text is not converted to a number or a flag", () => {
  // convict itself would load these as 12, true and NaN.
  const text = `${MINIMAL.replace("    camera:", '    maxPending: "12abc"\n    commissioning: "no"\n    camera:')}inference: { threads: "two" }\n`;
  assert.deepEqual(problemsOf(text), [
    'inference.threads (line 11): expected a whole number from 1 to 256, but received text "two"',
    'stations[0].maxPending (line 7): expected a whole number from 1 to 256, but received text "12abc"',
    'stations[0].commissioning (line 8): expected true or false, but received text "no"',
  ]);
});

test("a malformed or unknown variable is listed like any other problem", () => {
  const env = {
    NOMINALD_INFERENCE_THREADS: "2x",
    NOMINALD_STATIONS_0_COMMISSIONING: "1",
    NOMINALD_STATIONS_1_THRESHOLD: "1",
    NOMINALD_BROKER_ULR: "mqtt://h",
  };
  assert.deepEqual(problemsOf(MINIMAL, env), [
    "NOMINALD_BROKER_ULR (environment): expected a variable of a known key (NOMINALD_BROKER_URL?), but received a variable that no key has",
    'inference.threads (NOMINALD_INFERENCE_THREADS): expected a whole number from 1 to 256, but received text "2x"',
    'stations[0].commissioning (NOMINALD_STATIONS_0_COMMISSIONING): expected true or false, but received text "1"',
    "NOMINALD_STATIONS_1_THRESHOLD (environment): expected a station's index below 1, the number of stations in the file, but received 1",
  ]);
});

test("a variable can give a required key that the file leaves out", () => {
  const text = MINIMAL.replace("site: plant1\n", "");
  assert.equal(parse(text, { NOMINALD_SITE: "plant2" }).config.site, "plant2");
  assert.match(problemsOf(text)[0] ?? "", /^site \(line 1\): expected .* nothing: the key is missing$/);
});

test("a file without stations, an empty file and a list are refused", () => {
  assert.match(problemsOf(MINIMAL.replace(/stations:[^]*/, "stations: []\n"))[0] ?? "", /^stations .* an empty list$/);
  assert.equal(problemsOf("").length, 3); // site, device, stations
  assert.deepEqual(problemsOf("- 1\n"), [
    "the document (line 1): expected a mapping with the keys site, device, stateFolder, sharedMemoryFolder, modelsFolders, broker, inference, admission, history, http, log, host, security, twin, delivery, stations, but received a list of 1",
  ]);
});

test("a password in the broker's address is refused and not repeated", () => {
  const [problem = ""] = problemsOf(`${MINIMAL}broker: { url: "mqtt://me:secret@host" }\n`);
  assert.match(problem, /^broker\.url /);
  assert.doesNotMatch(problem, /secret/);
});

test("what belongs together is checked together", () => {
  const station = (lines: string): string => MINIMAL.replace("    camera:\n      source: test\n", lines);
  const cases: [string, RegExp][] = [
    [`${MINIMAL}broker: { url: "http://host" }\n`, /^broker\.url .* mqtt:\/\//],
    [`${MINIMAL}broker: { url: "mqtt://host:70000" }\n`, /^broker\.url .* port 70000$/],
    [`${MINIMAL}broker: { url: "mqtts://host", certFile: c.pem }\n`, /^broker\.keyFile .* expected the private key/],
    [`${MINIMAL}broker: { url: "mqtts://host", keyFile: c.pem }\n`, /^broker\.certFile .* expected the certificate/],
    [`${MINIMAL}broker: { caFile: c.pem }\n`, /^broker\.url .* mqtts:\/\/, since broker\.caFile/],
    [`${MINIMAL}broker: { passwordFile: p }\n`, /^broker\.username .* since broker\.passwordFile/],
    [station("    camera: { source: folder }\n"), /^stations\[0\]\.camera\.path .* expected a folder/],
    [station("    camera: { source: v4l2 }\n"), /^stations\[0\]\.camera\.device .*source is v4l2/],
    [station("    camera: { source: aravis }\n"), /^stations\[0\]\.camera\.device .*source is aravis/],
    [station("    camera: { source: test, features: Gain=1 }\n"), /^stations\[0\]\.camera\.features .*source is test/],
    [station("    camera: { source: folder, path: p, paced: true }\n"), /^stations\[0\]\.camera\.framerate /],
    [
      station("    mode: camera\n    camera: { source: folder, path: p, loop: true }\n"),
      /^stations\[0\]\.camera\.loop .* mode camera/,
    ],
    [
      station("    camera: { source: test, framerate: 0.5 }\n"),
      /^stations\[0\]\.camera\.frameTimeoutMs .* more than the 2000 ms/,
    ],
    [
      station("    region: { x: 10, y: 0, width: 100, height: 50 }\n    camera: { source: test, width: 109 }\n"),
      /^stations\[0\]\.region \(line 7\): expected a right edge within camera\.width, 109, but received 110$/,
    ],
    [MINIMAL.replace("line: line1", "line: _device"), /^stations\[0\]\.line .* reserved/],
    [
      `${MINIMAL}  - { line: line1, name: washers, bank: b, camera: { source: test } }\n`,
      /^stations\[1\]\.name \(line 9\): .* line1\/washers, as stations\[0\] has$/,
    ],
  ];
  for (const [text, expected] of cases) {
    const problems = problemsOf(text);
    assert.equal(problems.length, 1, problems.join("\n"));
    assert.match(problems[0] ?? "", expected);
  }
});

test("a wrong key brings no second problem about what depends on it", () => {
  const text = MINIMAL.replace("source: test", "source: folder\n      path: 7");
  assert.deepEqual(problemsOf(text), [
    "stations[0].camera.path (line 9): expected a path, not empty, or null, but received number 7 (put it in quotes)",
  ]);
});

test("nothing that could add an element to a launch string passes", () => {
  for (const device of ['cam" ! filesink location=x', "a!b", "a\\b", "a'b"]) {
    const text = MINIMAL.replace("source: test", `source: aravis\n      device: ${JSON.stringify(device)}`);
    assert.match(problemsOf(text)[0] ?? "", /^stations\[0\]\.camera\.device /, device);
  }
  for (const features of ["Gain=1 ! filesink", 'Gain="1"', "Gain", "Gain=1;x"]) {
    const text = MINIMAL.replace(
      "source: test",
      `source: aravis\n      device: c\n      features: ${JSON.stringify(features)}`,
    );
    assert.match(problemsOf(text)[0] ?? "", /^stations\[0\]\.camera\.features /, features);
  }
});

test("a key that stands twice and a syntax error are named with their line", () => {
  assert.match(problemsOf(`${MINIMAL}site: again\n`)[0] ?? "", /^the document \(line 9\): .*Map keys must be unique/);
  assert.match(problemsOf("site: [a\n")[0] ?? "", /^the document \(line \d\): expected well-formed YAML/);
});

test("JSON is read by its file's ending, and YAML is not taken for JSON", () => {
  const document = {
    site: "s",
    device: "d",
    stations: [{ line: "l", name: "n", bank: "b", camera: { source: "test" } }],
  };
  assert.equal(parse(JSON.stringify(document), {}, "/x/c.json").config.stations[0]?.bank, "/x/b");
  assert.throws(() => parse(MINIMAL, {}, "/x/c.json"), /Expected well-formed JSON in \/x\/c\.json/);
  assert.throws(() => parse(MINIMAL, {}, "/x/c.toml"), { code: "config-type" });
});

test("names that JavaScript objects inherit are unknown keys like others", () => {
  for (const name of ["__proto__", "constructor", "toString"]) {
    assert.match(problemsOf(`${MINIMAL}${name}: { polluted: 1 }\n`)[0] ?? "", /unknown key/, name);
  }
  assert.equal(Reflect.get({}, "polluted"), undefined);
});

test("a file is read from disk, and one that is missing is a configuration error", async () => {
  const folder = await mkdtemp(join(tmpdir(), "nominald-config-"));
  try {
    const file = join(folder, "config.yaml");
    await writeFile(file, MINIMAL);
    assert.equal((await loadConfig(file, {})).config.stations[0]?.bank, join(folder, "washers.bank"));
    await assert.rejects(loadConfig(join(folder, "none.yaml"), {}), {
      code: "config-unreadable",
      faultClass: "config",
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("the keys of streams, CSI cameras and pipelines go with their source alone", () => {
  const problemsOf = (camera: object): string => {
    const document = { site: "a", device: "b", stations: [{ line: "l", name: "s", bank: "x.bank", camera }] };
    try {
      parseConfig(JSON.stringify(document), "x.json", {});
      return "";
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
  const launch = "v4l2src ! videoconvert ! video/x-raw,format=RGB ! appsink name=sink";
  for (const camera of [
    { source: "rtsp", url: "rtsp://10.0.0.5:554/stream1", username: "u", passwordFile: "p", width: 640 },
    { source: "csi", device: "0", width: 640, framerate: 30 },
    { source: "pipeline", pipeline: launch },
  ]) {
    assert.equal(problemsOf(camera), "", JSON.stringify(camera));
  }
  for (const [camera, message] of [
    [{ source: "rtsp" }, /camera\.url \(line 1\): expected a URL, since camera\.source is rtsp/],
    [
      { source: "rtsp", url: "rtsp://u:p@cam/x" },
      /camera\.url .*without user and password.* received text "rtsp:\/\/…@cam\/x"/,
    ],
    [{ source: "rtsp", url: "http://cam/x" }, /camera\.url .*expected rtsp:\/\//],
    [
      { source: "rtsp", url: "rtsp://cam", passwordFile: "p" },
      /camera\.username .*since camera\.passwordFile is given/,
    ],
    [
      { source: "rtsp", url: "rtsp://cam", framerate: 5 },
      /camera\.framerate .*expected null, since it is set in the camera/,
    ],
    [{ source: "csi" }, /camera\.device .*since camera\.source is csi/],
    [{ source: "test", url: "rtsp://cam" }, /camera\.url .*expected null, since camera\.source is test/],
    [{ source: "test", pipeline: launch }, /camera\.pipeline .*expected null/],
    [{ source: "pipeline" }, /camera\.pipeline .*expected a launch string/],
    [{ source: "pipeline", pipeline: launch, height: 20 }, /camera\.height .*camera\.pipeline itself sets it/],
    [{ source: "pipeline", pipeline: "videotestsrc ! fakesink name=sink" }, /camera\.pipeline .*an appsink named sink/],
    [{ source: "pipeline", pipeline: "appsink name=sink" }, /camera\.pipeline .*at least two elements/],
    [
      { source: "pipeline", pipeline: "a ! appsink sync=false ! b name=sink" },
      /camera\.pipeline .*an appsink named sink/,
    ],
  ] as const) {
    assert.match(problemsOf(camera), message, JSON.stringify(camera));
  }
});

test("the HTTP server has a literal address, a port and host names; an address is never looked up", () => {
  const http = (keys: object) => parse(`${MINIMAL}http: ${JSON.stringify(keys)}\n`).config.http;
  assert.deepEqual(http({}), { enabled: true, address: "127.0.0.1", port: 9_747, hosts: [] });
  assert.equal(http({ address: "::" }).address, "::");
  assert.deepEqual(http({ hosts: ["edge1.plant.example", "[fd00::7]"] }).hosts, ["edge1.plant.example", "[fd00::7]"]);
  assert.throws(() => http({ address: "localhost" }), /http\.address .*expected an IP address/);
  assert.throws(() => http({ address: "127.0.0.300" }), /http\.address/);
  assert.throws(() => http({ port: 0 }), /http\.port .*a whole number from 1 to 65535/);
  for (const host of ["edge1:9747", "http://edge1", "a b", "", "fd00::7"]) {
    assert.throws(() => http({ hosts: [host] }), /http\.hosts .*host names/, host);
  }
  const env = { NOMINALD_HTTP_HOSTS: "a.example,b.example", NOMINALD_HTTP_ENABLED: "false" };
  const { hosts, enabled } = parse(MINIMAL, env).config.http;
  assert.deepEqual([hosts, enabled], [["a.example", "b.example"], false]);
});
