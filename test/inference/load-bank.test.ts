import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { writeBank } from "../../src/bank/bundle-write.ts";
import { presetParameters } from "../../src/bank/parameters.ts";
import { FrameScorer } from "../../src/inference/frame-scorer.ts";
import { loadBank, summaryOf } from "../../src/inference/load-bank.ts";
import type { GateLimits, LoadBank } from "../../src/inference/protocol.ts";
import { ScorerPools } from "../../src/inference/scorer-pools.ts";
import { NominalError } from "../../src/shared/errors.ts";
import { bankOf, goldenBackbone, picture, settings } from "./golden-bank.ts";

/** The last of the golden pictures has a defect. */
const PICTURES = [0, 3];
const ENOUGH: GateLimits = { largestDrift: 0.01, medianMs: 60_000, memoryBytes: Infinity };
/** Frames of the warm-up, those that are measured included. */
const WARM_UP = 7;

let folder: string;
let bankPath: string;
let threshold: number;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "nominald-load-"));
  bankPath = join(folder, "golden.bank");
  const { model, manifest } = await goldenBackbone();
  await mkdir(join(folder, manifest.name));
  await writeFile(join(folder, manifest.name, manifest.file), model);
  await writeFile(join(folder, manifest.name, "manifest.json"), JSON.stringify(manifest));
  threshold = await writeGoldenBank();
});
after(() => rm(folder, { recursive: true }));

/** Writes a bank of the golden pictures, with its golden frames. @returns its threshold, between the two of them */
async function writeGoldenBank(): Promise<number> {
  const backbone = await goldenBackbone();
  const bank = await bankOf(backbone, presetParameters("edge", { size: 64 }));
  const scorer = await FrameScorer.create(bank, backbone, settings, {});
  const scores: number[] = [];
  for (const number of PICTURES) scores.push((await scorer.scorePrepared(picture(number))).score);
  await scorer.close();
  const [good = 0, bad = 0] = scores;
  const between = (good + bad) / 2;
  const frames = PICTURES.map((number, at) => {
    const knownBad = number === 3;
    return { name: `${number}.png`, knownBad, expect: knownBad ? "FAIL" : "PASS", score: scores[at] ?? 0 } as const;
  });
  const { manifest, rows, quantised, mean, rowImage } = bank;
  const draft = {
    ...manifest,
    backbone: { name: backbone.manifest.name, sha256: backbone.manifest.sha256 },
    nominal: { ...manifest.nominal, images: 3, patches: manifest.rows },
    calibration: { ...manifest.calibration, threshold: between, scores: [1, 2, 3], mapMaxima: [1, 2, 3] },
    golden: { width: 64, height: 64, frames },
  };
  const golden = Buffer.concat(PICTURES.map((number) => picture(number).data));
  await writeBank(bankPath, { manifest: draft, rows, quantised, mean, rowImage, golden, detail: null, hnsw: null });
  return between;
}

function loadOf(changes: Partial<LoadBank> = {}): LoadBank {
  return {
    ...{ station: "line1/st1", bankPath, modelsFolders: [folder], index: "exact" },
    validity: { check: false, minBrightness: null, maxSaturated: null, minSharpness: null },
    pictures: { mask: false, overlay: false, overlayFormat: "jpeg", overlayQuality: 80, size: 64 },
    ...changes,
  };
}

/** A process's means, and how many steps were taken. */
function meansOf(changes: Partial<typeof settings> | { provider: "cuda"; allowCpuFallback: true } = {}) {
  const pools = new ScorerPools();
  const counted = { steps: 0, underWay: 0 };
  const step = async <T>(job: () => Promise<T>): Promise<T> => {
    counted.steps++;
    counted.underWay++;
    assert.equal(counted.underWay, 1, "one step at a time");
    try {
      return await job();
    } finally {
      counted.underWay--;
    }
  };
  return { pools, counted, means: { settings: { ...settings, ...changes }, pools, step } };
}

async function codeOf(load: Promise<unknown>): Promise<string> {
  try {
    await load;
  } catch (error) {
    assert.ok(error instanceof NominalError);
    return error.code;
  }
  return assert.fail("Expected the load to fail");
}

test("a loaded bank scores, and tells what it is, what a frame takes and what came of its golden frames", async () => {
  const { pools, means } = meansOf();
  const loaded = await loadBank(loadOf({ gate: ENOUGH, threshold: 7 }), means);
  const { scorer, warmUp } = loaded;
  assert.ok((await scorer.score(picture(3))).score > threshold);
  const summary = summaryOf(loaded);
  assert.deepEqual(
    [summary.threshold, summary.index, summary.provider, summary.fallback, summary.backbone],
    [7, "exact", "cpu", null, "tiny"],
  );
  // Three of the five frames that are measured take the median or longer.
  assert.ok(warmUp.frameMs > 0 && warmUp.warmUpMs >= 3 * warmUp.frameMs);
  // By the bank's own threshold, whatever the station has set.
  assert.deepEqual(
    summary.gate?.frames.map(({ expect, verdict }) => [expect, verdict]),
    [
      ["PASS", "PASS"],
      ["FAIL", "FAIL"],
    ],
  );
  assert.deepEqual([pools.sessions, pools.indexes], [1, 1]);
  await scorer.close();
  assert.deepEqual([pools.sessions, pools.indexes], [0, 0]);
});

test("a load goes in steps, one for each frame: of the warm-up, and of the golden ones where they are asked for", async () => {
  const plain = meansOf();
  await (await loadBank(loadOf(), plain.means)).scorer.close();
  const gated = meansOf();
  await (await loadBank(loadOf({ gate: ENOUGH }), gated.means)).scorer.close();
  assert.ok(plain.counted.steps > WARM_UP, `${plain.counted.steps} steps`);
  assert.equal(gated.counted.steps, plain.counted.steps + PICTURES.length);
});

test("a bank that its golden frames refuse leaves nothing behind", async () => {
  const { pools, means } = meansOf();
  const code = await codeOf(loadBank(loadOf({ gate: { ...ENOUGH, memoryBytes: 1 } }), means));
  assert.deepEqual([code, pools.sessions, pools.indexes], ["gate-refused", 0, 0]);
});

/** The npm package of ONNX Runtime has no CUDA libraries: the same as on a device whose driver is gone. */
const CUDA = { provider: "cuda", allowCpuFallback: true } as const;

test("a processor that stands in and is too slow leaves nothing behind; one that is fast enough is told of", async () => {
  const slow = meansOf(CUDA);
  const code = await codeOf(loadBank(loadOf({ budgetMs: 0 }), slow.means));
  assert.deepEqual([code, slow.pools.sessions, slow.pools.indexes], ["cpu-too-slow", 0, 0]);
  const enough = meansOf(CUDA);
  const loaded = await loadBank(loadOf({ budgetMs: 60_000 }), enough.means);
  assert.deepEqual([summaryOf(loaded).provider, summaryOf(loaded).fallback?.wanted], ["cpu", "cuda"]);
  await loaded.scorer.close();
});
