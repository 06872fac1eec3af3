import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { builtInModelsFolder, findBackbone } from "../../src/backbone/find.ts";
import { readBank } from "../../src/bank/bundle-read.ts";
import { FrameScorer } from "../../src/inference/frame-scorer.ts";
import { InferenceClient, type InferenceClientOptions } from "../../src/inference/inference-client.ts";
import type { LoadBank } from "../../src/inference/protocol.ts";
import type { FrameReference, RawImage } from "../../src/shared/image.ts";
import { silentLogger } from "../../src/shared/logger.ts";
import { residentOf } from "../support/resident-memory.ts";
import { ANY_VERDICTS, TestLine } from "../support/test-line.ts";
import { isAlive, until } from "../support/until.ts";
import { partImage, slotFrame } from "./slot-frames.ts";

let line: TestLine;
let image: RawImage;
let frame: FrameReference;

before(async () => {
  line = await TestLine.prepare(ANY_VERDICTS);
  const slots = join(line.folder, "slots");
  await mkdir(slots);
  image = await partImage(7);
  frame = await slotFrame(slots, 0, image);
});
after(() => line.dispose());

const SETTINGS = { threads: 1, spinning: false, provider: "cpu" } as const;
const STATION = "line1/st1";

function makeClient(t: TestContext, changes: Partial<InferenceClientOptions> = {}) {
  const lost: Error[] = [];
  const client = new InferenceClient({
    settings: SETTINGS,
    startTimeoutMs: 60_000,
    frameTimeoutMs: 60_000,
    logger: silentLogger,
    onLost: (error) => lost.push(error),
    ...changes,
  });
  t.after(() => client.close());
  return { client, lost };
}

const load = (): LoadBank => ({
  station: STATION,
  bankPath: line.bank,
  modelsFolders: [],
  index: "exact",
  validity: { check: false, minBrightness: null, maxSaturated: null, minSharpness: null },
  pictures: { mask: true, overlay: true, overlayFormat: "jpeg", overlayQuality: 80, size: 64 },
});

async function readyClient(t: TestContext, changes: Partial<InferenceClientOptions> = {}) {
  const made = makeClient(t, changes);
  await made.client.start();
  await made.client.loadBank(load());
  return made;
}

test("a real inference process tells what it loaded, and scores a frame as the same code does here", async (t) => {
  const { client, lost } = makeClient(t);
  assert.deepEqual(client.versions, {});
  await client.start();
  const installed = new URL("../../node_modules/onnxruntime-node/package.json", import.meta.url);
  const { version } = JSON.parse(await readFile(installed, "utf8")) as { version: string };
  assert.equal(client.versions["onnxruntime"], version);

  const summary = await client.loadBank(load());
  const bank = await readBank(line.bank);
  assert.equal(summary.bankId, bank.bankId);
  assert.deepEqual([summary.rows, summary.index, summary.provider], [bank.manifest.rows, "exact", "cpu"]);

  const backbone = await findBackbone([builtInModelsFolder()], bank.manifest.backbone);
  const here = await FrameScorer.create(bank, backbone, SETTINGS, { index: "exact" });
  t.after(() => here.close());
  const expected = await here.score(image);

  const { scored, pictures } = client.score(STATION, frame, null, true);
  const { score, threshold, bankId, startedAtMs, finishedAtMs } = await scored;
  assert.deepEqual([score, threshold, bankId], [expected.score, expected.threshold, bank.bankId]);
  assert.ok(finishedAtMs >= startedAtMs);
  const { mask, overlay } = (await pictures) ?? {};
  for (const picture of [mask, overlay]) {
    assert.ok(picture !== undefined);
    assert.equal(createHash("sha256").update(picture.data).digest("hex"), picture.sha256);
  }
  assert.deepEqual(lost, []);
});

test("all threads of the process share one arena of the allocator, so that none keeps what another could use", async (t) => {
  const { client } = await readyClient(t);
  for (let i = 0; i < 3; i++) {
    const { scored, pictures } = client.score(STATION, frame, null, true);
    await scored;
    assert.ok((await pictures) !== null);
  }
  const resident = await residentOf(client.pid ?? 0);
  assert.ok(resident !== null && resident.mainArena > 1, JSON.stringify(resident));
  // Without the setting there are sixteen by now, on two processors.
  assert.equal(resident.threadArenaCount, 0, JSON.stringify(resident));
});

test("a bank that is not there is an answer, and the process lives on", async (t) => {
  const { client, lost } = await readyClient(t);
  const none = { ...load(), bankPath: join(line.folder, "none.bank") };
  await assert.rejects(client.loadBank(none), { code: "bank-missing", faultClass: "input", message: /none\.bank/ });
  await client.score(STATION, frame, null, false).scored;
  assert.deepEqual(lost, []);
});

test("when the process is killed in the middle of its work every open request is rejected, and the loss is told once", async (t) => {
  const { client, lost } = await readyClient(t);
  const stations = Array.from({ length: 20 }, (_, i) => `line1/st${i}`);
  for (const station of stations) await client.loadBank({ ...load(), station });
  const requests = stations.map((station) => client.score(station, frame, null, true));
  const outcomes = Promise.allSettled(requests.map(({ scored }) => scored));
  // The first answer is there: the process is at work on one of the others.
  await requests[0]?.scored;
  process.kill(client.pid ?? 0, "SIGKILL");
  const settled = await outcomes;
  const rejected = settled.flatMap((one) => (one.status === "rejected" ? [one.reason as { code: string }] : []));
  assert.ok(rejected.length > 0);
  assert.ok(rejected.every(({ code }) => code === "inference-lost"));
  for (const { pictures } of requests) await pictures;
  await until("the loss", () => lost.length > 0);
  await client.close();
  assert.equal(lost.length, 1);
  assert.match(lost[0]?.message ?? "", /SIGKILL/);

  const next = await readyClient(t);
  assert.ok((await next.client.score(STATION, frame, null, false).scored).score > 0);
});

test("a process that hangs in a frame is killed at the frame's deadline", async (t) => {
  const { client, lost } = await readyClient(t, { frameTimeoutMs: 300 });
  const pid = client.pid ?? 0;
  process.kill(pid, "SIGSTOP");
  const { scored, pictures } = client.score(STATION, frame, null, true);
  await assert.rejects(scored, { code: "request-deadline", message: /score of frame 1 within 300 ms/ });
  assert.equal(await pictures, null);
  assert.equal(client.gone, true);
  // Nobody waits for a deadline of a process that is gone.
  await assert.rejects(client.score(STATION, frame, null, false).scored, { code: "inference-lost" });
  await until("the loss", () => lost.length > 0);
  assert.match(lost[0]?.message ?? "", /no answer to score of frame 1 in time/);
  assert.equal(await isAlive(pid), false);
});

test("a process that does not come up in time is killed", async (t) => {
  const { client } = makeClient(t, { startTimeoutMs: 1 });
  await assert.rejects(client.start(), { code: "request-deadline", message: /start of inference within 1 ms/ });
  const pid = client.pid ?? 0;
  await until("its end", async () => !(await isAlive(pid)));
});

test("close rejects what is open, ends even a stopped process, and is no loss", async (t) => {
  const { client, lost } = await readyClient(t);
  const pid = client.pid ?? 0;
  process.kill(pid, "SIGSTOP");
  const { scored, pictures } = client.score(STATION, frame, null, true);
  const rejection = assert.rejects(scored, { code: "inference-closed" });
  await client.close();
  await rejection;
  assert.equal(await pictures, null);
  assert.equal(await isAlive(pid), false);
  assert.deepEqual(lost, []);
});

test("an idle process that is stopped is found, killed and told, though nothing is asked of it", async (t) => {
  const { client, lost } = await readyClient(t, { idle: { everyMs: 50, answerMs: 2_000 } });
  const pid = client.pid ?? 0;
  process.kill(pid, "SIGSTOP");
  await until("the loss", () => lost.length > 0);
  assert.match(lost[0]?.message ?? "", /no answer to a sign of life in time/);
  assert.equal(await isAlive(pid), false);
});

test("an idle process that lives, and one that is at work, are left alone", async (t) => {
  const { client, lost } = await readyClient(t, { idle: { everyMs: 10, answerMs: 20_000 } });
  await sleep(500);
  for (let i = 0; i < 20; i += 1) await client.score(STATION, frame, null, false).scored;
  await sleep(500);
  assert.deepEqual(lost, []);
});
