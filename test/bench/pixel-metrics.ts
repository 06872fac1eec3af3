/**
 * Pixel AUROC and PRO of 160 maps of 224 × 224 (8 million pixels), and of 300 maps of 320 × 320 (31 million), against the
 * native sort of the same values, interleaved in one run. Prints a Markdown table with machine and commit.
 *
 *     node --import tsx test/bench/pixel-metrics.ts
 */
import { percentile } from "../../src/patchcore/percentile.ts";
import { PixelMetrics } from "../../src/patchcore/pixel-metrics.ts";
import { seededRandom } from "../../src/patchcore/random.ts";
import { machineLine } from "./machine.ts";

const RUNS = 5;
const SETS = [
  { images: 160, side: 224 },
  { images: 300, side: 320 },
] as const;

/** One map with a defect of a hundredth of its pixels, and its mask. */
function drawnMap(side: number, seed: number): { readonly map: Float32Array; readonly mask: Uint8Array } {
  const random = seededRandom(seed);
  const mask = new Uint8Array(side * side);
  const edge = Math.round(side / 10);
  for (let y = 0; y < edge; y++) mask.fill(255, (40 + y) * side + 50, (40 + y) * side + 50 + edge);
  return { map: Float32Array.from(mask, (set) => random.uniform() + (set > 0 ? 0.5 : 0)), mask };
}

console.log(`${machineLine()}\n`);
console.log("| pixels, millions | stage | median ms | largest ms | ratio to the native sort |");
console.log("|---|---|---|---|---|");
for (const { images, side } of SETS) {
  const { map, mask } = drawnMap(side, 1);
  // No two images alike, so that values tie as seldom as real ones do.
  const maps = Array.from({ length: images }, (_, i) => map.map((value) => value * (1 + i / 997)));
  const size = { nominalImages: images / 2, anomalousImages: images / 2, width: side, height: side };
  const times = { collect: [] as number[], compute: [] as number[], native: [] as number[] };
  for (let run = 0; run < RUNS; run++) {
    const metrics = new PixelMetrics(size);
    const all = new Float32Array(images * side * side);
    const begun = performance.now();
    for (const [i, one] of maps.entries()) {
      if (i % 2 === 0) metrics.addNominal(one);
      else metrics.addAnomalous(one, mask);
    }
    const collected = performance.now();
    metrics.compute();
    const computed = performance.now();
    for (const [i, one] of maps.entries()) all.set(one, i * one.length);
    const filled = performance.now();
    all.sort();
    times.native.push(performance.now() - filled);
    times.collect.push(collected - begun);
    times.compute.push(computed - collected);
  }
  const baseline = percentile(times.native, 50);
  for (const [stage, values] of Object.entries(times)) {
    const median = percentile(values, 50);
    const cells = [(images * side * side) / 1e6, stage, median.toFixed(0), Math.max(...values).toFixed(0)];
    console.log(`| ${cells.join(" | ")} | ${(median / baseline).toFixed(2)} |`);
  }
}
