/**
 * Rows above which the graph (M = 16, ef = 64) is quicker than exact int8, by dimension. Processor time in ms of one
 * search on two threads of an x86-64 server with VNNI, re-ranking included (test/bench/search.ts, medians; durations are
 * half of it on an idle machine):
 *
 *   784 queries            2,500 rows   10,000   16,000   25,000   40,000   100,000
 *   152   exact int8             5.8       17       27       52       71       167
 *         HNSW int8               25       26       28       32       36        43
 *   1,600 queries                5,000 rows                25,000   40,000
 *   152   exact int8                       17                74      122
 *         HNSW int8                        53                53       60
 *   784 queries            2,500 rows   12,000   20,000   30,000
 *   384   exact int8             9.1       35       57       73
 *         HNSW int8               35       48       55       50
 *   1536  exact int8              26       67       76       98
 *         HNSW int8              102      104       89      103
 *
 * Exact search grows by its rows, the graph hardly; the crossings are read from these lines. They are about the same for
 * 64, 784 and 1,600 queries. Without VNNI exact int8 takes twice as long, and the graph would win at half the rows.
 */
const CROSSOVERS = [
  { dims: 152, rows: 16_000 },
  { dims: 384, rows: 20_000 },
  { dims: 1536, rows: 30_000 },
] as const;

/**
 * The quicker index for a bank. Both report true distances; exact int8 finds the nearest row slightly more often, so it
 * is taken up to the crossover.
 *
 * @param rows of the bank
 * @param dims of a row
 */
export function chooseIndex(rows: number, dims: number): "exact" | "hnsw" {
  return rows <= crossoverRows(dims) ? "exact" : "hnsw";
}

/** Between the measured dimensions the crossover is interpolated over the logarithm of the dimension. */
function crossoverRows(dims: number): number {
  let [below] = CROSSOVERS as readonly [Crossover, ...Crossover[]];
  if (dims <= below.dims) return below.rows;
  for (const above of CROSSOVERS) {
    if (dims <= above.dims) {
      const share = Math.log(dims / below.dims) / Math.log(above.dims / below.dims);
      return below.rows + share * (above.rows - below.rows);
    }
    below = above;
  }
  return below.rows;
}

interface Crossover {
  readonly dims: number;
  readonly rows: number;
}
