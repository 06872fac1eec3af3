import assert from "node:assert/strict";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import sharp from "sharp";
import { captureCommand } from "../../src/cli/capture.ts";
import { processStartTicks } from "../../src/shared/process-identity.ts";
import { picture, temporaryFolder } from "../capture/pictures.ts";
import { nominald } from "../support/daemon-process.ts";
import { spoken } from "../support/spoken.ts";

const SMALL = ["--width", "64", "--height", "48"];

test("wrong words are exit code 2, a wrong camera is exit code 3 with the key's name", async (t) => {
  const out = await temporaryFolder(t);
  for (const [args, code, message] of [
    [[], 2, /Expected capture list, save or watch but got nothing/],
    [["film"], 2, /but got film/],
    [["save", "--source", "test", "--count", "2"], 2, /Expected --out DIR/],
    [
      ["save", "--source", "test", "--out", out, "--count", "1.5"],
      2,
      /from 1 to 100000 for --count but received "1\.5"/,
    ],
    [["save", "--source", "test", "--out", out, "--count", "1", "--every", "x"], 2, /for --every but received "x"/],
    [["watch", "--source", "test", "--seconds", "0"], 2, /for --seconds but received "0"/],
    [["watch", "--source", "test", "--speed", "1"], 2, /--speed/],
    [["watch"], 3, /camera-not-chosen: Expected either --config FILE or --source KIND/],
    [["watch", "--source", "gige"], 3, /camera\.source .*expected "test".* received text "gige"/],
    [["watch", "--source", "test", "--width", "64a"], 3, /camera\.width .*received text "64a"/],
    [["watch", "--source", "v4l2"], 3, /camera\.device .*since camera\.source is v4l2/],
  ] as const) {
    const finished = await spoken(captureCommand, args);
    assert.deepEqual([finished.code, finished.out], [code, ""], `${args.join(" ")}: ${finished.err}`);
    assert.match(finished.err, message);
  }
});

test("saved frames are PNG files of what the camera shows, numbered after those that lie there", async (t) => {
  const out = join(await temporaryFolder(t), "nominal");
  const red = ["capture", "save", "--source", "test", "--pattern", "red", ...SMALL, "--out", out];
  const first = await nominald([...red, "--count", "2"]);
  assert.equal(first.code, 0, first.stderr);
  assert.deepEqual(first.stdout.trim().split("\n"), [join(out, "000001.png"), join(out, "000002.png")]);
  await writeFile(join(out, "notes.txt"), "lit from the left");
  const second = await nominald([...red, "--count", "1"]);
  assert.equal(second.code, 0, second.stderr);
  assert.deepEqual((await readdir(out)).sort(), ["000001.png", "000002.png", "000003.png", "notes.txt"]);
  const { data, info } = await sharp(join(out, "000003.png")).raw().toBuffer({ resolveWithObject: true });
  assert.deepEqual([info.width, info.height, info.channels], [64, 48, 3]);
  assert.deepEqual([...data.subarray(0, 6)], [255, 0, 0, 255, 0, 0]);
});

test("a pause between saved frames leaves out those that come in it", async (t) => {
  const out = await temporaryFolder(t);
  // The ball moves with each frame: at 50 frames/s, frames that are 0.3 s apart show it in other places.
  const ball = ["capture", "save", "--source", "test", ...SMALL, "--framerate", "50", "--out", out];
  const { code, stderr } = await nominald([...ball, "--count", "2", "--every", "0.3"]);
  assert.equal(code, 0, stderr);
  const [a, b] = await Promise.all(["000001.png", "000002.png"].map((name) => sharp(join(out, name)).raw().toBuffer()));
  assert.ok(a !== undefined && b !== undefined && !a.equals(b));
});

test("a source that ends too early, a camera that is not there and a folder that cannot be made are exit code 5", async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, "a.png"), await picture("png", 20, 20, [9, 9, 9]));
  const out = join(folder, "out");
  const early = await nominald([
    "capture",
    "save",
    "--source",
    "folder",
    "--path",
    folder,
    "--count",
    "2",
    "--out",
    out,
  ]);
  assert.equal(early.code, 5, early.stderr);
  assert.match(early.stderr, /Expected 2 frames but the source ended after 1/);
  const none = await nominald(["capture", "watch", "--source", "v4l2", "--device", "/dev/video99"]);
  assert.equal(none.code, 5, none.stderr);
  assert.match(none.stderr, /camera-unavailable: .*\/dev\/video99/);
  const place = join(folder, "a.png", "out");
  const file = await nominald(["capture", "save", "--source", "test", "--count", "1", "--out", place]);
  assert.equal(file.code, 5, file.stderr);
  assert.match(file.stderr, /output-unwritable/);
});

test("a watch tells rate, light and sharpness, once a second, as lines or as JSON", async () => {
  const black = ["capture", "watch", "--source", "test", "--pattern", "black", ...SMALL, "--framerate", "20"];
  const lines = await nominald([...black, "--seconds", "2.5"]);
  assert.equal(lines.code, 0, lines.stderr);
  for (const line of lines.stdout.trim().split("\n")) {
    assert.match(
      line,
      /^\d+\.\d frames\/s {2}64 × 48 {2}brightness 0\.0 {2}overexposed 0\.00 % {2}sharpness 0\.0000 {2}dropped \d+$/,
    );
  }
  const json = await nominald([...black, "--seconds", "1.5", "--json"]);
  const first = JSON.parse(json.stdout.split("\n")[0] ?? "") as Record<string, unknown>;
  assert.deepEqual(
    { ...first, framesPerSecond: 0, dropped: 0 },
    {
      ...{ framesPerSecond: 0, width: 64, height: 48, brightness: 0, saturated: 0, sharpness: 0, dropped: 0 },
    },
  );
});

test("on a terminal each line of a watch takes the place of the one before", async () => {
  const watch = ["watch", "--source", "test", ...SMALL, "--framerate", "20", "--seconds", "2.5"];
  const { code, out } = await spoken(captureCommand, watch, true);
  assert.equal(code, 0);
  const lines = out.split("\n");
  assert.ok(lines.length >= 2, out);
  assert.ok(
    lines.every((line, i) => line.startsWith("\u001b[1A\u001b[2K") === i > 0),
    JSON.stringify(lines),
  );
});

test("a camera that a daemon holds is left alone, and of several stations one must be named", async (t) => {
  const folder = await temporaryFolder(t);
  const file = join(folder, "config.json");
  const station = { line: "l", bank: "x.bank", camera: { source: "test", width: 32, height: 32 } };
  const stations = [
    { ...station, name: "a" },
    { ...station, name: "b" },
  ];
  await writeFile(file, JSON.stringify({ site: "s", device: "d", stateFolder: folder, stations }));
  const unnamed = await nominald(["capture", "watch", "--config", file]);
  assert.equal(unnamed.code, 3);
  assert.match(unnamed.stderr, /Expected --station to be one of l\/a, l\/b but received nothing/);
  const out = join(folder, "out");
  const save = ["capture", "save", "--config", file, "--station", "l/b", "--count", "1", "--out", out];
  const free = await nominald(save);
  assert.equal(free.code, 0, free.stderr);
  // This very process stands for the daemon.
  await writeFile(join(folder, "daemon.lock"), `${process.pid} ${await processStartTicks(process.pid)}\n`);
  const held = await nominald(save);
  assert.equal(held.code, 5);
  assert.match(held.stderr, new RegExp(`camera-in-use: .*daemon with pid ${process.pid} holds them`));
});

test("the list names what was found and what was not looked for", async () => {
  const { code, stdout } = await nominald(["capture", "list"], { PATH: "/nowhere" });
  assert.equal(code, 0);
  assert.match(stdout, /V4L2 device|--source v4l2 --device \/dev\/video/);
  assert.match(stdout, /GenICam cameras were not looked for: arv-tool is not installed/);
  assert.match(stdout, /IP cameras \(rtsp\) and CSI cameras \(csi\) do not announce themselves/);
});
