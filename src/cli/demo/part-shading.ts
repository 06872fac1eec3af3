import type { Blemish } from "./part-defects.ts";
import type { PartGeometry, Point } from "./part-geometry.ts";
import type { PartTexture } from "./part-texture.ts";

/** Everything that a picture is made of. */
export interface Surface {
  readonly part: PartGeometry;
  readonly texture: PartTexture;
  /** The holes that are there. */
  readonly holes: readonly Point[];
  /** How much of each pixel the print covers, 0–255. */
  readonly print: Uint8Array;
  readonly blemish: Blemish | null;
}

// Math.hypot guards against overflow at ten times the cost, and a picture has a quarter of a million pixels.
const length = (x: number, y: number): number => Math.sqrt(x * x + y * y);
const clamp01 = (value: number): number => (value < 0 ? 0 : value > 1 ? 1 : value);

/** Share of the pixel around a point that is metal: the ring without its holes. */
export function metalAt(part: PartGeometry, holes: readonly Point[], x: number, y: number): number {
  const radius = length(x - part.centre.x, y - part.centre.y);
  let inside = Math.min(part.outerRadius - radius, radius - part.innerRadius);
  if (isNearHoles(part, radius)) {
    for (const hole of holes) inside = Math.min(inside, length(x - hole.x, y - hole.y) - part.holeRadius);
  }
  return clamp01(inside + 0.5);
}

/** False for most pixels, which are thereby spared a look at each hole. */
function isNearHoles(part: PartGeometry, radius: number): boolean {
  return Math.abs(radius - part.holeCircle) < part.holeRadius + part.holeChamfer + 1;
}

/** @returns RGB, interleaved, the bytes of the picture */
export function shadePart(surface: Surface): Uint8Array {
  const { part, texture, holes } = surface;
  const { size, light } = part;
  const pixels = new Uint8Array(size * size * 3);
  const beltColour = [0.93, 1, 0.97] as const;
  const metalColour = [0.985, 1, 1.015] as const;
  for (let y = 0, at = 0; y < size; y++) {
    for (let x = 0; x < size; x++, at += 3) {
      const metal = metalAt(part, holes, x + 0.5, y + 0.5);
      const belt = metal < 1 ? beltLight(surface, x + 0.5, y + 0.5) : 0;
      const face = metal > 0 ? metalLight(surface, x, y) : 0;
      const spot = metal > 0 ? blemishAt(surface.blemish, x, y) : -1;
      const lamp = light.gain * (1 + light.gradient.x * ((2 * x) / size - 1) + light.gradient.y * ((2 * y) / size - 1));
      const grain = texture.noise();
      for (let channel = 0; channel < 3; channel++) {
        const value = metal * face * metalColour[channel]! * tintAt(surface.blemish, spot, channel);
        const lit = (value + (1 - metal) * belt * beltColour[channel]!) * lamp;
        // Photon noise: brighter pixels are noisier.
        const level = lit + grain * (0.9 + 0.011 * lit);
        pixels[at + channel] = level < 0 ? 0 : level > 255 ? 255 : level + 0.5;
      }
    }
  }
  return pixels;
}

/** Brightness of the belt, 0–255: a woven dark band in the part's shadow. */
function beltLight({ part, texture, holes }: Surface, x: number, y: number): number {
  const { unit, light } = part;
  const woven = 47 + 4.5 * texture.weave(x, y) + 4 * texture.cloud(x, y);
  // The part is 9 reference pixels thick: what lies that far behind its edge, seen from the lamp, is in the shade.
  const shadowX = x + light.direction.x * 9 * unit;
  const shadowY = y + light.direction.y * 9 * unit;
  const radius = length(shadowX - part.centre.x, shadowY - part.centre.y);
  const depth = Math.min(part.outerRadius - radius, radius - part.innerRadius);
  const shadow = 0.62 * clamp01(0.5 + depth / (9 * unit));
  const isInHole =
    isNearHoles(part, length(x - part.centre.x, y - part.centre.y)) &&
    holes.some((hole) => length(x - hole.x, y - hole.y) < part.holeRadius + 1);
  return woven * (1 - (isInHole ? Math.max(shadow, 0.55) : shadow));
}

/** Brightness of the metal, 0–255: turning marks shine in two sectors, bevels by where they face, print is dark. */
function metalLight({ part, texture, holes, print, blemish }: Surface, x: number, y: number): number {
  const { centre, unit, light } = part;
  const dx = x + 0.5 - centre.x;
  const dy = y + 0.5 - centre.y;
  const radius = length(dx, dy);
  // cos of twice the angle to the lamp: circular marks reflect across their direction, so two opposite sectors shine.
  const across = (dx * light.direction.x + dy * light.direction.y) / radius;
  const shine = across * across;
  let level = 136 + 46 * shine * shine + 5 * texture.cloud(x, y);
  level += texture.groove(radius) * (4 + 6 * shine) * (1 + 0.35 * texture.cloud(y, x));
  level -= level * 0.62 * (print[y * part.size + x]! / 255);

  const fromOuter = part.outerRadius - radius;
  const fromInner = radius - part.innerRadius;
  const facing = across * 62;
  if (fromOuter < part.chamfer) level = bevel(fromOuter / part.chamfer, level, 168 + facing);
  if (fromInner < part.chamfer) level = bevel(fromInner / part.chamfer, level, 140 - facing);
  for (const hole of isNearHoles(part, radius) ? holes : []) {
    const hx = x + 0.5 - hole.x;
    const hy = y + 0.5 - hole.y;
    const distance = length(hx, hy);
    const fromHole = distance - part.holeRadius;
    if (fromHole >= part.holeChamfer) continue;
    const tilt = (hx * light.direction.x + hy * light.direction.y) / Math.max(distance, unit);
    level = bevel(fromHole / part.holeChamfer, level, 136 - tilt * 58);
  }
  const spot = blemishAt(blemish, x, y);
  return blemish === null || spot < 0 ? level : level * blemish.gain[spot]!;
}

/** Index into a blemish's arrays, or −1 outside its box. */
function blemishAt(blemish: Blemish | null, x: number, y: number): number {
  if (blemish === null) return -1;
  const column = x - blemish.left;
  const row = y - blemish.top;
  return column < 0 || row < 0 || column >= blemish.width || row >= blemish.height ? -1 : row * blemish.width + column;
}

function tintAt(blemish: Blemish | null, spot: number, channel: number): number {
  return blemish === null || spot < 0 ? 1 : 1 + blemish.coverage[spot]! * (blemish.tint[channel]! - 1);
}

/** A bevel between the edge (0) and the face (1): its own brightness, dark at the very edge, soft towards the face. */
function bevel(position: number, face: number, brightness: number): number {
  if (position > 0.8) return brightness + (face - brightness) * ((position - 0.8) / 0.2);
  return brightness * (position < 0.2 ? 0.65 + 1.75 * Math.max(0, position) : 1);
}
