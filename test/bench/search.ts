/**
 * One search of a frame's patches by each index, interleaved in one run, and where the graph overtakes exact int8:
 *
 *   node --import tsx test/bench/search.ts [--dims 152,384] [--rows 1000,5000] [--queries 784,1600] [--runs N]
 *
 * Prints a Markdown table with machine and commit. Rows and queries are patches as backbones give them: many dimensions
 * that vary along few directions, in clusters. `CPU` is the work of all threads, which a busy machine changes least.
 */
import { parseArgs } from "node:util";
import { FrameScoring } from "../../src/patchcore/frame-scoring.ts";
import { asMatrix, type Matrix } from "../../src/patchcore/matrix.ts";
import { percentile } from "../../src/patchcore/percentile.ts";
import { fitQuantiser, quantise } from "../../src/patchcore/quantiser.ts";
import { seededRandom } from "../../src/patchcore/random.ts";
import { ExactFloat32 } from "../../src/search/exact-float32.ts";
import { ExactInt8 } from "../../src/search/exact-int8.ts";
import { buildHnsw, DEFAULT_HNSW, Hnsw } from "../../src/search/hnsw.ts";
import type { NearestNeighbours } from "../../src/search/nearest-neighbours.ts";
import { machineLine, Stopwatch, table } from "./report.ts";

const THREADS = 2;
const WARM_UP = 3;
const CLUSTERS = 200;
/** Directions along which patches vary; those of trained backbones have some tens. */
const LATENT = 24;

const { values } = parseArgs({
  options: {
    dims: { type: "string", default: "152,384,1536" },
    rows: { type: "string", default: "1000,2500,5000,10000,16000" },
    queries: { type: "string", default: "784,1600" },
    runs: { type: "string", default: "20" },
  },
});
const listOf = (text: string): number[] => text.split(",").map(Number);
const runs = Number(values.runs);
const RULES = { patchScore: { kind: "euclidean" }, imageScore: { kind: "maximum" } } as const;

/** Draws patches of one kind of picture; the same for every call of one instance. */
function patchSource(dims: number): (count: number) => Matrix {
  const random = seededRandom(dims);
  const gaussians = (count: number): Float32Array => Float32Array.from({ length: count }, () => random.gaussian());
  const directions = gaussians(LATENT * dims);
  const centres = gaussians(CLUSTERS * LATENT).map((value) => 2 * value);
  return (count) => {
    const data = new Float32Array(count * dims);
    for (let row = 0; row < count; row++) {
      const centre = Math.floor(random.uniform() * CLUSTERS) * LATENT;
      for (let l = 0; l < LATENT; l++) {
        const along = centres[centre + l]! + random.gaussian();
        for (let d = 0; d < dims; d++) data[row * dims + d]! += along * directions[l * dims + d]!;
      }
      for (let d = 0; d < dims; d++) data[row * dims + d]! += 0.3 * random.gaussian();
    }
    return asMatrix(data, count, dims);
  };
}

const lines: string[][] = [];
for (const dims of listOf(values.dims)) {
  const draw = patchSource(dims);
  for (const rowCount of listOf(values.rows)) {
    const rows = draw(rowCount);
    const quantiser = fitQuantiser(rows);
    const bank = { rows, quantiser, quantised: quantise(quantiser, rows.data, rowCount) };
    const graph = await buildHnsw(bank.quantised, dims, DEFAULT_HNSW);
    const options = { threads: THREADS };
    const indexes: Readonly<Record<string, NearestNeighbours>> = {
      "exact fp32": await ExactFloat32.open(rows, options),
      "exact int8": await ExactInt8.open(bank, options),
      "HNSW int8": await Hnsw.open(bank, graph, DEFAULT_HNSW, options),
    };
    for (const count of listOf(values.queries)) lines.push(...(await measure(indexes, rows, draw(count))));
    for (const index of Object.values(indexes)) await index.close();
    process.stderr.write(`${dims} × ${rowCount} done\n`);
  }
}

async function measure(
  indexes: Readonly<Record<string, NearestNeighbours>>,
  rows: Matrix,
  queries: Matrix,
): Promise<string[][]> {
  const watch = new Stopwatch();
  const scoring = new FrameScoring(rows, RULES);
  scoring.learnBoundsAtOnce();
  const verified = new Map<string, number[]>();
  const found = new Map<string, Float32Array>();
  for (let run = 0; run < WARM_UP + runs; run++) {
    if (run === WARM_UP) watch.clear();
    for (const [name, index] of Object.entries(indexes)) {
      const nearest = await watch.time(name, () => index.search(queries.data, queries.rows));
      found.set(name, nearest.distances.slice());
      const { verified: count } = await watch.time(`${name} verified`, async () =>
        scoring.score(nearest, queries.data, queries.rows),
      );
      verified.set(name, [...(verified.get(name) ?? []), count]);
    }
  }
  const exact = found.get("exact fp32") ?? new Float32Array(0);
  const base = watch.cpu("exact int8");
  return Object.keys(indexes).map((name) => {
    const hits = exact.filter((distance, i) => distance === found.get(name)?.[i]).length;
    return [
      `${rows.dims}`,
      `${rows.rows}`,
      `${queries.rows}`,
      name,
      watch.p5(name).toFixed(1),
      watch.median(name).toFixed(1),
      watch.p99(name).toFixed(1),
      watch.cpu(name).toFixed(1),
      (watch.cpu(name) / base).toFixed(2),
      (hits / queries.rows).toFixed(3),
      `${percentile(verified.get(name) ?? [0], 50)} / ${percentile(verified.get(name) ?? [0], 99)}`,
      watch.median(`${name} verified`).toFixed(2),
    ];
  });
}

console.log(`${machineLine()}, ${THREADS} threads, ${runs} runs\n`);
console.log(
  table(
    [
      "dims",
      "rows",
      "queries",
      "index",
      "P5 ms",
      "median ms",
      "P99 ms",
      "CPU ms",
      "CPU ÷ exact int8",
      "recall@1",
      "verified P50 / P99",
      "verify ms",
    ],
    lines,
  ),
);
