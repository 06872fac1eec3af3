import { BugError, ConfigError } from "../../shared/errors.ts";
import type { RawImage } from "../../shared/image.ts";
import { drawDefect } from "./part-defects.ts";
import type { Defect } from "./part-defects.ts";
import { NOMINAL_PRINT, partGeometry } from "./part-geometry.ts";
import type { DefectKind, PartGeometry } from "./part-geometry.ts";
import { drawPrint } from "./part-print.ts";
import { metalAt, shadePart } from "./part-shading.ts";
import { partTexture } from "./part-texture.ts";

export interface PartOrder {
  /** Whole number; the same seed gives the same bytes. */
  readonly seed: number;
  /** null: a nominal part. */
  readonly defect: DefectKind | null;
  /** Edge of the square picture in pixels, 160 to 1280; 480 unless told. */
  readonly size?: number;
}

export interface RenderedPart {
  /** RGB, `size` × `size`. */
  readonly image: RawImage;
  /** 255 at the defect's true pixels, else 0, `size` × `size`; null for a nominal part. */
  readonly mask: Uint8Array | null;
}

/** A pixel of the print counts as wrong when right and wrong print differ by this much of its area, of 255. */
const PRINT_DIFFERS = 64;

/**
 * Renders a machined washer on a conveyor belt as a line camera's station sees it: a turned steel face with bevelled
 * edges, three holes and a laser-marked grade, under a lamp from the upper left.
 */
export async function renderPart(order: PartOrder): Promise<RenderedPart> {
  const { seed, defect: kind, size = 480 } = order;
  if (!Number.isInteger(size) || size < 160 || size > 1_280) {
    throw new ConfigError("part-size", `Expected a part's picture of 160 to 1280 pixels but received ${size}`);
  }
  const part = partGeometry(seed, size);
  const defect = kind === null ? null : drawDefect(kind, seed, part);
  const nominalPrint = await printOf(part, NOMINAL_PRINT);
  const print = defect !== null && "print" in defect ? await printOf(part, defect.print) : nominalPrint;
  const data = shadePart({
    part,
    texture: partTexture(seed, size, part.unit),
    holes:
      defect !== null && "missingHole" in defect ? part.holes.filter((_, i) => i !== defect.missingHole) : part.holes,
    print,
    blemish: defect !== null && "blemish" in defect ? defect.blemish : null,
  });
  const image: RawImage = { width: size, height: size, format: "RGB", data };
  return { image, mask: defect === null ? null : trueMask(defect, part, nominalPrint, print) };
}

async function printOf(part: PartGeometry, text: string): Promise<Uint8Array> {
  const { size, centre, rotation, print } = part;
  return drawPrint(text, { size, centreX: centre.x, centreY: centre.y, rotation, ...print });
}

/**
 * The pixels that the defect changed. Of a blemish those that are damaged by half or more and metal; of a missing hole
 * hole and bevel, where metal stands instead; of a wrong print those where right and wrong print differ.
 */
function trueMask(defect: Defect, part: PartGeometry, right: Uint8Array, printed: Uint8Array): Uint8Array {
  const { size } = part;
  const mask = new Uint8Array(size * size);
  const mark = (test: (x: number, y: number, at: number) => boolean): void => {
    for (let at = 0; at < mask.length; at++) if (test(at % size, Math.floor(at / size), at)) mask[at] = 255;
  };
  if ("print" in defect) {
    mark((_x, _y, at) => Math.abs(right[at]! - printed[at]!) >= PRINT_DIFFERS);
  } else if ("missingHole" in defect) {
    const hole = part.holes[defect.missingHole];
    if (hole === undefined)
      throw new BugError("part-hole", `Expected a hole below ${part.holes.length} but received ${defect.missingHole}`);
    const reach = part.holeRadius + part.holeChamfer;
    mark((x, y) => Math.hypot(x + 0.5 - hole.x, y + 0.5 - hole.y) < reach);
  } else {
    const { left, top, width, height, coverage } = defect.blemish;
    mark((x, y) => {
      const inBox = x >= left && x < left + width && y >= top && y < top + height;
      return (
        inBox && coverage[(y - top) * width + (x - left)]! >= 0.5 && metalAt(part, part.holes, x + 0.5, y + 0.5) >= 0.5
      );
    });
  }
  return mask;
}
