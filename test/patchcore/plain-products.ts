import type { CentredProducts } from "../../src/patchcore/pick-distances.ts";

/** Products of rows as a plain loop with float32 sums, so that they round as a library's may. */
export const plainProducts: CentredProducts = (a, aRows, centre, b, bRows, offsets) => {
  const dims = centre.length;
  const products = new Float32Array(aRows * bRows);
  const largest = new Float32Array(aRows).fill(-Infinity);
  for (let i = 0; i < aRows; i++) {
    for (let j = 0; j < bRows; j++) {
      let sum = 0;
      for (let d = 0; d < dims; d++) {
        sum = Math.fround(sum + Math.fround(Math.fround(a[i * dims + d]! - centre[d]!) * b[j * dims + d]!));
      }
      products[i * bRows + j] = Math.fround(sum + offsets[j]!);
      largest[i] = Math.max(largest[i]!, products[i * bRows + j]!);
    }
  }
  return Promise.resolve({ products, largest });
};

/** The same, each value as far below the true one as D roundings allow: what a filter without a margin falls for. */
export const lowProducts: CentredProducts = (a, aRows, centre, b, bRows, offsets) => {
  const dims = centre.length;
  const products = new Float32Array(aRows * bRows);
  const largest = new Float32Array(aRows).fill(-Infinity);
  for (let i = 0; i < aRows; i++) {
    for (let j = 0; j < bRows; j++) {
      let sum = offsets[j]!;
      let size = Math.abs(sum);
      for (let d = 0; d < dims; d++) {
        const term = Math.fround(a[i * dims + d]! - centre[d]!) * b[j * dims + d]!;
        sum += term;
        size += Math.abs(term);
      }
      products[i * bRows + j] = sum - (dims + 1) * 2 ** -24 * size;
      largest[i] = Math.max(largest[i]!, products[i * bRows + j]!);
    }
  }
  return Promise.resolve({ products, largest });
};
