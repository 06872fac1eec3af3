import { seededRandom } from "../../patchcore/random.ts";

export type DefectKind = "scratch" | "dent" | "missing-hole" | "stain" | "wrong-print";

export const DEFECT_KINDS: readonly DefectKind[] = ["scratch", "dent", "missing-hole", "stain", "wrong-print"];

/** What the print on a good part says. */
export const NOMINAL_PRINT = "M8 A2-70";

/** Pixels at the reference size; everything is scaled by size / 480. */
const REFERENCE_SIZE = 480;

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** One part as it lies before the camera: lengths in pixels, angles in degrees clockwise, y downwards. */
export interface PartGeometry {
  readonly size: number;
  /** Pixels per reference pixel. */
  readonly unit: number;
  readonly centre: Point;
  readonly rotation: number;
  readonly outerRadius: number;
  readonly innerRadius: number;
  readonly holes: readonly Point[];
  /** Radius of the circle on which the holes lie. */
  readonly holeCircle: number;
  readonly holeRadius: number;
  /** Width of the bevel on outer and inner edge, and around the holes. */
  readonly chamfer: number;
  readonly holeChamfer: number;
  readonly print: { readonly radius: number; readonly height: number };
  readonly light: Light;
}

export interface Light {
  /** Towards the lamp, unit length. */
  readonly direction: Point;
  /** Of the whole picture: lamp and exposure. */
  readonly gain: number;
  /** Relative change of brightness from the middle to the edge of the picture, per axis. */
  readonly gradient: Point;
}

const radians = (degrees: number): number => (degrees * Math.PI) / 180;

/**
 * Draws what differs from part to part on a good line: the guides leave ±9 pixels and ±7 degrees of play, turning
 * leaves ±1 pixel in the radii, the lamp ±5 % in brightness and in its evenness. All of it depends on `seed` alone, so
 * that the same seed with and without a defect shows the same part.
 */
export function partGeometry(seed: number, size: number): PartGeometry {
  const random = seededRandom(seed >>> 0);
  const unit = size / REFERENCE_SIZE;
  const within = (range: number): number => (random.uniform() * 2 - 1) * range;
  const centre = { x: size / 2 + within(9) * unit, y: size / 2 + within(9) * unit };
  const rotation = within(7);
  const holeCircle = 133 * unit;
  const holes = [-90, 30, 150].map((degrees) => ({
    x: centre.x + Math.cos(radians(degrees + rotation)) * holeCircle,
    y: centre.y + Math.sin(radians(degrees + rotation)) * holeCircle,
  }));
  const lamp = radians(-126 + within(4));
  return {
    size,
    unit,
    centre,
    rotation,
    outerRadius: (184 + within(1)) * unit,
    innerRadius: (80 + within(1)) * unit,
    holes,
    holeCircle,
    holeRadius: 17 * unit,
    chamfer: 8 * unit,
    holeChamfer: 5 * unit,
    print: { radius: 132 * unit, height: 27 * unit },
    light: {
      direction: { x: Math.cos(lamp), y: Math.sin(lamp) },
      gain: 1 + within(0.05),
      gradient: { x: within(0.05), y: within(0.05) },
    },
  };
}

/** A point on the part: `degrees` clockwise from its right, turned with the part. */
export function pointOnPart(part: PartGeometry, radius: number, degrees: number): Point {
  const angle = radians(degrees + part.rotation);
  return { x: part.centre.x + Math.cos(angle) * radius, y: part.centre.y + Math.sin(angle) * radius };
}
