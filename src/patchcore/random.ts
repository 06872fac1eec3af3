import { BugError } from "../shared/errors.ts";
import { inverseNormalCdf } from "./normal.ts";

/** A stream of pseudo-random numbers; the same seed gives the same stream on every machine. */
export interface Random {
  /** Uniform in [0, 2³²), integer. */
  uint32(): number;
  /** Uniform in (0, 1), never either end; 53 bits. */
  uniform(): number;
  /** Standard normal. */
  gaussian(): number;
}

/**
 * xoshiro128** 1.1 (Blackman and Vigna, https://prng.di.unimi.it/xoshiro128starstar.c), its state drawn from the seed
 * by four steps of splitmix32. All integer arithmetic is modulo 2³², so there is nothing that could differ between
 * machines; Gaussians are the inverse distribution function of one uniform number each.
 *
 * @param seed integer in [0, 2³²)
 */
export function seededRandom(seed: number): Random {
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffffffff) {
    throw new BugError("seed", `Expected an integer from 0 to 4294967295 for the seed but received ${seed}`);
  }
  const next = splitmix32(seed);
  // splitmix32 visits each number once, so at most one of the four is 0 and the state is never all zero.
  let a = next();
  let b = next();
  let c = next();
  let d = next();
  const uint32 = (): number => {
    const product = Math.imul(b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = (d << 11) | (d >>> 21);
    return result;
  };
  // 26 and 26 bits and a half: the least value is 2⁻⁵³ and the largest 1 − 2⁻⁵³, both exact.
  const uniform = (): number => ((uint32() >>> 6) * 0x4000000 + (uint32() >>> 6) + 0.5) / 0x10000000000000;
  return { uint32, uniform, gaussian: () => inverseNormalCdf(uniform()) };
}

/** Weyl sequence with the golden ratio, mixed by MurmurHash3's finaliser. */
function splitmix32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return z ^ (z >>> 16);
  };
}
