/**
 * Rows above which the graph (M = 16, ef = 64) is quicker than exact int8, by dimension. Medians in ms of one search on
 * two threads of an x86-64 server with VNNI (2 cores), re-ranking included, embeddings of EfficientNet-Lite0:
 *
 *   1,600 queries × 152    1,000 rows   5,000   16,000
 *   exact int8                 5.6       17       46
 *   HNSW int8                 18         25       33
 *     64 queries × 152
 *   exact int8                 0.3        1.1      3.4
 *   HNSW int8                  0.8        0.9      1.1
 *
 * The graph gains with the dimension, as it looks at fewer vectors: 784 queries × 384 cross at about 8,000 rows,
 * × 1,536 at about 5,000.
 */
const CROSSOVERS = [
  { dims: 152, rows: 10_000 },
  { dims: 384, rows: 8_000 },
  { dims: 1536, rows: 5_000 },
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
