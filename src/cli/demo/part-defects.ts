import { seededRandom } from "../../patchcore/random.ts";
import type { Random } from "../../patchcore/random.ts";
import { NOMINAL_PRINT, pointOnPart } from "./part-geometry.ts";
import type { DefectKind, PartGeometry, Point } from "./part-geometry.ts";

/** A change of the metal's surface inside a box of pixels; arrays row by row, `width * height` each. */
export interface Blemish {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** 0–1: how much of the pixel is damaged; the true mask is where it is at least one half. */
  readonly coverage: Float32Array;
  /** Factor of the brightness; it may reach a little beyond the coverage (displaced metal around a dent). */
  readonly gain: Float32Array;
  /** Factor of red, green and blue where coverage is 1. */
  readonly tint: readonly [number, number, number];
}

/** What makes a part anomalous. Exactly one of the three is set. */
export type Defect = { readonly blemish: Blemish } | { readonly missingHole: number } | { readonly print: string };

const WRONG_PRINTS = ["M6 A2-70", "M8 A4-80", "M8 C3-50", "M3 B2-70", "8M 07-2A", "M8 A2", "A2-70 M8"];
const DEFECT_STREAM = 0x5eed_de7e;

/** Draws place, size and look of a defect; deterministic by `seed`. */
export function drawDefect(kind: DefectKind, seed: number, part: PartGeometry): Defect {
  const random = seededRandom((seed ^ DEFECT_STREAM) >>> 0);
  switch (kind) {
    case "scratch":
      return { blemish: scratch(part, random) };
    case "dent":
      return { blemish: dent(part, random) };
    case "stain":
      return { blemish: stain(part, random) };
    case "missing-hole":
      return { missingHole: random.uint32() % part.holes.length };
    case "wrong-print":
      return { print: WRONG_PRINTS[random.uint32() % WRONG_PRINTS.length] ?? `${NOMINAL_PRINT}-0` };
    default:
      return kind satisfies never;
  }
}

const between = (random: Random, low: number, high: number): number => low + (high - low) * random.uniform();
const smooth = (from: number, to: number, value: number): number => {
  const t = Math.min(1, Math.max(0, (value - from) / (to - from)));
  return t * t * (3 - 2 * t);
};

/** A place on the face that no hole takes away: the holes are at −90, 30 and 150 degrees. */
function placeOnFace(part: PartGeometry, random: Random): { readonly point: Point; readonly degrees: number } {
  const sector = [-90, 30, 150][random.uint32() % 3] ?? 30;
  const degrees = sector + between(random, 22, 98);
  const middle = (part.outerRadius + part.innerRadius) / 2;
  return { point: pointOnPart(part, middle + between(random, -16, 16) * part.unit, degrees), degrees };
}

type Pixel = (x: number, y: number) => { readonly coverage: number; readonly gain: number };

function blemishAround(centre: Point, reach: number, part: PartGeometry, tint: Blemish["tint"], pixel: Pixel): Blemish {
  const left = Math.max(0, Math.floor(centre.x - reach));
  const top = Math.max(0, Math.floor(centre.y - reach));
  const width = Math.min(part.size, Math.ceil(centre.x + reach)) - left;
  const height = Math.min(part.size, Math.ceil(centre.y + reach)) - top;
  const coverage = new Float32Array(width * height);
  const gain = new Float32Array(width * height).fill(1);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const drawn = pixel(left + x + 0.5, top + y + 0.5);
      coverage[y * width + x] = drawn.coverage;
      gain[y * width + x] = drawn.gain;
    }
  }
  return { left, top, width, height, coverage, gain, tint };
}

/** A gouge: a bent groove with one flank in the light and one in the shade, thinning out towards its ends. */
function scratch(part: PartGeometry, random: Random): Blemish {
  const { point, degrees } = placeOnFace(part, random);
  const half = between(random, 26, 44) * part.unit;
  const widest = between(random, 3.6, 5.2) * part.unit;
  const bend = between(random, -0.22, 0.22);
  // Across the turning marks, give or take; along them it would pass for one.
  const angle = ((degrees + part.rotation + between(random, -50, 50)) * Math.PI) / 180;
  const along = { x: Math.cos(angle), y: Math.sin(angle) };
  const lit = -along.y * part.light.direction.x + along.x * part.light.direction.y >= 0 ? 1 : -1;
  const grit = Array.from({ length: 64 }, () => between(random, 0.75, 1.25));
  return blemishAround(point, half * 1.25, part, [1, 1, 1], (x, y) => {
    const u = ((x - point.x) * along.x + (y - point.y) * along.y) / half;
    const v = -(x - point.x) * along.y + (y - point.y) * along.x - bend * half * (u * u - 0.3);
    if (Math.abs(u) >= 1) return { coverage: 0, gain: 1 };
    const roughness = grit[Math.floor((u + 1) * 31.9)] ?? 1;
    const width = widest * Math.sqrt(1 - u * u) * (0.8 + 0.2 * roughness);
    const coverage = Math.min(1, Math.max(0, width - Math.abs(v) + 0.5));
    const side = (v / Math.max(width, 0.5)) * lit;
    const gain = side > 0.15 ? 1 + 0.5 * roughness * side : 0.4 + 0.15 * roughness;
    return { coverage, gain: 1 + coverage * (gain - 1) };
  });
}

/** A blow: an oval hollow whose side towards the lamp lies in the shade, with a bright rim of displaced metal. */
function dent(part: PartGeometry, random: Random): Blemish {
  const { point } = placeOnFace(part, random);
  const radius = between(random, 13, 20) * part.unit;
  const stretch = between(random, 0.78, 1);
  const angle = between(random, 0, Math.PI);
  const depth = between(random, 0.5, 0.75);
  const { direction } = part.light;
  return blemishAround(point, radius * 1.2, part, [1, 1, 1], (x, y) => {
    const u = ((x - point.x) * Math.cos(angle) + (y - point.y) * Math.sin(angle)) / radius;
    const v = (-(x - point.x) * Math.sin(angle) + (y - point.y) * Math.cos(angle)) / (radius * stretch);
    const distance = Math.hypot(u, v);
    const towardsLamp = ((x - point.x) * direction.x + (y - point.y) * direction.y) / radius;
    const slope = smooth(0, 0.55, distance) * (1 - smooth(0.8, 1.02, distance));
    const rim = smooth(0.84, 0.94, distance) * (1 - smooth(0.97, 1.06, distance));
    return {
      coverage: Math.min(1, Math.max(0, (1 - distance) * radius + 0.5)),
      gain: 1 - 0.16 * (1 - smooth(0.7, 1, distance)) - depth * towardsLamp * slope + 0.25 * rim,
    };
  });
}

/** Dried coolant or rust: a lobed spot with a darker edge, as a drop leaves when it dries. */
function stain(part: PartGeometry, random: Random): Blemish {
  const { point } = placeOnFace(part, random);
  const radius = between(random, 15, 25) * part.unit;
  const lobes = [2, 3, 5].map((count) => ({
    count,
    height: between(random, 0.05, 0.4 / count),
    phase: between(random, 0, Math.PI * 2),
  }));
  const ripple = between(random, 0, Math.PI * 2);
  const rust = random.uniform() < 0.5;
  const darkness = between(random, 0.26, 0.42);
  const tint: Blemish["tint"] = rust ? [1.04, 0.82, 0.6] : [0.98, 0.95, 0.82];
  return blemishAround(point, radius * 1.6, part, tint, (x, y) => {
    const angle = Math.atan2(y - point.y, x - point.x);
    const edge =
      radius * lobes.reduce((sum, { count, height, phase }) => sum + height * Math.sin(count * angle + phase), 1);
    const inside = edge - Math.hypot(x - point.x, y - point.y);
    const dried = 1 - smooth(0, 5 * part.unit, inside);
    const film = darkness * (0.72 + 0.28 * Math.sin((x * 0.21 + y * 0.13) / part.unit + ripple));
    const coverage = Math.min(1, Math.max(0, inside / (1.5 * part.unit) + 0.5));
    return { coverage, gain: 1 - coverage * (film + 0.18 * dried) };
  });
}
