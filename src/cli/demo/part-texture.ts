import { seededRandom } from "../../patchcore/random.ts";
import type { Random } from "../../patchcore/random.ts";

/** The random surfaces of one picture: all tables are drawn from the seed. */
export interface PartTexture {
  /** Turning marks: brightness at a radius in pixels, about −1 to 1. */
  groove(radius: number): number;
  /** Smooth unevenness over the picture, −1 to 1, about 40 pixels from hill to hill. */
  cloud(x: number, y: number): number;
  /** Brightness of the belt's weave, about −1 to 1. */
  weave(x: number, y: number): number;
  /** Noise of the camera, standard deviation 1. */
  noise(): number;
}

const TEXTURE_STREAM = 0x7e87_0000;
const CLOUD_CELLS = 16;
const WEAVE_PERIOD = 64;

/** @param unit pixels per reference pixel */
export function partTexture(seed: number, size: number, unit: number): PartTexture {
  const random = seededRandom((seed ^ TEXTURE_STREAM) >>> 0);
  const grooves = turningMarks(random);
  const clouds = Float32Array.from({ length: (CLOUD_CELLS + 2) ** 2 }, () => random.uniform() * 2 - 1);
  const threads = Float32Array.from({ length: WEAVE_PERIOD * WEAVE_PERIOD }, () => random.uniform() * 2 - 1);
  const shift = { x: random.uniform() * 8, y: random.uniform() * 8 };
  const cell = CLOUD_CELLS / size;
  return {
    groove: (radius) => {
      const at = (radius / unit) * 2;
      const index = Math.floor(at);
      const from = grooves[index % grooves.length]!;
      return from + (grooves[(index + 1) % grooves.length]! - from) * (at - index);
    },
    cloud: (x, y) => bilinear(clouds, CLOUD_CELLS + 2, x * cell, y * cell),
    weave: (x, y) => {
      const u = (x / unit + shift.x) * 0.785;
      const v = (y / unit + shift.y) * 0.785;
      const thread = threads[(Math.floor(y) % WEAVE_PERIOD) * WEAVE_PERIOD + (Math.floor(x) % WEAVE_PERIOD)]!;
      return 0.45 * Math.sin(u + v) * Math.sin(u - v) + 0.55 * thread;
    },
    // The sum of four bytes is nearly normal, with variance 4 · (256² − 1) / 12.
    noise: () => {
      const word = random.uint32();
      return ((word & 255) + ((word >>> 8) & 255) + ((word >>> 16) & 255) + (word >>> 24) - 510) / 147.8;
    },
  };
}

/** Fine marks with a slower swing under them: white noise, and its running mean made louder. */
function turningMarks(random: Random): Float32Array {
  const white = Float32Array.from({ length: 512 }, () => random.gaussian());
  return white.map((value, index) => {
    let sum = 0;
    for (let step = 0; step < 9; step++) sum += white[(index + step) % white.length]!;
    return Math.max(-2, Math.min(2, 0.3 * value + 0.22 * sum));
  });
}

function bilinear(table: Float32Array, stride: number, x: number, y: number): number {
  const column = Math.floor(x);
  const row = Math.floor(y);
  const at = row * stride + column;
  const u = x - column;
  const v = y - row;
  const above = table[at]! + (table[at + 1]! - table[at]!) * u;
  const below = table[at + stride]! + (table[at + stride + 1]! - table[at + stride]!) * u;
  return above + (below - above) * v;
}
