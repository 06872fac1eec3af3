import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { builtInModelsFolder, listBackbones } from "../../src/backbone/find.ts";
import { readBank } from "../../src/bank/bundle-read.ts";
import { writeBank } from "../../src/bank/bundle-write.ts";
import { sampleDraft } from "../bank/sample-bank.ts";
import { temporaryFolder } from "../capture/pictures.ts";
import { smallTmpfs } from "../support/small-tmpfs.ts";
import { ANY_VERDICTS, TestLine } from "../support/test-line.ts";
import { startRtspCamera } from "../support/rtsp-camera.ts";
import { examine, expectLine, lineOf } from "./examine.ts";

/** A bank of three rows whose backbone nobody has; darker than 20, more than a quarter white, or sharpness below 0.01 is invalid. */
async function smallBank(t: TestContext): Promise<string> {
  const path = join(await temporaryFolder(t), "small.bank");
  await writeBank(path, sampleDraft());
  return path;
}

test("a missing bank, a damaged one and one without its backbone are told apart", async (t) => {
  const bank = await smallBank(t);
  const missing = await examine(t, ["bank"], { station: { bank: `${bank}.none` } });
  expectLine(missing, "bank", "fail", /there is no such file/, /nominald fit/);
  expectLine(missing, "inference", "ok", /onnxruntime \d+/);

  const strange = await examine(t, ["bank"], { station: { bank } });
  expectLine(strange, "bank", "ok", /is washer-[0-9a-f]{8} \(washer\), 3 rows of 2, digests right/);
  expectLine(strange, "backbone", "fail", /Expected backbone efficientnet-lite0 with SHA-256 abab/, /modelsFolders/);

  const [shipped] = await listBackbones([builtInModelsFolder()]);
  assert.ok(shipped !== undefined && "manifest" in shipped);
  const draft = sampleDraft();
  const backbone = { name: shipped.manifest.name, sha256: shipped.manifest.sha256 };
  await writeBank(`${bank}.other`, { ...draft, manifest: { ...draft.manifest, backbone } });
  const unfit = await examine(t, ["bank"], { station: { bank: `${bank}.other` } });
  expectLine(unfit, "backbone", "ok", /as the bank wants/);
  expectLine(unfit, "load", "fail", /embeddings of 2 dimensions for the bank but backbone/, /nominald fit/);

  const bytes = await readFile(bank);
  const at = bytes.indexOf(Buffer.from(Float32Array.of(5, 6).buffer));
  assert.ok(at > 0, "the last row of the bank lies in the file as it is");
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at);
  await writeFile(`${bank}.bad`, bytes);
  const damaged = await examine(t, ["bank"], { station: { bank: `${bank}.bad` } });
  expectLine(damaged, "bank", "fail", /SHA-256|digest/i, /copy the bank again/);
});

test("frames that are dark, overexposed or blurred for the station's bank are fails, each with its own remedy", async (t) => {
  const bank = await smallBank(t);
  for (const [pattern, found, remedy] of [
    ["black", /frame-dark, expected a brightness of at least 20 but received/, /light/],
    ["white", /frame-saturated, expected at most 0\.25 of the pixels overexposed but received 1$/, /exposure/],
    ["gradient", /frame-blurred, expected a sharpness of at least 0\.01 but received/, /focus/],
  ] as const) {
    const findings = await examine(t, ["camera"], { station: { bank }, camera: { pattern, framerate: 60 } });
    expectLine(findings, "frame", "fail", found, remedy);
  }
  const outside = await examine(t, ["camera"], {
    station: { bank, region: { x: 300, y: 0, width: 32, height: 32 } },
    camera: { width: null, framerate: 60 },
  });
  // 300 + 32 = 332 of the 320 columns that videotestsrc makes by itself.
  expectLine(outside, "frame", "fail", /region/, /set region/);
});

test("what a camera offers, its rate and its latency are measured", async (t) => {
  const camera = { pattern: "ball", width: 64, height: 48, framerate: 20 };
  const findings = await examine(t, ["camera"], { station: { mode: "triggered" }, camera });
  expectLine(findings, "gstreamer", "ok", /GStreamer 1\.\d+\.\d+ has videotestsrc, videoconvert, appsink/);
  expectLine(findings, "camera", "ok", /test source ball delivers 64 × 48/);
  expectLine(findings, "caps", "ok", /it offers video\/x-raw, format=/);
  assert.match(lineOf(findings, "rate").found, /^\d+\.\d frames\/s over \d+ frames/);
  // No frame arrives in no time, and 0 ms are configured.
  expectLine(
    findings,
    "latency",
    "warn",
    /longest.* from the source's time stamp/,
    /camera\.captureLatencyMs to \d+ plus/,
  );

  const known = { ...camera, captureLatencyMs: 60_000 };
  const well = await examine(t, ["camera"], { station: { mode: "triggered" }, camera: known });
  expectLine(well, "latency", "ok", /\(median\)/);
});

test("a rate that the camera does not reach is a warning", async (t) => {
  // 1,000 pictures of 6 MB a second are beyond what a machine converts.
  const camera = { width: 1_920, height: 1_080, framerate: 1_000 };
  const findings = await examine(t, ["camera"], { camera });
  expectLine(findings, "rate", "warn", /of 1000 configured/, /exposure/);
});

test("a camera that is not there, one that refuses the login and one of another size are fails", async (t) => {
  const none = await examine(t, ["camera"], { camera: { source: "v4l2", device: "/dev/video99" } });
  expectLine(none, "gstreamer", "ok", /v4l2src/);
  expectLine(none, "camera", "fail", /camera \/dev\/video99/, /power, cable and address/);

  const stream = await startRtspCamera(t, { username: "viewer", password: "right" });
  const passwordFile = join(await temporaryFolder(t), "password");
  await writeFile(passwordFile, "wrong");
  const rtsp = { source: "rtsp", url: stream.url, username: "viewer", passwordFile, width: 320, height: 240 };
  const refused = await examine(t, ["camera"], { camera: rtsp });
  expectLine(refused, "camera", "fail", /to take the login/, /camera\.passwordFile/);

  await writeFile(passwordFile, "right");
  const other = await examine(t, ["camera"], { camera: { ...rtsp, width: 640, height: null } });
  expectLine(other, "camera", "fail", /to give width=640/, /camera\.width/);

  const lost = await examine(t, ["camera"], { camera: { ...rtsp, passwordFile: `${passwordFile}.none` } });
  expectLine(lost, "camera", "fail", /camera\.passwordFile/, /create the file/);
});

test("slots that shared memory has no room for are a fail of the camera", async (t) => {
  const sharedMemoryFolder = await smallTmpfs(t, "size=1m");
  if (sharedMemoryFolder === null) return;
  // Four slots of 640 × 480 × 3 bytes are 3,686,400 bytes.
  const camera = { width: 640, height: 480 };
  const findings = await examine(t, ["camera"], { device: { sharedMemoryFolder }, camera });
  expectLine(findings, "camera", "fail", /room for 3686400 bytes/, /sharedMemoryFolder larger/);
});

test("an element that only a person's own pipeline names is looked for too", async (t) => {
  const camera = { source: "pipeline", pipeline: "nosuchsrc ! appsink name=sink", width: null, height: null };
  const findings = await examine(t, ["camera"], { camera });
  expectLine(findings, "gstreamer", "fail", /GStreamer has no nosuchsrc/, /the package that holds nosuchsrc/);
  assert.ok(!findings.some(({ check }) => check === "camera"));
});

test("a bank's golden frames are scored as at a push, and each limit that they break, or another provider, is told", async (t) => {
  const line = await TestLine.prepare(ANY_VERDICTS);
  t.after(() => line.dispose());
  const look = (bank: string, device: object = {}) =>
    examine(t, ["bank"], { station: { bank, deadlineMs: 60_000 }, device });
  const sound = await look(line.bank);
  expectLine(sound, "gate", "ok", /^\d+ golden frames come out right, drift 0\.\d+ % of the threshold, median \d+ ms$/);
  expectLine(sound, "load", "ok", /the bank loads/);

  const memory = await look(line.bank, { delivery: { maxMemoryMebibytes: 64 } });
  expectLine(memory, "gate", "fail", /the process takes \d+ MiB, at most 64 \[/, /maxMemoryMebibytes/);
  expectLine(memory, "load", "ok", /the bank loads/);

  const inference = { provider: "cuda", startTimeoutMs: 120_000 };
  const refused = await look(line.bank, { inference });
  expectLine(refused, "provider", "fail", /provider cuda to run the backbone/, /inference\.provider to cpu/);
  const standsIn = await look(line.bank, { inference: { ...inference, allowCpuFallback: true } });
  expectLine(standsIn, "provider", "warn", /ONNX Runtime uses cpu, cuda is configured/, /inference\.provider to cpu/);

  const bank = await readBank(line.bank);
  const { golden, calibration } = bank.manifest;
  assert.ok(golden !== null);
  const frames = golden.frames.map((frame) => ({ ...frame, score: frame.score + calibration.threshold / 10 }));
  const drifted = `${line.bank}.drifted`;
  await writeBank(drifted, { ...bank, manifest: { ...bank.manifest, golden: { ...golden, frames } } });
  expectLine(
    await look(drifted),
    "gate",
    "fail",
    /scores drift by 10\.00 % of the threshold, at most 5\.00 % \[/,
    /fit the bank/,
  );

  const bare = `${line.bank}.bare`;
  await writeBank(bare, { ...bank, golden: null, manifest: { ...bank.manifest, golden: null } });
  expectLine(await look(bare), "gate", "warn", /has no golden frames/, /nominald fit/);
});
