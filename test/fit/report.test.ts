import assert from "node:assert/strict";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import sharp from "sharp";
import { fitBank } from "../../src/fit/fit-bank.ts";
import type { FitResult } from "../../src/fit/fit-bank.ts";
import { histogramSvg } from "../../src/fit/histogram.ts";
import { inspectNominal } from "../../src/fit/hygiene.ts";
import { fitReport } from "../../src/fit/report.ts";
import { summaryLines } from "../../src/fit/summary.ts";
import { blobs, fitOptions, SIDE, writeNominal } from "./nominal-images.ts";

/** Place of the one defective image among the good ones, and of its white square, patches of 2 × 2 pixels. */
const DEFECT = 7;
const PATCH = { row: 10, col: 5 };

let folder = "";
let files: string[] = [];
let result: FitResult;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "nominald-report-"));
  files = await writeNominal(join(folder, "good"), 20);
  const data = blobs(100);
  for (let y = PATCH.row * 2; y < PATCH.row * 2 + 6; y++)
    for (let x = PATCH.col * 2; x < PATCH.col * 2 + 6; x++) data.fill(255, (y * SIDE + x) * 3, (y * SIDE + x) * 3 + 3);
  await sharp(data, { raw: { width: SIDE, height: SIDE, channels: 3 } })
    .png()
    .toFile(files[DEFECT]!);
  // A name that would be markup.
  const odd = join(folder, "good", `007 <b>&"x".png`);
  await rename(files[DEFECT]!, odd);
  files[DEFECT] = odd;
  result = await fitBank(fitOptions(files, join(folder, "report.bank")));
});
after(() => rm(folder, { recursive: true }));

test("a defect among the good images is the first of those least like the others, its place included", () => {
  const [first] = result.hygiene.unlike;
  assert.equal(first?.image, DEFECT);
  assert.equal(first.suspicious, true);
  const { cols } = result.manifest.grid;
  const [row, col] = [Math.floor(first.worstPatch / cols), first.worstPatch % cols];
  // The square is 3 × 3 patches, and a patch looks one patch further than itself.
  assert.ok(
    row >= PATCH.row - 1 && row <= PATCH.row + 3 && col >= PATCH.col - 1 && col <= PATCH.col + 3,
    `${row} ${col}`,
  );
  assert.ok(summaryLines(result, "x").some((line) => line.startsWith(`           ${files[DEFECT]} (`)));
});

test("the report is one page without outside resources that shows the images, whatever their names hold", async () => {
  const html = await fitReport(result);
  assert.ok(html.includes("007 &lt;b&gt;&amp;&quot;x&quot;.png"));
  assert.ok(!html.includes('<b>&"'));
  assert.equal(html.match(/<img src="data:image\/jpeg;base64,/g)?.length, 12);
  assert.ok(!/(src|href)="(?!data:)/.test(html) && !/url\(|@import|https?:/.test(html));
  assert.ok(html.includes("prefers-color-scheme: dark"));
  assert.ok(html.includes('class="suspicious"') && html.includes("⚠"));
  // 20 images bound a rate of 10 %: nothing is extrapolated.
  assert.match(html, /for a false-reject rate of 10 % \(conformal, per-fold\)/);
  const extrapolated = await fitBank({ ...fitOptions(files, join(folder, "tail.bank")), falseRejectRate: 0.001 });
  assert.match(
    await fitReport(extrapolated),
    /with 20 images a rate below 4\.8 % can only be extrapolated; 999 would show it/,
  );
});

test("the histogram's bars count every score, and the threshold has its line", () => {
  const svg = histogramSvg([1, 1, 2, 5], 4);
  const counts = [...svg.matchAll(/<title>(\d+)<\/title>/g)].map(([, count]) => Number(count));
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    4,
  );
  // From 1 to 5 with 5 % of room: 4 lies at 3 / 4.2 of 720.
  assert.ok(svg.includes('x1="514.3"'));
  assert.ok(histogramSvg([2, 2], 2).includes("<line"));
});

test("duplicates, sizes and outliers are found by hand-made images", () => {
  const image = (file: string, picture: string, width = 10) => ({ file, picture, width, height: 8, slot: 0 });
  const images = [image("a", "1"), image("b", "2"), image("c", "1"), image("d", "3", 20), image("e", "4")];
  const scores = [1, 1.1, 1, 1.2, 4];
  const record = { ...result.manifest.calibration, scores };
  const { duplicates, sizes, unlike } = inspectNominal(images, { record, worstPatches: Int32Array.of(0, 1, 2, 3, 4) });
  assert.deepEqual(duplicates, [["a", "c"]]);
  assert.deepEqual(sizes, [
    { width: 10, height: 8, images: 4 },
    { width: 20, height: 8, images: 1 },
  ]);
  // Quartiles 1 and 1.2: above 1.2 + 3 · 0.2 = 1.8 a score is far out.
  assert.deepEqual(
    unlike.map(({ file, suspicious }) => [file, suspicious]),
    [
      ["e", true],
      ["d", false],
      ["b", false],
      ["a", false],
      ["c", false],
    ],
  );
  assert.equal(unlike[0]?.ratio.toFixed(3), "3.636");
});
