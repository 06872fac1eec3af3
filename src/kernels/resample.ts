/**
 * The inner loops of `Resampler`, in AssemblyScript: `npm run kernels` compiles them to WebAssembly and writes
 * src/backbone/resample-kernel.ts. A product of a pixel and a weight has 30 bits, and SIMD multiplies 16: each weight w
 * comes as two halves, w >> 8 and w & 255, whose sums are exact and are put together at the end. So the result is that
 * of 32-bit integers to the bit.
 */

/** Where the three colours of the first two of four pixels go: pairs of 16-bit numbers, red, green and blue. */
const FIRST_TWO: v128 = i8x16(0, -1, 3, -1, 1, -1, 4, -1, 2, -1, 5, -1, -1, -1, -1, -1);
/** The same for the next two. */
const NEXT_TWO: v128 = i8x16(6, -1, 9, -1, 7, -1, 10, -1, 8, -1, 11, -1, -1, -1, -1, -1);

/** Weights are in units of 2⁻²². */
const PRECISION_BITS: i32 = 22;
const HALF: i32 = 1 << (PRECISION_BITS - 1);

/** The levels of four sums, not yet cut to 0 … 255. */
function levels(high: v128, low: v128): v128 {
  const sum = i32x4.add(i32x4.add(i32x4.shl(high, 8), low), i32x4.splat(HALF));
  return i32x4.shr_s(sum, PRECISION_BITS);
}

function sumOfLanes(v: v128): i32 {
  const two = i32x4.add(v, i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7));
  return i32x4.extract_lane(two, 0) + i32x4.extract_lane(two, 1);
}

/**
 * Resizes rows of RGB pixels, two at a time.
 *
 * @param source first pixel of the first row; read up to 12 · quads + 4 bytes beyond the last pixel
 * @param stride bytes from one source row to the next
 * @param rows even
 * @param target takes columns · 3 bytes a row, and one more
 * @param targetStride bytes from one target row to the next
 * @param starts byte in the row from which each column's pixels begin, u32, [columns]
 * @param weights of each column and four pixels: upper halves of two weights, their lower halves, the same for the next
 *   two; i16, [columns, quads, 8]
 */
export function rowsOfRgb(
  source: usize,
  stride: usize,
  rows: i32,
  target: usize,
  targetStride: usize,
  columns: i32,
  starts: usize,
  weights: usize,
  quads: i32,
): void {
  for (let y = 0; y < rows; y += 2) {
    let at = weights;
    for (let x = 0; x < columns; x++) {
      let from = source + <usize>load<u32>(starts + ((<usize>x) << 2));
      let high0 = i32x4.splat(0);
      let low0 = i32x4.splat(0);
      let high1 = i32x4.splat(0);
      let low1 = i32x4.splat(0);
      for (let quad = 0; quad < quads; quad++, from += 12, at += 16) {
        const highFirst = v128.load32_splat(at);
        const lowFirst = v128.load32_splat(at + 4);
        const highNext = v128.load32_splat(at + 8);
        const lowNext = v128.load32_splat(at + 12);
        const upper = v128.load(from);
        const upperFirst = i8x16.swizzle(upper, FIRST_TWO);
        const upperNext = i8x16.swizzle(upper, NEXT_TWO);
        high0 = i32x4.add(high0, i32x4.dot_i16x8_s(upperFirst, highFirst));
        low0 = i32x4.add(low0, i32x4.dot_i16x8_s(upperFirst, lowFirst));
        high0 = i32x4.add(high0, i32x4.dot_i16x8_s(upperNext, highNext));
        low0 = i32x4.add(low0, i32x4.dot_i16x8_s(upperNext, lowNext));
        const lower = v128.load(from + stride);
        const lowerFirst = i8x16.swizzle(lower, FIRST_TWO);
        const lowerNext = i8x16.swizzle(lower, NEXT_TWO);
        high1 = i32x4.add(high1, i32x4.dot_i16x8_s(lowerFirst, highFirst));
        low1 = i32x4.add(low1, i32x4.dot_i16x8_s(lowerFirst, lowFirst));
        high1 = i32x4.add(high1, i32x4.dot_i16x8_s(lowerNext, highNext));
        low1 = i32x4.add(low1, i32x4.dot_i16x8_s(lowerNext, lowNext));
      }
      const both = i16x8.narrow_i32x4_s(levels(high0, low0), levels(high1, low1));
      const bytes = i8x16.narrow_i16x8_u(both, both);
      const to = target + <usize>x * 3;
      // The fourth byte is the next pixel's, which comes after.
      store<u32>(to, i32x4.extract_lane(bytes, 0));
      store<u32>(to + targetStride, i32x4.extract_lane(bytes, 1));
    }
    source += stride << 1;
    target += targetStride << 1;
  }
}

/**
 * Resizes rows of grey pixels.
 *
 * @param source as above; read up to 8 · octets bytes beyond the last pixel
 * @param weights of each column and eight pixels: upper halves, then lower halves; i16, [columns, octets, 16]
 */
export function rowsOfGrey(
  source: usize,
  stride: usize,
  rows: i32,
  target: usize,
  targetStride: usize,
  columns: i32,
  starts: usize,
  weights: usize,
  octets: i32,
): void {
  for (let y = 0; y < rows; y++) {
    let at = weights;
    for (let x = 0; x < columns; x++) {
      let from = source + <usize>load<u32>(starts + ((<usize>x) << 2));
      let high = i32x4.splat(0);
      let low = i32x4.splat(0);
      for (let octet = 0; octet < octets; octet++, from += 8, at += 32) {
        const pixels = v128.load8x8_u(from);
        high = i32x4.add(high, i32x4.dot_i16x8_s(pixels, v128.load(at)));
        low = i32x4.add(low, i32x4.dot_i16x8_s(pixels, v128.load(at, 16)));
      }
      const level = ((sumOfLanes(high) << 8) + sumOfLanes(low) + HALF) >> PRECISION_BITS;
      store<u8>(target + x, <u8>max(0, min(255, level)));
    }
    source += stride;
    target += targetStride;
  }
}

/**
 * Resizes columns of bytes, sixteen at a time.
 *
 * @param source rows of `stride` bytes, a multiple of 16; read up to 2 · pairs rows from each start
 * @param rows of the target
 * @param starts byte of the row from which each target row's begin, u32, [rows]
 * @param weights of each target row and two source rows: upper halves, then lower halves; i16, [rows, pairs, 4]
 */
export function columnsOf(
  source: usize,
  stride: usize,
  target: usize,
  rows: i32,
  starts: usize,
  weights: usize,
  pairs: i32,
): void {
  for (let y = 0; y < rows; y++) {
    const first = source + <usize>load<u32>(starts + ((<usize>y) << 2));
    for (let column: usize = 0; column < stride; column += 16) {
      let from = first + column;
      let at = weights;
      let high0 = i32x4.splat(0);
      let high1 = i32x4.splat(0);
      let high2 = i32x4.splat(0);
      let high3 = i32x4.splat(0);
      let low0 = i32x4.splat(0);
      let low1 = i32x4.splat(0);
      let low2 = i32x4.splat(0);
      let low3 = i32x4.splat(0);
      for (let pair = 0; pair < pairs; pair++, from += stride << 1, at += 8) {
        const highPart = v128.load32_splat(at);
        const lowPart = v128.load32_splat(at + 4);
        const upper = v128.load(from);
        const lower = v128.load(from + stride);
        const left = i8x16.shuffle(upper, lower, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        const right = i8x16.shuffle(upper, lower, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        const first4 = i16x8.extend_low_i8x16_u(left);
        const second4 = i16x8.extend_high_i8x16_u(left);
        const third4 = i16x8.extend_low_i8x16_u(right);
        const last4 = i16x8.extend_high_i8x16_u(right);
        high0 = i32x4.add(high0, i32x4.dot_i16x8_s(first4, highPart));
        low0 = i32x4.add(low0, i32x4.dot_i16x8_s(first4, lowPart));
        high1 = i32x4.add(high1, i32x4.dot_i16x8_s(second4, highPart));
        low1 = i32x4.add(low1, i32x4.dot_i16x8_s(second4, lowPart));
        high2 = i32x4.add(high2, i32x4.dot_i16x8_s(third4, highPart));
        low2 = i32x4.add(low2, i32x4.dot_i16x8_s(third4, lowPart));
        high3 = i32x4.add(high3, i32x4.dot_i16x8_s(last4, highPart));
        low3 = i32x4.add(low3, i32x4.dot_i16x8_s(last4, lowPart));
      }
      const leftHalf = i16x8.narrow_i32x4_s(levels(high0, low0), levels(high1, low1));
      const rightHalf = i16x8.narrow_i32x4_s(levels(high2, low2), levels(high3, low3));
      v128.store(target + column, i8x16.narrow_i16x8_u(leftHalf, rightHalf));
    }
    target += stride;
    weights += (<usize>pairs) << 3;
  }
}
