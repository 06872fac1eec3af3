import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { ShadowProgress } from "../../src/daemon/delivery-state.ts";
import { ShadowRun, type ShadowFlipDocument } from "../../src/daemon/shadow-run.ts";
import type { InferenceClient } from "../../src/inference/inference-client.ts";
import type { BankSummary, LoadBank, ShadowScored } from "../../src/inference/protocol.ts";
import { DeviceError, InputError } from "../../src/shared/errors.ts";
import { silentLogger } from "../../src/shared/logger.ts";
import { passed } from "./passed-part.ts";

const DEADLINE_MS = 100;
const PIXELS = new Uint8Array([1, 2, 3]);

/** A run at a clock of its own, and an inference process that loads whatever it is told to. */
function rigOf(loads: () => Promise<void> = () => Promise.resolve()) {
  let nowMs = 0;
  const told: (ShadowProgress | null)[] = [];
  const failures: string[] = [];
  const flips: ShadowFlipDocument[] = [];
  const calls: string[] = [];
  const run = new ShadowRun({
    ...{ station: "line1/st1", deadlineMs: () => DEADLINE_MS, logger: silentLogger },
    settings: () => ({ bankPath: "candidate.bank" }) as LoadBank,
    onStep: ({ shadow }) => told.push(shadow),
    onFailed: ({ code, message }) => failures.push(`${code}: ${message}`),
    publishFlip: (flip) => flips.push(flip),
    clock: { monotonicMs: () => nowMs, wallMs: () => nowMs },
  });
  const client = {
    gone: false,
    loadShadow: async ({ bankPath }: LoadBank) => {
      calls.push(`load ${bankPath}`);
      await loads();
      return { bankId: "candidate" } as BankSummary;
    },
    unloadShadow: async () => void calls.push("unload"),
  } as unknown as InferenceClient;
  let frameId = 0;
  /** One part that the active bank passes with half its threshold. */
  const part = async (answer: Partial<ShadowScored> | null | Error): Promise<void> => {
    frameId++;
    run.asked(
      frameId,
      answer instanceof Error
        ? Promise.reject(answer)
        : Promise.resolve(
            answer && { bankId: "candidate", score: 1, threshold: 4, tookMs: 5, thumbnail: null, ...answer },
          ),
    );
    run.outcome(passed({ frameId, seq: frameId, part: `p${frameId}` }));
    await turn();
  };
  const figures = () => {
    const figures = told.at(-1)?.figures;
    assert.ok(figures !== undefined);
    return figures;
  };
  return { run, client, told, failures, flips, calls, part, figures, after: (ms: number) => void (nowMs += ms) };
}

async function begun(parts = 100) {
  const rig = rigOf();
  rig.run.attached(rig.client);
  assert.equal(rig.run.request(), null, "nothing is in shadow");
  rig.run.begin({ parts, seconds: 1_000 });
  await turn();
  assert.deepEqual(rig.calls, ["load candidate.bank"]);
  return rig;
}

/** What it came to is told when its timer is due; giving it up tells it at once. */
async function figuresAtEnd(rig: Awaited<ReturnType<typeof begun>>) {
  rig.run.inferenceLost();
  rig.run.inferenceLost();
  return rig.figures();
}

test("parts, flips and medians are counted; what the active bank said is the measure", async () => {
  const rig = await begun();
  await rig.part({ score: 1, threshold: 4 });
  await rig.part({ score: 3, threshold: 4 });
  await rig.part({ score: 6, threshold: 4, tookMs: 20 });
  await rig.part(null);
  rig.run.asked(90, Promise.resolve(null));
  rig.run.outcome(passed({ frameId: 90, verdict: "NO_VERDICT", reason: "late", score: null, threshold: null }));
  rig.run.outcome(passed({ frameId: 91 }));
  const { lastFlips, ...counts } = await figuresAtEnd(rig);
  assert.deepEqual(counts, {
    ...{ parts: 4, scored: 3, dropped: 1, failed: 0, slow: 0, passToFail: 1, failToPass: 0 },
    // Of 0.25, 0.75 and 1.5; each part has half the active bank's threshold.
    medianRatio: { active: 0.5, candidate: 0.75 },
    ...{ medianMs: 5, longestMs: 20 },
  });
  assert.deepEqual(
    lastFlips.map(({ part, active, candidate }) => ({ part, active, candidate })),
    [
      {
        part: "p3",
        active: { verdict: "PASS", score: 1, threshold: 2 },
        candidate: { verdict: "FAIL", score: 6, threshold: 4 },
      },
    ],
  );
});

test("a part that the active bank failed and the candidate passes is a flip the other way", async () => {
  const rig = await begun();
  const scored = { bankId: "candidate", score: 4, threshold: 4, tookMs: 5, thumbnail: null };
  rig.run.asked(1, Promise.resolve(scored));
  rig.run.outcome(passed({ verdict: "FAIL", score: 3 }));
  await turn();
  const { failToPass, passToFail } = await figuresAtEnd(rig);
  assert.deepEqual([failToPass, passToFail], [1, 0]);
});

test("of the flips of a second one is told, with its picture, and only then another is drawn; the last eight are kept", async () => {
  const rig = await begun();
  assert.deepEqual(rig.run.request(), { wantsThumbnail: true });
  const thumbnail = { contentType: "image/jpeg", data: PIXELS, sha256: "ab" } as const;
  await rig.part({ score: 6, thumbnail });
  assert.deepEqual(rig.run.request(), { wantsThumbnail: false });
  rig.after(999);
  await rig.part({ score: 6, thumbnail });
  rig.after(1);
  assert.deepEqual(rig.run.request(), { wantsThumbnail: true });
  for (let i = 0; i < 10; i++) await rig.part({ score: 6 });
  assert.deepEqual(
    rig.flips.map(({ part, thumbnail: picture }) => [part, picture]),
    [
      ["p1", { contentType: "image/jpeg", sha256: "ab", base64: "AQID" }],
      ["p3", null],
    ],
  );
  const { passToFail, lastFlips } = await figuresAtEnd(rig);
  assert.equal(passToFail, 12);
  assert.deepEqual(
    lastFlips.map(({ part }) => part),
    ["p5", "p6", "p7", "p8", "p9", "p10", "p11", "p12"],
  );
});

test("three frames in a row that the candidate cannot score end it; fewer, and a lost process, do not", async () => {
  const rig = await begun();
  const wrong = new InputError("region-outside", "Expected a region inside");
  await rig.part(wrong);
  await rig.part(wrong);
  await rig.part({});
  await rig.part(wrong);
  await rig.part(new DeviceError("inference-lost", "gone"));
  await rig.part(wrong);
  assert.deepEqual(rig.failures, []);
  await rig.part(wrong);
  assert.match(rig.failures.join(), /^shadow-scoring: .*3 in a row failed, with region-outside/);
  const { parts, failed, dropped, scored } = rig.figures();
  assert.deepEqual([parts, failed, dropped, scored], [7, 5, 1, 1], "it is told before the end");
  assert.equal(rig.run.isOn, false);
  assert.deepEqual(rig.calls, ["load candidate.bank", "unload"]);
  await rig.part(wrong);
  assert.equal(rig.failures.length, 1);
});

test("three frames in a row that take longer than half the deadline end it", async () => {
  const rig = await begun();
  const slow = { tookMs: DEADLINE_MS / 2 + 1 };
  for (const answer of [slow, slow, {}, slow, slow]) await rig.part(answer);
  assert.deepEqual(rig.failures, []);
  await rig.part(slow);
  assert.match(rig.failures.join(), /^shadow-slow: Expected a frame within 50 ms but 3 in a row took longer/);
  assert.equal(rig.figures().slow, 5);
});

test("after a loss of the process the candidate is loaded in the next one and its counts go on; the second loss ends it", async () => {
  const rig = await begun();
  await rig.part({});
  rig.run.inferenceLost();
  assert.equal(rig.run.request(), null);
  rig.run.attached(rig.client);
  await turn();
  assert.notEqual(rig.run.request(), null);
  await rig.part({});
  rig.run.inferenceLost();
  assert.match(rig.failures.join(), /^shadow-inference: .*lost 2 times/);
  assert.equal(rig.figures().scored, 2);
});

test("a candidate that does not load is given up with the reason", async () => {
  const rig = rigOf(() => Promise.reject(new InputError("gate-refused", "too much memory")));
  rig.run.attached(rig.client);
  rig.run.begin({ parts: 1, seconds: 10 });
  await turn();
  assert.deepEqual(rig.failures, ["gate-refused: too much memory"]);
});

test("when its parts are through it awaits a decision and goes on; so it does when its time is", async (t) => {
  t.mock.timers.enable({ apis: ["setInterval"] });
  const rig = await begun(2);
  assert.equal(rig.told.at(-1)?.awaits, "parts");
  await rig.part({});
  t.mock.timers.tick(1_000);
  assert.deepEqual([rig.told.at(-1)?.awaits, rig.figures().scored], ["parts", 1]);
  await rig.part({});
  t.mock.timers.tick(1_000);
  assert.equal(rig.told.at(-1)?.awaits, "decision");
  const { length } = rig.told;
  t.mock.timers.tick(5_000);
  assert.equal(rig.told.length, length, "nothing is told when nothing is new");
  await rig.part({});
  t.mock.timers.tick(1_000);
  assert.deepEqual([rig.told.at(-1)?.awaits, rig.figures().scored], ["decision", 3]);
  rig.run.end();

  rig.run.begin({ parts: 100, seconds: 10 });
  assert.deepEqual([rig.told.at(-1)?.awaits, rig.figures().scored], ["parts", 0]);
  rig.after(10_000);
  t.mock.timers.tick(1_000);
  assert.equal(rig.told.at(-1)?.awaits, "decision");
  rig.run.end();
});
