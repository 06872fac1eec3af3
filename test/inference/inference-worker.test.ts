import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { InferenceWorker } from "../../src/inference/inference-worker.ts";
import type { FromInference, LoadBank, ShadowRequest } from "../../src/inference/protocol.ts";
import type { FrameReference } from "../../src/shared/image.ts";
import { ANY_VERDICTS, TestLine } from "../support/test-line.ts";
import { until } from "../support/until.ts";
import { partImage, slotFrame } from "./slot-frames.ts";

let line: TestLine;
let frames: FrameReference[] = [];

before(async () => {
  line = await TestLine.prepare(ANY_VERDICTS);
  const slots = join(line.folder, "slots");
  await mkdir(slots);
  frames = await Promise.all([1, 2, 3, 4, 5].map(async (seed, slot) => slotFrame(slots, slot, await partImage(seed))));
});
after(() => line.dispose());

const SETTINGS = { threads: 1, spinning: false, provider: "cpu" } as const;

function load(changes: Partial<LoadBank> = {}): LoadBank {
  return {
    station: "line1/st1",
    bankPath: line.bank,
    modelsFolders: [],
    index: "auto",
    validity: { check: false, minBrightness: null, maxSaturated: null, minSharpness: null },
    pictures: { mask: true, overlay: false, overlayFormat: "jpeg", overlayQuality: 80, size: 64 },
    ...changes,
  };
}

function startWorker() {
  const sent: FromInference[] = [];
  const worker = new InferenceWorker((message) => sent.push(message));
  /** The answer to a request, once it is there. */
  const answer = async (id: number): Promise<FromInference> => {
    await until(`an answer to ${id}`, () => sent.some((message) => message.id === id));
    const answers = sent.filter((message) => message.id === id);
    assert.equal(answers.length, 1);
    return answers[0] as FromInference;
  };
  return { worker, sent, answer };
}

async function startedWorker() {
  const started = startWorker();
  started.worker.handle({ type: "start", id: 1, settings: SETTINGS });
  started.worker.handle({ type: "load-bank", id: 2, load: load() });
  assert.equal((await started.answer(2)).type, "bank-loaded");
  return started;
}

const score = (
  id: number,
  picturesId: number | null,
  frame: FrameReference | undefined,
  {
    station = "line1/st1",
    deadlineAtMs = null,
    shadow = null,
  }: { station?: string; deadlineAtMs?: number | null; shadow?: ShadowRequest | null } = {},
) => {
  assert.ok(frame !== undefined);
  return { type: "score", id, picturesId, shadow, station, frame, deadlineAtMs } as const;
};

test("a bank before the start, and a frame of a station without a bank, are answered as mistakes of ours", async () => {
  const { worker, answer } = startWorker();
  worker.handle({ type: "load-bank", id: 1, load: load() });
  worker.handle(score(2, null, frames[0]));
  for (const [id, code] of [
    [1, "not-started"],
    [2, "no-bank"],
  ] as const) {
    const message = await answer(id);
    assert.ok(message.type === "failed");
    assert.deepEqual([message.error.code, message.error.faultClass], [code, "bug"]);
  }
});

test("verdicts of all stations come before any pictures, the earliest deadline first", async () => {
  const { worker, sent, answer } = await startedWorker();
  const stations = frames.map((_, i) => `line1/st${i + 1}`);
  for (const [i, station] of stations.entries()) {
    worker.handle({ type: "load-bank", id: 100 + i, load: load({ station }) });
    await answer(100 + i);
  }
  const before = sent.length;
  for (const [i, station] of stations.entries()) {
    worker.handle(score(10 + i, 20 + i, frames[i], { station, deadlineAtMs: 1e15 - i }));
  }
  for (const i of frames.keys()) await answer(20 + i);
  const order = sent.slice(before).map(({ type, id }) => `${type} ${id}`);
  const backwards = [4, 3, 2, 1, 0];
  assert.deepEqual(order, [...backwards.map((i) => `scored ${10 + i}`), ...backwards.map((i) => `pictures ${20 + i}`)]);
  const drawn = sent.flatMap((message) => (message.type === "pictures" ? [message.pictures] : []));
  assert.equal(drawn[4]?.mask?.contentType, "image/png");
  assert.equal(drawn[4]?.overlay, undefined);
});

test("pictures of each frame are answered once, drawn or dropped, and the newest are drawn", async () => {
  const { worker, sent, answer } = await startedWorker();
  for (const [i, frame] of frames.entries()) {
    worker.handle(score(10 + i, 20 + i, frame));
    // Two frames may wait; the next one comes when this one is scored, before its pictures are drawn.
    if (i % 2 === 1) await answer(10 + i);
  }
  for (const i of frames.keys()) await answer(20 + i);
  assert.ok(frames.every((_, i) => sent.some(({ type, id }) => type === "scored" && id === 10 + i)));
  const drawn = sent.flatMap((message) => (message.type === "pictures" ? [message] : []));
  assert.equal(drawn.length, frames.length);
  assert.ok(drawn.find(({ id }) => id === 24)?.pictures !== null);
});

test("a frame that cannot be read is answered once, its pictures with nothing, and the next is scored", async () => {
  const { worker, answer } = await startedWorker();
  const frame = frames[0] as FrameReference;
  worker.handle(score(10, 20, { ...frame, path: join(line.folder, "gone.raw") }));
  worker.handle(score(11, null, frame));
  const failed = await answer(10);
  assert.ok(failed.type === "failed");
  assert.equal(failed.error.code, "frame-unreadable");
  assert.deepEqual(await answer(20), { type: "pictures", id: 20, pictures: null });
  assert.equal((await answer(11)).type, "scored");
});

test("a frame that shows nothing is refused by the bank's limits, and by what the station set instead", async () => {
  const { worker, answer } = startWorker();
  worker.handle({ type: "start", id: 1, settings: SETTINGS });
  const validity = { check: true, minBrightness: null, maxSaturated: null, minSharpness: null };
  worker.handle({ type: "load-bank", id: 2, load: load({ validity }) });
  await answer(2);
  const slots = join(line.folder, "slots");
  const part = await partImage(1);
  const black = await slotFrame(slots, 6, { ...part, data: new Uint8Array(part.data.length) });
  worker.handle(score(3, null, black));
  worker.handle(score(4, null, frames[0]));
  const refused = await answer(3);
  assert.ok(refused.type === "failed");
  assert.equal(refused.error.code, "frame-dark");
  assert.match(refused.error.message, /^Expected a brightness of at least [0-9.]+ of the frame but received 0$/);
  assert.equal((await answer(4)).type, "scored");
  // A tenth of the light is enough where the station says so; then it is the pictures' sharpness that lacks.
  worker.handle({ type: "load-bank", id: 5, load: load({ validity: { ...validity, minBrightness: 0 } }) });
  await answer(5);
  worker.handle(score(6, null, black));
  const blurred = await answer(6);
  assert.equal(blurred.type === "failed" && blurred.error.code, "frame-blurred");
});

test("a bank that is loaded anew takes the place of the old one; one that does not load leaves the old one", async () => {
  const { worker, answer } = await startedWorker();
  const loaded = async (id: number, changes: Partial<LoadBank>): Promise<FromInference> => {
    worker.handle({ type: "load-bank", id, load: load(changes) });
    return answer(id);
  };
  const thresholdOf = async (id: number): Promise<number> => {
    worker.handle(score(id, null, frames[0]));
    const message = await answer(id);
    assert.ok(message.type === "scored");
    return message.scored.threshold;
  };
  const own = await thresholdOf(9);
  const message = await loaded(10, { threshold: 7, index: "hnsw" });
  assert.notEqual(own, 7);
  assert.equal(await thresholdOf(11), 7);
  assert.ok(message.type === "bank-loaded");
  assert.deepEqual([message.summary.threshold, message.summary.index], [7, "hnsw"]);
  const failed = await loaded(12, { bankPath: join(line.folder, "none.bank") });
  assert.equal(await thresholdOf(13), 7);
  assert.ok(failed.type === "failed");
  assert.deepEqual([failed.error.code, failed.error.faultClass], ["bank-missing", "input"]);
});

test("a region that does not lie in the frame fails the frame and not the process", async () => {
  const { worker, answer } = await startedWorker();
  const region = { x: 400, y: 400, width: 100, height: 100 };
  worker.handle({ type: "load-bank", id: 10, load: load({ region }) });
  await answer(10);
  worker.handle(score(11, null, frames[0]));
  const failed = await answer(11);
  assert.ok(failed.type === "failed");
  assert.match(failed.error.message, /400/);
});

test("a bank is adjusted between two frames: thresholds and frame limits change, the bank does not load again", async () => {
  const { worker, answer } = await startedWorker();
  const [frame] = frames;
  worker.handle(score(10, null, frame));
  await answer(10);
  worker.handle({ type: "adjust-bank", id: 11, load: load({ threshold: 77, bankPath: "/nowhere" }) });
  await answer(11);
  worker.handle(score(12, null, frame));
  await answer(12);
  const dark = { check: true, minBrightness: 255, maxSaturated: null, minSharpness: null };
  worker.handle({ type: "adjust-bank", id: 13, load: load({ validity: dark }) });
  await answer(13);
  worker.handle(score(14, null, frame));
  const [before, adjusted, after, refused] = [await answer(10), await answer(11), await answer(12), await answer(14)];
  assert.ok(before.type === "scored" && after.type === "scored" && adjusted.type === "bank-loaded");
  assert.deepEqual([after.scored.threshold, adjusted.summary.threshold], [77, 77]);
  assert.deepEqual([after.scored.score, after.scored.bankId], [before.scored.score, before.scored.bankId]);
  assert.ok(refused.type === "failed" && refused.error.code === "frame-dark");
  // Without a threshold it is the bank's again.
  const back = await answer(13);
  assert.ok(back.type === "bank-loaded" && back.summary.threshold === before.scored.threshold);
});

test("a station's frames are scored against the bank that it has while another one loads, and the others' too", async () => {
  const { worker, sent, answer } = await startedWorker();
  const [frame] = frames;
  worker.handle({ type: "load-bank", id: 10, load: load({ threshold: 7 }) });
  worker.handle(score(11, null, frame));
  const scored = await answer(11);
  assert.ok(scored.type === "scored");
  assert.notEqual(scored.scored.threshold, 7);
  await answer(10);
  const order = sent.map(({ id }) => id);
  assert.ok(order.indexOf(11) < order.indexOf(10));
});

test("a frame beyond the credits of its station is answered as an overrun, and so are its pictures", async () => {
  const { worker, answer } = await startedWorker();
  for (const id of [10, 11, 12]) worker.handle(score(id, id + 10, frames[0], { deadlineAtMs: 1e15 }));
  const refused = await answer(10);
  assert.ok(refused.type === "failed");
  assert.deepEqual([refused.error.code, refused.error.faultClass], ["score-overrun", "device"]);
  assert.match(refused.error.message, /line1\/st1/);
  assert.deepEqual(await answer(20), { type: "pictures", id: 20, pictures: null });
  assert.equal((await answer(11)).type, "scored");
  assert.equal((await answer(12)).type, "scored");
});

/** Looks at a part of the frame that no frame has, as a candidate for another camera would. */
const OUTSIDE = { x: 10_000, y: 0, width: 10, height: 10 };

test("a candidate scores the frames that it is asked about, after the verdict, and draws those of which it says otherwise", async () => {
  const { worker, sent, answer } = await startedWorker();
  const shadow = (id: number, wantsThumbnail = true): ShadowRequest => ({ id, wantsThumbnail });
  worker.handle(score(10, null, frames[0], { shadow: shadow(30) }));
  assert.deepEqual(await answer(30), { type: "shadow-scored", id: 30, scored: null }, "there is none");

  worker.handle({ type: "load-shadow", id: 11, load: load() });
  assert.equal((await answer(11)).type, "bank-loaded");
  worker.handle(score(12, null, frames[0], { shadow: shadow(32) }));
  const verdict = await answer(12);
  const same = await answer(32);
  assert.ok(verdict.type === "scored" && same.type === "shadow-scored" && same.scored !== null);
  // The same rows and the same frame: the same score to the bit, and nothing to be drawn.
  assert.equal(same.scored.score, verdict.scored.score);
  assert.equal(same.scored.thumbnail, null);

  // It fails what passes, or passes what fails, whatever the bank says.
  const threshold = verdict.scored.score > verdict.scored.threshold ? 1e9 : 1e-9;
  worker.handle({ type: "load-shadow", id: 13, load: load({ threshold }) });
  await answer(13);
  const before = sent.length;
  worker.handle(score(14, 24, frames[0], { shadow: shadow(34) }));
  const flip = await answer(34);
  assert.ok(flip.type === "shadow-scored" && flip.scored !== null);
  assert.deepEqual([flip.scored.threshold, flip.scored.thumbnail?.contentType], [threshold, "image/jpeg"]);
  const order = sent.slice(before).map(({ type }) => type);
  assert.deepEqual(order, ["scored", "pictures", "shadow-scored"]);
  const judged = await answer(14);
  assert.ok(judged.type === "scored");
  assert.deepEqual(
    [judged.scored.score, judged.scored.threshold],
    [verdict.scored.score, verdict.scored.threshold],
    "the bank's own verdict is as it was without a candidate",
  );
  worker.handle(score(15, null, frames[0], { shadow: shadow(35, false) }));
  const plain = await answer(35);
  assert.ok(plain.type === "shadow-scored" && plain.scored !== null && plain.scored.thumbnail === null);

  worker.handle({ type: "unload-shadow", id: 16, station: "line1/st1" });
  assert.equal((await answer(16)).type, "bank-unloaded");
  worker.handle(score(17, null, frames[0], { shadow: shadow(37) }));
  assert.deepEqual(await answer(37), { type: "shadow-scored", id: 37, scored: null });
  assert.equal((await answer(17)).type, "scored");
});

test("a candidate keeps the pixels of its frame while the next one is read", async () => {
  const { worker, answer } = await startedWorker();
  worker.handle({ type: "load-shadow", id: 9, load: load() });
  await answer(9);
  // Both frames are read before the candidate has its turn; of the second one it is not asked.
  worker.handle(score(10, null, frames[0], { shadow: { id: 30, wantsThumbnail: false } }));
  worker.handle(score(11, null, frames[1]));
  const [first, second, candidate] = [await answer(10), await answer(11), await answer(30)];
  assert.ok(first.type === "scored" && second.type === "scored" && candidate.type === "shadow-scored");
  assert.notEqual(first.scored.score, second.scored.score);
  assert.equal(candidate.scored?.score, first.scored.score);
});

test("a candidate that throws answers so, and the frame's verdict and the next frame's are there", async () => {
  const { worker, answer } = await startedWorker();
  worker.handle({ type: "load-shadow", id: 9, load: load({ region: OUTSIDE }) });
  await answer(9);
  for (const id of [10, 11]) {
    worker.handle(score(id, null, frames[0], { shadow: { id: id + 20, wantsThumbnail: true } }));
    assert.equal((await answer(id)).type, "scored");
    const failed = await answer(id + 20);
    assert.equal(failed.type === "failed" && failed.error.code, "region-outside");
  }
});

test("what the station sets differently from its bank holds for the candidate, too", async () => {
  const { worker, answer } = await startedWorker();
  worker.handle({ type: "load-shadow", id: 9, load: load() });
  await answer(9);
  worker.handle({ type: "adjust-bank", id: 10, load: load({ threshold: 7 }) });
  await answer(10);
  worker.handle(score(11, null, frames[0], { shadow: { id: 31, wantsThumbnail: false } }));
  const candidate = await answer(31);
  assert.ok(candidate.type === "shadow-scored");
  assert.equal(candidate.scored?.threshold, 7);
});

test("a candidate that does not load leaves the bank at work, and the one before it beside it", async () => {
  const { worker, answer } = await startedWorker();
  const gate = { largestDrift: 0.05, medianMs: 60_000, memoryBytes: 1 };
  worker.handle({ type: "load-shadow", id: 9, load: load({ gate }) });
  const refused = await answer(9);
  assert.equal(refused.type === "failed" && refused.error.code, "gate-refused");
  worker.handle(score(10, null, frames[0], { shadow: { id: 30, wantsThumbnail: false } }));
  assert.equal((await answer(10)).type, "scored");
  assert.deepEqual(await answer(30), { type: "shadow-scored", id: 30, scored: null });
});

test("a bank that is given up scores nothing any more; another station with the same bank goes on", async () => {
  const { worker, answer } = await startedWorker();
  worker.handle({ type: "load-bank", id: 10, load: load({ station: "line1/st2" }) });
  // Asked for while the load goes on, it comes after it.
  worker.handle({ type: "load-bank", id: 11, load: load() });
  worker.handle({ type: "unload-bank", id: 12, station: "line1/st1" });
  assert.equal((await answer(12)).type, "bank-unloaded");
  assert.equal((await answer(11)).type, "bank-loaded");
  await answer(10);
  worker.handle(score(13, null, frames[0]));
  worker.handle(score(14, null, frames[0], { station: "line1/st2" }));
  const refused = await answer(13);
  assert.equal(refused.type === "failed" && refused.error.code, "no-bank");
  assert.equal((await answer(14)).type, "scored");
});
