import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, test, type TestContext } from "node:test";
import type { StandingFault } from "../../src/daemon/fault-board.ts";
import type { FinishedPart } from "../../src/daemon/part-records.ts";
import { StationReport } from "../../src/daemon/station-report.ts";
import type { BankSummary, Picture, Scored } from "../../src/inference/protocol.ts";
import { unobserved } from "../../src/metrics/station-observer.ts";
import { systemClock } from "../../src/shared/system-clock.ts";
import type { Fault } from "../../src/station/events.ts";
import { StationMachine } from "../../src/station/machine.ts";
import { outcome } from "../mqtt/fixtures.ts";
import { LineClient } from "../support/line-client.ts";
import { startMosquitto, type Mosquitto } from "../support/mosquitto.ts";
import { ANY_VERDICTS, TestLine } from "../support/test-line.ts";
import { until } from "../support/until.ts";
import { BOOT, stationParts } from "./station-rig.ts";

let line: TestLine;
let broker: Mosquitto;
before(async () => {
  line = await TestLine.prepare(ANY_VERDICTS);
  broker = await startMosquitto();
});
after(async () => {
  await broker.dispose();
  await line.dispose();
});

const SUMMARY: BankSummary = {
  bankId: "washer-1a2b3c4d",
  rows: 100,
  dims: 152,
  backbone: "efficientnet-lite0",
  threshold: 2,
  maskThreshold: 1.5,
  index: "exact",
  provider: "cpu",
  warmUpMs: 1,
  frameMs: 1,
  fallback: null,
  gate: null,
};
const HEALTH = {
  faults: [],
  host: { memory: null, disk: null, temperature: null, throttle: null, clockSync: "unknown", faults: {} } as const,
  runs: { unclean: 2, lastUncleanAt: "2026-01-02T03:04:05.000Z" },
};
const CAMERA = { source: "test", state: "playing", launch: "videotestsrc ! appsink", restarts: 3 } as const;
const STAGES = { read: 1, resize: 2, backbone: 3, search: 4, score: 0.1 };

function scored(atMs: number): Scored {
  return { score: 1, threshold: 2, bankId: SUMMARY.bankId, startedAtMs: atMs, finishedAtMs: atMs + 5, stages: STAGES };
}

function picture(contentType: Picture["contentType"], byte: number): Picture {
  const data = new Uint8Array(100).fill(byte);
  return { contentType, data, sha256: createHash("sha256").update(data).digest("hex") };
}

/** A report on a real session that is connected to the broker, and a client that hears it. */
async function startReport(t: TestContext) {
  const camera = { source: "test", pattern: "ball" };
  const { device, station, session, log, database } = stationParts(line, { broker: broker.url, camera });
  // Ahead of the true time by what the test adds.
  let aheadMs = 0;
  const shown: StandingFault[] = [];
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + aheadMs };
  const now = { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
  const report = new StationReport({
    device,
    station: () => station,
    boot: BOOT,
    view: {
      versions: { nominald: "1.2.3" },
      clockSync: () => "unsynchronised",
      storage: () => database.status(),
      pushes: () => ({ allowUnsigned: false, trustedKeys: 0, problem: null }),
      eventLoop: () => ({ p50Ms: 0, p99Ms: 0, maxMs: 0 }),
      health: HEALTH,
    },
    clock,
    logger: log,
    session,
    camera: () => CAMERA,
    machine: new StationMachine({ mode: "camera", deadlineMs: 1_000, maxPending: 1, commissioning: false }, now),
    observer: unobserved,
    standing: () => shown,
  });
  const client = await LineClient.connect(broker.url);
  await database.open();
  session.start();
  t.after(async () => {
    await session.close();
    await database.close();
    await client.close();
    await broker.stop();
    await broker.start();
  });
  await until("the connection", () => client.texts("status").includes("1"));
  return { report, client, log, shown, ahead: (ms: number) => (aheadMs += ms) };
}

test("a part's record joins outcome, score, pictures, times and the clock's state, after its result", async (t) => {
  const { report, client } = await startReport(t);
  const mask = picture("image/png", 1);
  const overlay = picture("image/jpeg", 2);
  const part: FinishedPart = {
    // Decided 50 ms after the capture; scored from 10 to 15 ms after it.
    outcome: outcome(1, { capturedAtMs: 1_000, decidedAtMs: 1_050, decidedAtWallMs: 1_700_000_000_050 }),
    scored: scored(1_010),
    pictures: { mask, overlay, mapMs: 6, encodeMs: 7 },
    late: false,
  };
  report.outcome(part.outcome);
  // A disk that takes its time would leave the record without the time of publication, and the pictures before it.
  await until("the result", () => client.results().length === 1);
  await report.part(part);
  await until("the record", () => client.records().length === 1);
  await until("the overlay", () => client.payloads("image/overlay").length === 1);
  assert.deepEqual(client.payloads("image/mask"), [Buffer.from(mask.data)]);
  const [record] = client.records();
  assert.ok(record !== undefined);
  const { times } = record;
  assert.ok(times.publish !== null && times.publish > 1_700_000_000_050);
  assert.deepEqual(
    { ...times, publish: 0 },
    {
      trigger: null,
      capture: 1_700_000_000_000,
      scoreStart: 1_700_000_000_010,
      scoreEnd: 1_700_000_000_015,
      decision: 1_700_000_000_050,
      publish: 0,
    },
  );
  assert.equal(record.clockSync, "unsynchronised");
  assert.deepEqual(record.stages, { ...STAGES, map: 6, encode: 7 });
  assert.deepEqual(record.images.mask, { sha256: mask.sha256, contentType: "image/png", bytes: 100 });
  assert.deepEqual(record.images.overlay, { sha256: overlay.sha256, contentType: "image/jpeg", bytes: 100 });
  assert.equal(record.lateScore, null);
  const topics = client.messages.map(({ topic }) => topic);
  assert.ok(topics.indexOf("plc/result") < topics.indexOf("inspection"));
  assert.deepEqual(client.texts("tag/verdict"), ["1"]);
});

test("a late score is told as such, and a part without a score has neither stages nor pictures", async (t) => {
  const { report, client } = await startReport(t);
  const late = { verdict: "NO_VERDICT", reason: "late", score: null, threshold: null } as const;
  for (const part of [
    { outcome: outcome(1, late), scored: scored(1_020), late: true },
    { outcome: outcome(2, late), late: false },
  ]) {
    report.outcome(part.outcome);
    await report.part(part);
  }
  await until("two records", () => client.records().length === 2);
  const [first, second] = client.records();
  assert.deepEqual([first?.lateScore, first?.score], [{ score: 1, threshold: 2 }, null]);
  assert.deepEqual(first?.stages, STAGES);
  assert.deepEqual([second?.lateScore, second?.stages], [null, null]);
  assert.deepEqual(second?.images, { mask: null, overlay: null });
  report.publishState();
  // Of the scored part pictures were wanted and did not come; the other one had no score to draw.
  await until("the count", () => client.states().at(-1)?.mqtt.picturesDropped === 1);
});

test("a record that is too large is lost and logged, its pictures leave, and the next part has its record", async (t) => {
  const { report, client, log } = await startReport(t);
  const pictures = { mask: picture("image/png", 1), mapMs: 0, encodeMs: 0 };
  const large = outcome(1, { bankId: "b".repeat(5_000) });
  report.outcome(large);
  await report.part({ outcome: large, scored: scored(1_010), pictures, late: false });
  report.outcome(outcome(2));
  await report.part({ outcome: outcome(2), late: false });
  await until("the next record", () => client.records().length > 0);
  await until("the mask", () => client.payloads("image/mask").length > 0);
  assert.deepEqual(
    client.records().map(({ seq }) => seq),
    [2],
  );
  assert.equal(client.results().length, 2);
  const [logged] = log.lines.filter(({ level }) => level === "error");
  assert.deepEqual([logged?.["code"], logged?.["seq"]], ["record-size", 1]);
});

test("a fault is logged once with its remedy and what was found, stands in the state, and its end is logged", async (t) => {
  const { report, client, log } = await startReport(t);
  const since = { monotonicMs: 0, wallMs: 1_700_000_000_000 };
  const camera: Fault = { reason: "camera-lost", since };
  report.cameraDown(new Error("somebody pulled the plug"));
  report.faultsChanged([camera]);
  report.faultsChanged([camera, { reason: "inference-lost", since }]);
  await until("both faults", () => client.states().at(-1)?.faults.length === 2);
  const [first, second] = client.states().at(-1)?.faults ?? [];
  assert.deepEqual(
    [first?.name, first?.code, first?.detail, first?.since],
    ["camera-lost", "0101", "somebody pulled the plug", "2023-11-14T22:13:20.000Z"],
  );
  assert.deepEqual([second?.name, second?.detail], ["inference-lost", undefined]);
  const errors = log.lines.filter(({ level }) => level === "error");
  assert.deepEqual(
    errors.map((one) => [one["fault"], one["detail"]]),
    [
      ["camera-lost", "somebody pulled the plug"],
      ["inference-lost", undefined],
    ],
  );
  assert.match(errors[0]?.msg ?? "", /delivers no frames\. Check power/);

  report.cameraPlaying({});
  report.faultsChanged([]);
  await until("no fault", () => client.states().at(-1)?.faults.length === 0);
  assert.deepEqual(
    log.lines.filter(({ msg }) => msg === "fault is over").map((one) => one["fault"]),
    ["camera-lost", "inference-lost"],
  );
});

test("the state names bank, camera and the versions of what every process loaded", async (t) => {
  const { report, client } = await startReport(t);
  report.inferenceUp({ onnxruntime: "1.30.0", sharp: "0.35.5" });
  report.cameraPlaying({ gstreamer: "1.22.0" });
  report.bankReady(SUMMARY);
  report.publishState();
  await until("the bank in the state", () => (client.states().at(-1)?.bank ?? null) !== null);
  const state = client.states().at(-1);
  assert.deepEqual(state?.versions, { nominald: "1.2.3", onnxruntime: "1.30.0", sharp: "0.35.5", gstreamer: "1.22.0" });
  assert.equal(state.bank?.id, SUMMARY.bankId);
  assert.equal(state.executionProvider, "cpu");
  assert.deepEqual(state.camera, CAMERA);
  assert.equal(client.texts("tag/bank").at(-1), SUMMARY.bankId);

  report.bankFailed(new Error("damaged"), "no-bank");
  report.publishState();
  await until("no bank in the state", () => client.states().at(-1)?.bank === null);
  assert.equal(client.states().at(-1)?.executionProvider, null);
  assert.notEqual(client.texts("tag/bank").at(-1), SUMMARY.bankId);
});

test("counters in the state are renewed by an outcome once they are 5 s old, and not by each", async (t) => {
  const { report, client, ahead } = await startReport(t);
  report.publishState();
  await until("the state", () => client.states().length === 1);
  ahead(4_000);
  report.outcome(outcome(1));
  await until("the result", () => client.results().length === 1);
  assert.equal(client.states().length, 1);
  ahead(1_001);
  report.outcome(outcome(2));
  await until("the state again", () => client.states().length === 2);
});
