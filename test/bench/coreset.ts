/**
 * Greedy k-center against the textbook loop, interleaved in one run. Prints a Markdown table with machine and commit.
 *
 *     node --import tsx test/bench/coreset.ts                     156,800 made-up rows of 384 dimensions
 *     node --import tsx test/bench/coreset.ts FILE.f32 DIMS       rows of patch embeddings, raw float32
 *
 * The made-up rows lie near a manifold of 12 dimensions, at densities that differ by a thousand.
 */
import { readFileSync } from "node:fs";
import { openCentredProducts, openRowProducts } from "../../src/fit/row-products.ts";
import { coresetStart } from "../../src/patchcore/coreset-start.ts";
import { greedyKCenter } from "../../src/patchcore/coreset.ts";
import { asMatrix, type Matrix } from "../../src/patchcore/matrix.ts";
import { projectionMatrix } from "../../src/patchcore/projection.ts";
import { seededRandom } from "../../src/patchcore/random.ts";
import { squaredDistance } from "../../src/patchcore/squared-distance.ts";
import { cpuSeconds, machineLine, spread } from "./machine.ts";

const ROUNDS = 3;
const THREADS = 2;
const MADE_UP = { rows: 156_800, dims: 384, hidden: 12 };
/** Rows of one image: what is projected at a time. */
const TILE = 784;
/** Picks of the textbook loop that are timed; all take the same. */
const TEXTBOOK_PICKS = 20;

function madeUpRows(): Matrix {
  const random = seededRandom(1);
  const { rows, dims, hidden } = MADE_UP;
  const basis = Float32Array.from({ length: hidden * dims }, () => random.gaussian());
  const data = new Float32Array(rows * dims);
  for (let row = 0; row < rows; row++) {
    const width = 10 ** (random.uniform() * 3 - 3);
    for (let h = 0; h < hidden; h++) {
      const value = (row % 5 === h % 5 ? 1 : 0) + width * random.gaussian();
      for (let d = 0; d < dims; d++) data[row * dims + d] = data[row * dims + d]! + value * basis[h * dims + d]!;
    }
  }
  return asMatrix(data, rows, dims);
}

function rowsOf(file: string, dims: number): Matrix {
  const bytes = readFileSync(file);
  const data = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
  return asMatrix(data, data.length / dims, dims);
}

const [file, dimsText = "0"] = process.argv.slice(2);
const rows = file === undefined ? madeUpRows() : rowsOf(file, Number(dimsText));
const projector = await openRowProducts(1);
const multiplier = await openCentredProducts(THREADS);
const projection = projectionMatrix({ kind: "gaussian", dims: 128 }, rows.dims, rows.rows, 1);
const wall = new Map<string, number[]>();
const cpu = new Map<string, number[]>();

async function time<T>(name: string, scale: number, work: () => T | Promise<T>): Promise<T> {
  const [begun, cpuBegun] = [performance.now(), cpuSeconds()];
  const result = await work();
  wall.set(name, [...(wall.get(name) ?? []), ((performance.now() - begun) / 1000) * scale]);
  cpu.set(name, [...(cpu.get(name) ?? []), (cpuSeconds() - cpuBegun) * scale]);
  return result;
}

async function projected(): Promise<Matrix> {
  if (projection === null) return rows;
  const data = new Float32Array(rows.rows * projection.rows);
  for (let row = 0; row < rows.rows; row += TILE) {
    const count = Math.min(TILE, rows.rows - row);
    const tile = rows.data.subarray(row * rows.dims, (row + count) * rows.dims);
    const products = await projector.products(tile, count, projection.data, projection.rows, rows.dims);
    data.set(products, row * projection.rows);
  }
  return asMatrix(data, rows.rows, projection.rows);
}

function textbook({ rows: count, dims, data }: Matrix, picks: number): void {
  const nearest = new Float64Array(count).fill(Infinity);
  for (let pick = 0, done = 0; done < picks; done++) {
    let largest = -1;
    const last = pick;
    for (let row = 0; row < count; row++) {
      const squared = Math.min(nearest[row]!, squaredDistance(data, row * dims, data, last * dims, dims));
      nearest[row] = squared;
      if (squared > largest) [largest, pick] = [squared, row];
    }
  }
}

const one = Math.floor(rows.rows / 100);
const ten = Math.floor(rows.rows / 10);
for (let round = 0; round < ROUNDS; round++) {
  const space = await time("projection to 128", 1, projected);
  await time(`textbook loop, 1 % (from ${TEXTBOOK_PICKS} picks)`, one / TEXTBOOK_PICKS, () =>
    textbook(space, TEXTBOOK_PICKS),
  );
  for (const [name, count] of [
    ["greedyKCenter, 1 %", one],
    ["greedyKCenter, 10 %", ten],
  ] as const) {
    const start = coresetStart(space, "farthest-from-mean", 1);
    await time(`${name} (${count} picks)`, 1, () =>
      greedyKCenter(space, count, { start, products: multiplier.products }),
    );
  }
}

const base = [...wall].find(([name]) => name.startsWith("textbook"))?.[1] ?? [1];
console.log(
  `${machineLine()}, ${THREADS} threads, ${ROUNDS} rounds, ${rows.rows} rows × ${rows.dims}, ${file ?? "made up"}\n`,
);
console.log(
  "| step | median s | P99 s | median CPU s | P99 CPU s | ratio to the textbook loop, 1 % |\n|---|---|---|---|---|---|",
);
for (const [name, seconds] of wall) {
  const ratio = Number(spread(seconds).split(" | ")[0]) / Number(spread(base).split(" | ")[0]);
  console.log(`| ${name} | ${spread(seconds)} | ${spread(cpu.get(name) ?? [0])} | ${ratio.toFixed(3)} |`);
}
await projector.close();
await multiplier.close();
