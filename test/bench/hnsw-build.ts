/**
 * Building a bank's graph: seconds, rows a second, bytes, and the recall that the effort buys.
 *
 *   node --import tsx test/bench/hnsw-build.ts [--dims 152] [--rows 2500,10000] [--efforts 64,128,256]
 *
 * Prints a Markdown table with machine and commit; the ratio is to the first effort, on the same rows in the same run.
 */
import { parseArgs } from "node:util";
import { asMatrix, type Matrix } from "../../src/patchcore/matrix.ts";
import { fitQuantiser, quantise } from "../../src/patchcore/quantiser.ts";
import { seededRandom } from "../../src/patchcore/random.ts";
import { ExactFloat32 } from "../../src/search/exact-float32.ts";
import { buildHnsw, DEFAULT_HNSW, Hnsw } from "../../src/search/hnsw.ts";
import { machineLine, Stopwatch, table } from "./report.ts";

const THREADS = 2;
const QUERIES = 784;
const LATENT = 24;

const { values } = parseArgs({
  options: {
    dims: { type: "string", default: "152" },
    rows: { type: "string", default: "1000,2500,10000" },
    efforts: { type: "string", default: "64,128,256" },
  },
});
const listOf = (text: string): number[] => text.split(",").map(Number);

/** Patches that vary along few directions, as those of trained backbones. */
function patches(count: number, dims: number, seed: number): Matrix {
  const [shared, own] = [seededRandom(dims), seededRandom(seed)];
  const directions = Float32Array.from({ length: LATENT * dims }, () => shared.gaussian());
  const data = new Float32Array(count * dims);
  for (let row = 0; row < count; row++) {
    for (let l = 0; l < LATENT; l++) {
      const along = own.gaussian();
      for (let d = 0; d < dims; d++) data[row * dims + d]! += along * directions[l * dims + d]!;
    }
    for (let d = 0; d < dims; d++) data[row * dims + d]! += 0.3 * own.gaussian();
  }
  return asMatrix(data, count, dims);
}

const lines: string[][] = [];
for (const dims of listOf(values.dims)) {
  const queries = patches(QUERIES, dims, 2);
  for (const count of listOf(values.rows)) {
    const rows = patches(count, dims, 1);
    const quantiser = fitQuantiser(rows);
    const bank = { rows, quantiser, quantised: quantise(quantiser, rows.data, count) };
    const exact = await ExactFloat32.open(rows, { threads: THREADS });
    const expected = (await exact.search(queries.data, QUERIES)).distances.slice();
    await exact.close();
    let base = 0;
    for (const expansionAdd of listOf(values.efforts)) {
      const parameters = { ...DEFAULT_HNSW, expansionAdd };
      const watch = new Stopwatch();
      const graph = await watch.time("build", () => buildHnsw(bank.quantised, dims, parameters));
      const index = await Hnsw.open(bank, graph, parameters, { threads: THREADS });
      const { distances } = await watch.time("search", () => index.search(queries.data, QUERIES));
      const hits = distances.filter((distance, i) => distance === expected[i]).length;
      await index.close();
      const seconds = watch.median("build") / 1000;
      if (base === 0) base = seconds;
      lines.push([
        `${dims}`,
        `${count}`,
        `${expansionAdd}`,
        seconds.toFixed(2),
        (watch.cpu("build") / 1000).toFixed(2),
        (count / seconds).toFixed(0),
        (graph.length / 1e6).toFixed(2),
        (seconds / base).toFixed(2),
        (hits / QUERIES).toFixed(3),
      ]);
    }
  }
}
console.log(`${machineLine()}, graphs built by one thread\n`);
console.log(
  table(
    ["dims", "rows", "efConstruction", "build s", "CPU s", "rows/s", "MB", "ratio to the first", "recall@1"],
    lines,
  ),
);
