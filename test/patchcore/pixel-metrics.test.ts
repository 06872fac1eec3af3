import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { connectedComponents } from "../../src/patchcore/connected-components.ts";
import { rocCurve } from "../../src/patchcore/metrics.ts";
import { areaFrom } from "../../src/patchcore/partial-area.ts";
import { PixelMetrics, PRO_LIMIT, type PixelReport } from "../../src/patchcore/pixel-metrics.ts";
import { BugError } from "../../src/shared/errors.ts";
import { goldenDir, readNpy } from "../support/npy.ts";

interface Golden {
  readonly height: number;
  readonly width: number;
  readonly regions: number;
  readonly auroc: number;
  readonly auroc_anomalous: number;
  readonly pro: number;
  readonly roc: {
    readonly false_positives: number[];
    readonly true_positives: number[];
    readonly thresholds: number[];
  };
}

const golden = JSON.parse(readFileSync(join(goldenDir, "pixel-metrics.json"), "utf8")) as Golden;

interface Picture {
  readonly map: Float32Array;
  /** null: a nominal image. */
  readonly mask: Uint8Array | null;
}

function reportOf(pictures: readonly Picture[], width: number, height: number): PixelReport {
  const anomalous = pictures.filter(({ mask }) => mask !== null).length;
  const metrics = new PixelMetrics({
    nominalImages: pictures.length - anomalous,
    anomalousImages: anomalous,
    width,
    height,
  });
  for (const { map, mask } of pictures) {
    if (mask === null) metrics.addNominal(map);
    else metrics.addAnomalous(map, mask);
  }
  return metrics.compute();
}

function goldenPictures(): Picture[] {
  const { data: maps, shape } = readNpy("pixel_maps.npy", Float32Array);
  const { data: masks } = readNpy("pixel_masks.npy", Uint8Array);
  const pixels = golden.width * golden.height;
  return Array.from({ length: shape[0] ?? 0 }, (_, i) => ({
    map: maps.slice(i * pixels, (i + 1) * pixels),
    mask: i < 2 ? null : masks.slice(i * pixels, (i + 1) * pixels),
  }));
}

function assertNear(actual: number | null, expected: number, tolerance = 1e-12): void {
  assert.ok(actual !== null && Math.abs(actual - expected) <= tolerance, `${actual} is not ${expected}`);
}

test("pixel AUROC and PRO equal scikit-learn's and the definition's on maps full of ties", () => {
  const report = reportOf(goldenPictures(), golden.width, golden.height);
  assertNear(report.auroc, golden.auroc, 1e-9);
  assertNear(report.aurocAnomalous, golden.auroc_anomalous, 1e-9);
  assertNear(report.pro, golden.pro, 1e-9);
  assert.equal(report.regions, golden.regions);
});

test("the image ROC equals scikit-learn's, point by point", () => {
  const scores = goldenPictures().map(({ map }) => Math.max(...map));
  const points = rocCurve(scores, [0, 0, 1, 1, 1, 1]);
  assert.deepEqual(
    points.map(({ falsePositiveRate }) => falsePositiveRate),
    golden.roc.false_positives,
  );
  assert.deepEqual(
    points.map(({ truePositiveRate }) => truePositiveRate),
    golden.roc.true_positives,
  );
  assert.deepEqual(
    points.slice(1).map(({ threshold }) => threshold),
    golden.roc.thresholds,
  );
});

test("PRO weighs regions alike, pixel AUROC pixels: a large region found does not hide a small one missed", () => {
  // 5 × 2, one region of four pixels scored 9 and one of one pixel scored 0; five nominal pixels scored 1 to 5.
  const mask = Uint8Array.of(1, 1, 0, 0, 1, 1, 1, 0, 0, 0);
  const map = Float32Array.of(9, 9, 1, 2, 0, 9, 9, 3, 4, 5);
  const report = reportOf([{ map, mask }], 5, 2);
  // The four are found before any nominal pixel, the fifth never below a rate of 1.
  assertNear(report.auroc, 4 / 5);
  assertNear(report.pro, 1 / 2);
  assert.equal(report.regions, 2);
});

test("a defect among equal nominal pixels is found along a ramp, cut off at the limit", () => {
  // One defective pixel ties with all three nominal ones: overlap rises from 0 to 1 as the rate does. Up to 0.3 that is a
  // triangle of 0.3 · 0.3 / 2, of 0.3 at most.
  const report = reportOf([{ map: Float32Array.of(2, 2, 2, 2), mask: Uint8Array.of(255, 0, 0, 0) }], 4, 1);
  assertNear(report.auroc, 0.5);
  assertNear(report.pro, PRO_LIMIT / 2);
  assert.equal(areaFrom(1, 0, 2, 0.3), 0);
  assert.equal(areaFrom(0, 0, 2, 0.3), 0.3);
});

test("over anomalous images alone the easy background of nominal images does not count", () => {
  const anomalous = { map: Float32Array.of(1, 2), mask: Uint8Array.of(255, 0) };
  const nominal = { map: Float32Array.of(0, 0), mask: null };
  const report = reportOf([anomalous, nominal], 2, 1);
  // The defect (1) is above two of three nominal pixels, but not above the one beside it (2).
  assertNear(report.auroc, 2 / 3);
  assert.equal(report.aurocAnomalous, 0);
});

test("where a class is missing there is no curve", () => {
  const map = Float32Array.of(1, 2);
  const none = { auroc: null, aurocAnomalous: null, pro: null };
  assert.deepEqual(reportOf([{ map, mask: null }], 2, 1), {
    ...none,
    regions: 0,
    defectivePixels: 0,
    nominalPixels: 2,
  });
  assert.deepEqual(reportOf([{ map, mask: Uint8Array.of(1, 1) }], 2, 1), {
    ...none,
    regions: 1,
    defectivePixels: 2,
    nominalPixels: 0,
  });
});

test("pixels that touch by a corner are one region, numbered in reading order", () => {
  const mask = Uint8Array.from("10011" + "01000" + "00001", Number);
  const { labels, count } = connectedComponents(mask, 5, 3);
  assert.equal(count, 3);
  assert.equal([...labels].join(""), "10022" + "01000" + "00003");
});

test("a region that winds through the whole picture is one, and rows do not wrap around", () => {
  const rows = ["11111", "00001", "11111", "10000", "11111"];
  const snake = connectedComponents(Uint8Array.from(rows.join(""), Number), 5, 5);
  assert.equal(snake.count, 1);
  // The end of a row and the beginning of the next are neighbours in memory, not in the picture.
  assert.equal(connectedComponents(Uint8Array.from("00100" + "10000", Number), 5, 2).count, 2);
});

/** Mean of "found" over all pairs of one defective and one nominal pixel, ties half. */
function pairwise(defective: readonly number[], nominal: readonly number[]): number {
  let sum = 0;
  for (const a of defective) for (const b of nominal) sum += a > b ? 1 : a === b ? 0.5 : 0;
  return sum / defective.length / nominal.length;
}

test("pixel AUROC counts pairs of pixels, whatever the maps", () => {
  const WIDTH = 5;
  const HEIGHT = 4;
  const PIXELS = WIDTH * HEIGHT;
  const pixels = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> =>
    fc.array(one, { minLength: PIXELS, maxLength: PIXELS });
  const picture = fc.record({
    map: pixels(fc.oneof(fc.integer({ min: -2, max: 3 }), fc.float({ noNaN: true, noDefaultInfinity: true }))),
    mask: fc.option(pixels(fc.constantFrom(0, 0, 255))),
  });
  fc.assert(
    fc.property(fc.array(picture, { minLength: 1, maxLength: 4 }), (drawn) => {
      const pictures = drawn.map(({ map, mask }) => ({
        map: Float32Array.from(map),
        mask: mask === null ? null : Uint8Array.from(mask),
      }));
      const of = (wanted: boolean, anomalousOnly: boolean): number[] =>
        pictures.flatMap(({ map, mask }) =>
          anomalousOnly && mask === null ? [] : [...map].filter((_, i) => (mask?.[i] ?? 0) > 0 === wanted),
        );
      const report = reportOf(pictures, WIDTH, HEIGHT);
      for (const [actual, anomalousOnly] of [
        [report.auroc, false],
        [report.aurocAnomalous, true],
      ] as const) {
        const [defective, nominal] = [of(true, anomalousOnly), of(false, anomalousOnly)];
        if (defective.length === 0 || nominal.length === 0) assert.equal(actual, null);
        else assertNear(actual, pairwise(defective, nominal));
      }
    }),
    { numRuns: 300 },
  );
});

test("maps of another size, too many of them, and values that are no numbers are refused", () => {
  const metrics = (): PixelMetrics => new PixelMetrics({ nominalImages: 1, anomalousImages: 1, width: 2, height: 1 });
  assert.throws(() => metrics().addNominal(Float32Array.of(1)), BugError);
  assert.throws(() => metrics().addAnomalous(Float32Array.of(1, 2), Uint8Array.of(1)), BugError);
  assert.throws(() => metrics().addNominal(Float32Array.of(1, NaN)), /finite map values but received NaN/);
  const full = metrics();
  full.addNominal(Float32Array.of(1, 2));
  assert.throws(() => full.addNominal(Float32Array.of(1, 2)), /room/);
  full.compute();
  assert.throws(() => full.compute(), /once/);
});
