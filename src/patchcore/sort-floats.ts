/** Bits of one pass; three passes cover 32. With 2¹¹ counters a pass stays in the first-level cache. */
const BITS = 11;
const PASSES = 3;
const BUCKETS = 1 << BITS;

/** Below this, setting the counters up costs more than the native sort. */
const FEW = 4096;

/**
 * Sorts finite float32 values in ascending order, in place, by their bits (least significant digit first). On millions of
 * values it takes a tenth of the time of the native sort, which compares; −0 comes before 0, as there.
 *
 * @param scratch at least as long as `values`, overwritten
 */
export function sortFloats(values: Float32Array, scratch: Uint32Array): void {
  if (values.length < FEW) {
    values.sort();
    return;
  }
  let from = new Uint32Array(values.buffer, values.byteOffset, values.length);
  let to = scratch.subarray(0, values.length);
  const bits = from;
  const counts = digitCounts(bits);
  for (let pass = 0; pass < PASSES; pass++) {
    scatter(from, to, counts.subarray(pass * BUCKETS, (pass + 1) * BUCKETS), pass * BITS);
    [from, to] = [to, from];
  }
  // After an odd number of passes the sorted keys lie in the scratch.
  for (let i = 0; i < bits.length; i++) {
    const key = from[i]!;
    bits[i] = (key & 0x80000000) !== 0 ? key ^ 0x80000000 : ~key;
  }
}

/**
 * Turns floats' bits into keys of the same order (all bits of a negative one flipped, the sign of others) and counts their
 * digits. @returns [passes, buckets] how many keys have that digit
 */
function digitCounts(bits: Uint32Array): Uint32Array {
  const counts = new Uint32Array(PASSES * BUCKETS);
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i]!;
    const key = ((word & 0x80000000) !== 0 ? ~word : word ^ 0x80000000) >>> 0;
    bits[i] = key;
    counts[key & (BUCKETS - 1)]!++;
    counts[BUCKETS + ((key >>> BITS) & (BUCKETS - 1))]!++;
    counts[2 * BUCKETS + (key >>> (2 * BITS))]!++;
  }
  return counts;
}

/** Moves every key to its digit's place; keys of one digit keep their order. `counts` becomes places. */
function scatter(from: Uint32Array, to: Uint32Array, counts: Uint32Array, shift: number): void {
  let place = 0;
  for (let digit = 0; digit < BUCKETS; digit++) {
    const count = counts[digit]!;
    counts[digit] = place;
    place += count;
  }
  for (let i = 0; i < from.length; i++) {
    const key = from[i]!;
    const digit = (key >>> shift) & (BUCKETS - 1);
    to[counts[digit]!++] = key;
  }
}
