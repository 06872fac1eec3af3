/**
 * The inner loops of `RowKernel`, in AssemblyScript: `npm run kernels` compiles them to WebAssembly and writes
 * src/search/rerank-kernel.ts. Sums run in the order of `squaredDistanceUpTo`, four at a time in two registers, so that
 * the results are the same to the bit.
 */

/** Dimensions between two looks at the bar. */
const STEP: i32 = 16;

/** Squared distance of two float32 vectors in float64, as `squaredDistanceUpTo` of patchcore. */
function squaredDistanceUpTo(a: usize, b: usize, dims: i32, bar: f64): f64 {
  let s01 = f64x2.splat(0);
  let s23 = f64x2.splat(0);
  const whole = dims - (dims % STEP);
  let d = 0;
  while (d < whole) {
    for (const stop = d + STEP; d < stop; d += 4, a += 16, b += 16) {
      const left = v128.load(a);
      const right = v128.load(b);
      const x01 = f64x2.sub(f64x2.promote_low_f32x4(left), f64x2.promote_low_f32x4(right));
      const x23 = f64x2.sub(f64x2.promote_low_f32x4(upperHalf(left)), f64x2.promote_low_f32x4(upperHalf(right)));
      s01 = f64x2.add(s01, f64x2.mul(x01, x01));
      s23 = f64x2.add(s23, f64x2.mul(x23, x23));
    }
    const sum = sumOf(s01, s23);
    if (sum > bar) return sum;
  }
  let s0 = f64x2.extract_lane(s01, 0);
  for (; d < dims; d++, a += 4, b += 4) {
    const x = <f64>load<f32>(a) - <f64>load<f32>(b);
    s0 += x * x;
  }
  return s0 + f64x2.extract_lane(s01, 1) + (f64x2.extract_lane(s23, 0) + f64x2.extract_lane(s23, 1));
}

function upperHalf(v: v128): v128 {
  return i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
}

function sumOf(s01: v128, s23: v128): f64 {
  return (
    f64x2.extract_lane(s01, 0) + f64x2.extract_lane(s01, 1) + (f64x2.extract_lane(s23, 0) + f64x2.extract_lane(s23, 1))
  );
}

/**
 * The k nearest of each query's candidates, of equals the lower rows.
 *
 * @param queries float32, [count, dims]
 * @param rows float32, [.., dims]
 * @param candidates rows, i32, [count, width]; −1: none
 * @param squared takes squared distances, f64, [count, k]; Infinity where there are too few candidates
 * @param ids takes rows, i32, [count, k]; −1 where there are too few
 */
export function rank(
  queries: usize,
  count: i32,
  dims: i32,
  rows: usize,
  candidates: usize,
  width: i32,
  k: i32,
  squared: usize,
  ids: usize,
): void {
  const bytes = (<usize>dims) << 2;
  const last = k - 1;
  for (let query = 0; query < count; query++) {
    for (let i = 0; i < k; i++) {
      store<f64>(squared + ((<usize>i) << 3), Infinity);
      store<i32>(ids + ((<usize>i) << 2), -1);
    }
    for (let i = 0; i < width; i++, candidates += 4) {
      const row = load<i32>(candidates);
      if (row < 0) continue;
      const bar = load<f64>(squared + ((<usize>last) << 3));
      const found = squaredDistanceUpTo(queries, rows + <usize>row * bytes, dims, bar);
      const lastId = load<i32>(ids + ((<usize>last) << 2));
      if (found > bar || (found == bar && lastId >= 0 && row > lastId)) continue;
      insert(squared, ids, last, found, row);
    }
    queries += bytes;
    squared += (<usize>k) << 3;
    ids += (<usize>k) << 2;
  }
}

function insert(squared: usize, ids: usize, last: i32, found: f64, row: i32): void {
  let at = last;
  for (; at > 0; at--) {
    const before = load<f64>(squared + ((<usize>(at - 1)) << 3));
    const id = load<i32>(ids + ((<usize>(at - 1)) << 2));
    if (id >= 0 && (before < found || (before == found && id < row))) break;
    store<f64>(squared + ((<usize>at) << 3), before);
    store<i32>(ids + ((<usize>at) << 2), id);
  }
  store<f64>(squared + ((<usize>at) << 3), found);
  store<i32>(ids + ((<usize>at) << 2), row);
}
