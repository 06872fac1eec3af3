/**
 * Rows above which the graph (M = 16, ef = 64) is quicker than exact int8, by dimension. Processor time in ms of one
 * search on two threads of an x86-64 server with VNNI, re-ranking included (test/bench/search.ts, medians; durations are
 * half of it on an idle machine):
 *
 *   784 queries            1,000 rows   5,000   10,000   16,000
 *   152   exact int8             3.4       11       19       32
 *         HNSW int8               19       29       32       38
 *   1,600 queries × 152
 *         exact int8             6.0       20       41       64
 *         HNSW int8               39       55       67       83
 *   784 queries            2,500 rows   5,000    6,000   12,000
 *   384   exact int8                      18                39
 *         HNSW int8                       42                58
 *   1536  exact int8              36                72
 *         HNSW int8               88               139
 *
 * Exact search grows by its rows, the graph by about the same for each doubling of them; the crossings are read from
 * these lines drawn further. They are about the same for 784 and for 1,600 queries. Without VNNI exact int8 takes twice as
 * long, and the graph would win at half the rows.
 */
const CROSSOVERS = [
  { dims: 152, rows: 21_000 },
  { dims: 384, rows: 21_000 },
  { dims: 1536, rows: 18_000 },
] as const;

/** Fewer queries than this do not spread the cost of packing the rows, which exact search pays in every run. */
const FEW_QUERIES = 256;

/** How much earlier the graph wins with few queries. */
const FEW_QUERIES_FACTOR = 0.4;

/**
 * The quicker index for a bank. Both report true distances; exact int8 finds the nearest row slightly more often, so it
 * is taken up to the crossover.
 *
 * @param rows of the bank
 * @param dims of a row
 * @param queries patches of a frame
 */
export function chooseIndex(rows: number, dims: number, queries: number): "exact" | "hnsw" {
  const crossover = crossoverRows(dims) * (queries < FEW_QUERIES ? FEW_QUERIES_FACTOR : 1);
  return rows <= crossover ? "exact" : "hnsw";
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
