import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { CaptureClient } from "../../src/capture/capture-client.ts";
import { parseConfig } from "../../src/config/load-config.ts";
import { Admission, type AdmissionPolicy } from "../../src/daemon/admission.ts";
import { PartRecords } from "../../src/daemon/part-records.ts";
import { StationFrames } from "../../src/daemon/station-frames.ts";
import { StationInference } from "../../src/daemon/station-inference.ts";
import type { InferenceClient } from "../../src/inference/inference-client.ts";
import type { BankSummary, LoadBank, Scored } from "../../src/inference/protocol.ts";
import { DeviceError, InputError } from "../../src/shared/errors.ts";
import type { FrameReference } from "../../src/shared/image.ts";
import { silentLogger } from "../../src/shared/logger.ts";

const DEADLINE_MS = 100;
const SUMMARY: BankSummary = {
  ...{ bankId: "washer-1a2b3c4d", rows: 100, dims: 152, backbone: "tiny", threshold: 2, maskThreshold: 1.5 },
  ...{ index: "exact", provider: "cpu", warmUpMs: 1, frameMs: 1, fallback: null, gate: null },
};
const FRAME = {
  slot: 0,
  path: "/0.raw",
  seq: 1,
  width: 4,
  height: 4,
  format: "RGB",
  capturedAtMs: 0,
} as FrameReference;

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A station's inference without a process: a test says what becomes of each load and of each frame. */
function inferenceOf(policy: AdmissionPolicy = "refuse") {
  const station = {
    line: "line1",
    name: "st1",
    mode: "camera",
    deadlineMs: DEADLINE_MS,
    bank: "none.bank",
    camera: { source: "test" },
  };
  const document = { site: "test", device: "bench", stateFolder: "/nowhere", stations: [station] };
  const { config: device } = parseConfig(JSON.stringify(document), "config.json", {});
  const [own] = device.stations;
  assert.ok(own !== undefined);
  const told: string[] = [];
  const said = (): string[] => told.splice(0);
  let load = (): Promise<BankSummary> => Promise.resolve(SUMMARY);
  let score = (): Promise<Scored> => new Promise(() => undefined);
  const clientOf = (): InferenceClient =>
    ({
      ...{ versions: { onnxruntime: "1.30.0" }, gone: false },
      adjustBank: ({ threshold = 2 }: LoadBank) => Promise.resolve({ ...SUMMARY, threshold }),
      score: () => ({ scored: score(), pictures: Promise.resolve(null), shadow: Promise.resolve(null) }),
    }) as unknown as InferenceClient;
  const frames = new StationFrames();
  const frameId = frames.take(FRAME, { release: () => true } as unknown as CaptureClient);
  const inference = new StationInference({
    ...{ config: () => ({ device, station: own }), frames, logger: silentLogger },
    admission: new Admission({
      ...{ order: () => ["line1/st1"], policy: () => policy, processOf: () => 0, logger: silentLogger },
    }),
    loadBank: () => load(),
    shadow: { request: () => null, asked: () => assert.fail("Expected no candidate to be asked") },
    records: new PartRecords(() => Promise.resolve()),
    faults: { set: (reason, detail) => told.push(`fault ${reason}: ${detail}`) },
    handle: (event) => {
      const { type, ...fields } = event;
      told.push([type, ...Object.values(fields).map(String)].join(" "));
    },
    report: {
      inferenceUp: ({ onnxruntime = "" }) => told.push(`report: ${onnxruntime}`),
      inferenceDown: ({ message }) => told.push(`report: ${message}`),
      bankReady: ({ threshold }) => told.push(`report: threshold ${threshold}`),
      bankFailed: ({ message }) => told.push(`report: ${message}`),
      admission: ({ verdict }) => told.push(`report: ${verdict}`),
      publishState: () => undefined,
    },
    onKnown: () => told.push("known"),
  });
  return {
    ...{ inference, clientOf, said, frameId },
    loads: (next: () => Promise<BankSummary>) => void (load = next),
    scores: (next: () => Promise<Scored>) => void (score = next),
  };
}

/** One with its bank at work. */
async function readyInference() {
  const rig = inferenceOf();
  const client = rig.clientOf();
  rig.inference.inferenceUp(client);
  await settled();
  rig.said();
  return { ...rig, client };
}

test("a bank that is loaded is admitted before the machine is told that frames can be scored", async () => {
  const { inference, clientOf, said } = inferenceOf();
  inference.inferenceUp(clientOf());
  assert.deepEqual([inference.bankVitals, said()], [{ active: false, loads: 0 }, ["report: 1.30.0"]]);
  await settled();
  assert.deepEqual(said(), [
    "report: threshold 2",
    "provider false",
    "report: admitted",
    "booked false",
    "bank-ready washer-1a2b3c4d",
    "inference-ready",
    "known",
  ]);
  assert.deepEqual(inference.bankVitals, { active: true, loads: 1 });
});

test("a bank whose frames take longer than the deadline is refused or overbooked, as the policy says", async () => {
  for (const [policy, expected] of [
    ["refuse", ["report: refused", "booked false", "bank-unready admission-refused"]],
    ["warn", ["report: overbooked", "booked true", "bank-ready washer-1a2b3c4d"]],
  ] as const) {
    const { inference, clientOf, said, loads } = inferenceOf(policy);
    loads(() => Promise.resolve({ ...SUMMARY, frameMs: DEADLINE_MS + 1 }));
    inference.inferenceUp(clientOf());
    await settled();
    assert.deepEqual(said().slice(3, 6), expected, policy);
  }
});

test("a bank that does not load has its reason, is tried again, and the process is ready all the same", async (t: TestContext) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { inference, clientOf, said, loads } = inferenceOf();
  loads(() => Promise.reject(new InputError("gate-refused", "scores drift")));
  inference.inferenceUp(clientOf());
  await settled();
  const refused = ["bank-unready self-test-failed", "inference-ready", "known"];
  assert.deepEqual(said(), ["report: 1.30.0", "report: scores drift", ...refused]);
  loads(() => Promise.reject(new InputError("bank-missing", "no such file")));
  t.mock.timers.tick(30_000);
  await settled();
  assert.deepEqual(said(), ["report: no such file", "bank-unready no-bank", "inference-ready", "known"]);
  assert.deepEqual(inference.bankVitals, { active: false, loads: 0 });
  loads(() => Promise.resolve(SUMMARY));
  t.mock.timers.tick(30_000);
  await settled();
  assert.ok(said().includes("bank-ready washer-1a2b3c4d"));
  assert.deepEqual(inference.bankVitals, { active: true, loads: 1 });
});

test("two loads that fail are tried again once, and a station that has ended tries nothing", async (t: TestContext) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { inference, clientOf, loads } = inferenceOf();
  let tries = 0;
  const fails = (): Promise<never> => {
    tries++;
    return Promise.reject(new InputError("bank-missing", "no such file"));
  };
  loads(fails);
  inference.inferenceUp(clientOf());
  void inference.reloadBank();
  await settled();
  assert.equal(tries, 2);
  t.mock.timers.tick(30_000);
  await settled();
  assert.equal(tries, 3);
  // One of two that loads is enough.
  void inference.reloadBank();
  loads(() => Promise.resolve(SUMMARY));
  void inference.reloadBank();
  await settled();
  t.mock.timers.tick(30_000);
  await settled();
  assert.deepEqual([tries, inference.bankVitals], [4, { active: true, loads: 1 }]);
  loads(fails);
  void inference.reloadBank();
  void inference.reloadBank();
  await settled();
  inference.close();
  t.mock.timers.tick(30_000);
  await settled();
  assert.equal(tries, 6);
});

test("a process that is lost takes the bank with it; what its load comes to is nobody's news", async () => {
  const { inference, said, clientOf, loads } = await readyInference();
  let end: (summary: BankSummary) => void = () => undefined;
  loads(() => new Promise((resolve) => (end = resolve)));
  void inference.reloadBank();
  inference.inferenceDown(new Error("SIGKILL"));
  assert.deepEqual(said(), ["report: SIGKILL", "inference-lost", "known"]);
  assert.deepEqual([inference.bankVitals, inference.client], [{ active: false, loads: 1 }, undefined]);
  end(SUMMARY);
  await settled();
  assert.deepEqual(said(), []);
  loads(() => Promise.resolve(SUMMARY));
  const next = clientOf();
  inference.inferenceUp(next);
  await settled();
  assert.deepEqual([inference.bankVitals, inference.client], [{ active: true, loads: 2 }, next]);
});

test("a process that restarts do not help is a fault that stops nothing, until it lives on", () => {
  const { inference, said } = inferenceOf();
  inference.inferenceUnsteady("tried again each 30 s");
  inference.inferenceUnsteady(null);
  assert.deepEqual(said(), ["fault inference-unsteady: tried again each 30 s", "fault inference-unsteady: null"]);
});

test("other thresholds are taken by the bank as it is; another bank is loaded; the budget is asked for anew each time", async () => {
  const { inference, said } = await readyInference();
  const judged = ["report: admitted", "booked false", "bank-ready washer-1a2b3c4d"];
  inference.reconfigure(new Set(["scoring"]));
  await settled();
  assert.deepEqual(said(), [...judged, "report: threshold 2"]);
  assert.equal(inference.bankVitals.loads, 1);
  inference.reconfigure(new Set(["scoring", "bank"]));
  await settled();
  assert.deepEqual(said().slice(0, 4), [...judged, "report: threshold 2"]);
  assert.equal(inference.bankVitals.loads, 2);
  inference.reconfigure(new Set(["admission"]));
  await settled();
  assert.deepEqual(said(), judged);
});

test("a frame's score, and why it has none, come to the machine; a lost process decides all at once", async () => {
  const { inference, said, scores, frameId } = await readyInference();
  const stages = { read: 0, resize: 0, backbone: 0, search: 0, score: 0 };
  const scored = { score: 1, threshold: 2, bankId: SUMMARY.bankId, startedAtMs: 5, finishedAtMs: 9, stages };
  scores(() => Promise.resolve(scored));
  inference.request(frameId, 1_000);
  await settled();
  assert.deepEqual(said(), [`scored ${frameId} 1 2 washer-1a2b3c4d`]);
  scores(() => Promise.reject(new InputError("frame-dark", "Expected a brightness")));
  inference.request(frameId, 1_000);
  await settled();
  assert.deepEqual(said(), [`score-failed ${frameId} frame-dark`]);
  let fail: (error: Error) => void = () => undefined;
  scores(() => new Promise((_resolve, reject) => (fail = reject)));
  inference.request(frameId, 1_000);
  inference.inferenceDown(new Error("SIGKILL"));
  fail(new DeviceError("inference-lost", "SIGKILL"));
  await settled();
  assert.deepEqual(said(), ["report: SIGKILL", "inference-lost", "known"]);
  inference.request(frameId, 1_000);
  assert.deepEqual(said(), [], "the machine is through with its event first");
  await settled();
  assert.deepEqual(said(), [`score-failed ${frameId} inference-lost`]);
});

test("a station that ends is told of no bank any more", async () => {
  const { inference, said } = await readyInference();
  inference.close();
  inference.reconfigure(new Set(["admission", "bank"]));
  await settled();
  assert.deepEqual(said(), []);
});
