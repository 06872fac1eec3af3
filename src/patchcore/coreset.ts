import { BugError } from "../shared/errors.ts";
import { coresetStart, type CoresetStart } from "./coreset-start.ts";
import { checkFinite, type Matrix } from "./matrix.ts";
import { PickDistances, type CentredProducts } from "./pick-distances.ts";

/** The memory bank's rows, in the order of picking. */
export interface Coreset {
  /** Row numbers of the input; `picks.length` is below the number asked for only when all rows left are duplicates. */
  readonly picks: Int32Array;
  /**
   * `radii[i]`: the largest distance of any row to the first i + 1 picks; it never grows. The last is how far the
   * farthest row lies from the coreset, 0 when every row is in it or equals one that is.
   */
  readonly radii: Float64Array;
}

export interface CoresetOptions {
  /** Multiplies matrices; only filters, so its rounding changes nothing. */
  readonly products: CentredProducts;
  /** Absent: the row farthest from the mean row. */
  readonly start?: CoresetStart;
  /** Rows that are kept up to date with every pick; changes the time, never the picks. */
  readonly candidates?: number;
  /** Told after each pick; it may throw to stop the run. */
  readonly onPick?: (done: number, total: number) => void;
}

/** Of 157,000 rows 1,024 and 2,048 were equally fast: more cost time a pick, fewer more rounds. */
const CANDIDATES = 1024;

/** Values of which the bar is an estimate. */
const SAMPLE = 8192;

/**
 * Greedy k-center (PatchCore, algorithm 1; Gonzalez 1985): pick the row that lies farthest from all picks so far,
 * again and again. Ties go to the lowest row. Distances come from `squaredDistance`, so the picks are the same bits on
 * every machine, and the same as those of the textbook loop that updates every row after each pick.
 *
 * What makes it fast: a row's distance to the picks only shrinks. A round sets a bar that some thousand rows are above
 * and picks among these as long as the farthest is strictly above the bar: no other row can be farther. Then one matrix
 * product brings all rows up to date with the round's picks.
 *
 * @param rows [N, dims], N ≥ 1, finite
 * @param count number of picks, from 1 to N
 * @throws InputError "embeddings-not-finite"; BugError "coreset-count" or "coreset-start"
 */
export async function greedyKCenter(rows: Matrix, count: number, options: CoresetOptions): Promise<Coreset> {
  if (!Number.isInteger(count) || count < 1 || count > rows.rows) {
    throw new BugError("coreset-count", `Expected 1 to ${rows.rows} picks of a coreset but received ${count}`);
  }
  checkFinite(rows);
  const { products, onPick } = options;
  const start = options.start ?? coresetStart(rows, "farthest-from-mean", 0);
  const nearest =
    "row" in start ? new Float64Array(rows.rows).fill(Infinity) : Float64Array.from(start.squaredDistances);
  if (("row" in start && !(start.row in nearest)) || nearest.length !== rows.rows) {
    const received = "row" in start ? `row ${start.row}` : `${nearest.length} distances`;
    throw new BugError("coreset-start", `Expected a start for ${rows.rows} rows but received ${received}`);
  }
  const picks = new Int32Array(count);
  const radii = new Float64Array(count);
  const distances = new PickDistances(rows, count, nearest, products);
  const rounds = new Rounds(distances, options.candidates ?? CANDIDATES);
  let done = 0;
  const pick = (row: number): void => {
    distances.add(row);
    picks[done++] = row;
    onPick?.(done, count);
  };
  if ("row" in start) {
    pick(start.row);
    distances.start();
  }
  for (;;) {
    const next = await rounds.farthest();
    if (done > 0) radii[done - 1] = Math.sqrt(next.squared);
    const isSpent = next.squared === 0 && done > 0;
    if (done === count || isSpent) return { picks: picks.slice(0, done), radii: radii.slice(0, done) };
    pick(next.row);
    rounds.update();
  }
}

/** Rounds of candidates: the rows above the bar, in ascending order and up to date with all picks. */
class Rounds {
  readonly #distances: PickDistances;
  readonly #size: number;
  #candidates = new Int32Array(0);
  #count = 0;
  #bar = Infinity;
  /** Place of the farthest candidate. */
  #best = 0;

  constructor(distances: PickDistances, size: number) {
    this.#distances = distances;
    this.#size = size;
  }

  /** @returns the row with the largest distance to the picks, the lowest of equals, and that distance squared */
  async farthest(): Promise<{ readonly row: number; readonly squared: number }> {
    if (this.#count === 0 && !(await this.#nextRound())) return { row: 0, squared: 0 };
    const row = this.#candidates[this.#best]!;
    return { row, squared: this.#distances.nearest[row]! };
  }

  /** Brings the candidates up to date after a pick; those that fall to the bar are let go. */
  update(): void {
    const { nearest } = this.#distances;
    for (let i = 0; i < this.#count; i++) {
      const row = this.#candidates[i]!;
      const squared = this.#distances.toLast(row, nearest[row]!);
      if (squared < nearest[row]!) nearest[row] = squared;
    }
    this.#letGo();
  }

  /** Brings all rows up to date, lowers the bar and fills the candidates. @returns false when no row is away from the picks */
  async #nextRound(): Promise<boolean> {
    const { nearest } = this.#distances;
    await this.#distances.refresh();
    this.#bar = barBelow(nearest, this.#size);
    if (this.#bar < 0) return false;
    this.#candidates = rowsAbove(nearest, this.#bar);
    this.#count = this.#candidates.length;
    this.#letGo();
    return true;
  }

  #letGo(): void {
    const { nearest } = this.#distances;
    let kept = 0;
    let largest = -1;
    for (let i = 0; i < this.#count; i++) {
      const row = this.#candidates[i]!;
      const squared = nearest[row]!;
      if (squared <= this.#bar) continue;
      if (squared > largest) {
        largest = squared;
        this.#best = kept;
      }
      this.#candidates[kept++] = row;
    }
    this.#count = kept;
  }
}

/**
 * A bar that some `count` values are above, judged by an even sample of them, and at least one.
 *
 * @returns below 0 when all values are 0
 */
function barBelow(values: Float64Array, count: number): number {
  const step = Math.ceil(values.length / SAMPLE);
  const sample = new Float64Array(Math.ceil(values.length / step));
  for (let i = 0, at = 0; at < values.length; i++, at += step) sample[i] = values[at]!;
  sample.sort();
  const bar = sample[Math.max(0, sample.length - 1 - Math.ceil(count / step))]!;
  let largest = 0;
  let below = -1;
  for (let row = 0; row < values.length; row++) if (values[row]! > largest) largest = values[row]!;
  if (largest === 0) return -1;
  if (largest > bar) return bar;
  // The bar is the largest value itself, which many rows share: the next smaller one.
  for (let row = 0; row < values.length; row++) {
    const value = values[row]!;
    if (value < largest && value > below) below = value;
  }
  return Math.max(0, below);
}

function rowsAbove(values: Float64Array, bar: number): Int32Array<ArrayBuffer> {
  let count = 0;
  for (let row = 0; row < values.length; row++) if (values[row]! > bar) count++;
  const rows = new Int32Array(count);
  for (let row = 0, at = 0; at < count; row++) if (values[row]! > bar) rows[at++] = row;
  return rows;
}
