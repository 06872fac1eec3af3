import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compareEvaluations } from "../../src/evaluation/compare.ts";
import type { EvaluatedImage, Evaluation } from "../../src/evaluation/evaluation.ts";
import { worstMistakes, type GalleryPicture } from "../../src/evaluation/gallery.ts";
import { interval, percent } from "../../src/evaluation/format.ts";
import { defectMetrics, errorRates, imageMetrics, latencyOf } from "../../src/evaluation/image-metrics.ts";
import { rangeOf, ticksOf } from "../../src/evaluation/report/axis.ts";
import { escapeHtml } from "../../src/evaluation/report/html.ts";
import { reportPage } from "../../src/evaluation/report/report-page.ts";
import { comparisonText, summaryText } from "../../src/evaluation/summary-text.ts";

const HOSTILE = `<img src="http://example.org/x">&'`;

function image(name: string, score: number, defect: string | null): EvaluatedImage {
  return { file: `/set/${name}.png`, defect, mask: null, score, verdict: score > 2 ? "FAIL" : "PASS", ms: 5 };
}

const IMAGES = [image("a", 1, null), image("b", 3, null), image("c", 1.5, HOSTILE), image("d", 4, "dent")];

function evaluationOf(images: readonly EvaluatedImage[], bankId = "washer-1a2b3c4d", threshold = 2): Evaluation {
  const nominal = images.filter(({ defect }) => defect === null).length;
  const pixels = { auroc: 0.9, aurocAnomalous: 0.8, pro: 0.7, regions: 3, defectivePixels: 10, nominalPixels: 90 };
  return {
    format: "nominald-evaluation",
    formatVersion: 1,
    bank: {
      bankId,
      preset: "edge",
      backbone: HOSTILE,
      layers: ["layer2"],
      width: 4,
      height: 4,
      rows: 9,
      dims: 8,
      nominalImages: 7,
      falseRejectRate: 0.01,
      threshold,
      maskThreshold: 1,
      index: "exact",
    },
    dataset: {
      name: HOSTILE,
      nominal,
      anomalous: images.length - nominal,
      withMask: 1,
      emptyMasks: 1,
      unusable: [{ file: HOSTILE, code: "broken-image", reason: HOSTILE }],
    },
    ...imageMetrics(images),
    pixelAuroc: pixels.auroc,
    pixelAurocAnomalous: pixels.aurocAnomalous,
    pro: pixels.pro,
    pixels,
    atThreshold: errorRates(images, threshold),
    atF1Max: null,
    defects: defectMetrics(images, threshold),
    latencyMs: { total: latencyOf([5]), stages: { backbone: latencyOf([3]) } },
    machine: "a machine",
    approximation: null,
    images,
  };
}

function drawn(one: EvaluatedImage): GalleryPicture {
  const jpeg = Uint8Array.of(255, 216);
  return { image: one, frame: jpeg, overlay: jpeg, contour: "M1 1H2", width: 4, height: 4 };
}

test("the report is one page without any outside resource, whatever the names in it", () => {
  const { misses, falseRejects } = worstMistakes(IMAGES);
  const evaluation = evaluationOf(IMAGES);
  const comparison = compareEvaluations(evaluation, evaluationOf(IMAGES, HOSTILE, 3.5));
  const gallery = { misses: misses.map(drawn), falseRejects: falseRejects.map(drawn) };
  const page = reportPage(evaluation, gallery, comparison);
  assert.doesNotMatch(page, /<img src="(?!data:)|<script|<link|@import|url\(/);
  assert.ok(!page.includes(HOSTILE) && page.includes(escapeHtml(HOSTILE)));
  assert.ok(page.includes("prefers-color-scheme: dark"));
  // Two cards, each with the ground truth over frame and heat.
  assert.equal(page.split('<li class="card">').length - 1, 2);
  assert.equal(page.split('d="M1 1H2"').length - 1, 4);
});

test("a set of one class, and a single image, still make a report", () => {
  for (const images of [[image("a", 1, null)], [image("b", 1, "dent")], IMAGES.slice(2)]) {
    const page = reportPage(evaluationOf(images), { misses: [], falseRejects: [] }, null);
    assert.doesNotMatch(page, /NaN|undefined|Infinity/);
    assert.doesNotMatch(summaryText(evaluationOf(images)).join("\n"), /NaN|undefined|Infinity/);
  }
});

test("the worst misses are the lowest anomalous scores, the worst false rejects the highest nominal ones", () => {
  const { misses, falseRejects } = worstMistakes([...IMAGES, image("e", 1.2, "dent"), image("f", 9, null)]);
  assert.deepEqual(
    misses.map(({ score }) => score),
    [1.2, 1.5],
  );
  assert.deepEqual(
    falseRejects.map(({ score }) => score),
    [9, 3],
  );
});

test("two banks are compared on the images that both could judge, wrong verdicts first", () => {
  const before = evaluationOf(IMAGES);
  const others = [
    { ...image("d", 1, "dent") },
    { ...image("b", 1, null), score: 1 },
    image("a", 1, null),
    image("z", 9, null),
  ];
  const { flips, images } = compareEvaluations(before, evaluationOf(others, "other-00000000", 4));
  assert.equal(images, 3);
  assert.deepEqual(
    flips.map(({ file, before: was, after, better }) => [file, was, after, better]),
    [
      ["/set/d.png", "FAIL", "PASS", false],
      ["/set/b.png", "FAIL", "PASS", true],
    ],
  );
  assert.deepEqual([flips[0]?.relativeBefore, flips[0]?.relativeAfter], [2, 0.25]);
  const text = comparisonText(compareEvaluations(before, evaluationOf(others))).join("\n");
  assert.match(text, /2 of 3 verdicts flip, 1 become right, 1 wrong/);
});

test("an axis has at most as many round numbers as asked for, all inside, evenly apart", () => {
  assert.deepEqual(ticksOf({ low: 0, high: 1 }, 5), [0, 0.2, 0.4, 0.6, 0.8, 1]);
  assert.deepEqual(ticksOf({ low: 23.1, high: 44 }, 5), [25, 30, 35, 40]);
  const edge = fc.double({ min: -1e6, max: 1e6, noNaN: true });
  fc.assert(
    fc.property(
      edge,
      fc.double({ min: 1e-3, max: 1e6, noNaN: true }),
      fc.integer({ min: 2, max: 12 }),
      (low, width, count) => {
        const range = { low, high: low + width };
        const ticks = ticksOf(range, count);
        assert.ok(ticks.length <= count + 1);
        for (const tick of ticks) assert.ok(tick >= range.low - width * 1e-6 && tick <= range.high + width * 1e-6);
      },
    ),
  );
  assert.deepEqual(rangeOf([3, 3]), { low: 1.5, high: 4.5 });
  assert.deepEqual(rangeOf([]), { low: 0, high: 1 });
});

test("shares near the ends keep enough decimals to differ from them", () => {
  assert.deepEqual([0, 0.0001, 0.075, 0.99999, 1].map(percent), ["0.0 %", "0.010 %", "7.5 %", "99.999 %", "100.0 %"]);
  assert.equal(interval({ low: 0.026, high: 0.199 }), "2.6–19.9 %");
});
