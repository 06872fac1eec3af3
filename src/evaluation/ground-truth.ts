import { decodeImageFile } from "../backbone/decode.ts";
import { InputError } from "../shared/errors.ts";
import type { RawImage, Region, Resize, Rotation } from "../shared/image.ts";
import { placementOf, type Size } from "../shared/placement.ts";

/** What happens to a frame before the network sees it, and so to its ground truth. */
export interface FrameGeometry {
  readonly region: Region | null;
  readonly rotation: Rotation;
  readonly resize: Resize;
}

/** Levels above half of the range are defective; masks are drawn in 0 and 255, but JPEG and scaling blur them. */
const HALF_LEVEL = 127.5;

/**
 * Reads a ground-truth mask and puts it through the geometry of the frame that it belongs to.
 *
 * @param frame the size of the image that the mask was drawn on
 * @returns 255 where defective, else 0; `resize.width` × `resize.height`
 * @throws InputError "mask-size" when mask and frame differ, "broken-image", "unreadable-image"
 */
export async function readTruth(
  file: string,
  frame: { readonly width: number; readonly height: number },
  geometry: FrameGeometry,
): Promise<Uint8Array> {
  const mask = await decodeImageFile(file);
  if (mask.width !== frame.width || mask.height !== frame.height) {
    throw new InputError(
      "mask-size",
      `Expected a mask of ${frame.width} × ${frame.height} pixels, as its image has, in ${file} but received ${mask.width} × ${mask.height}`,
    );
  }
  return truthOf(mask, geometry);
}

/**
 * The mask as the anomaly map sees it: region cut out, resized by nearest (the pixel under the centre, as Pillow does),
 * turned; levels above half are defective. Nearest, because a mean would move the edge of small defects.
 */
export function truthOf(mask: RawImage, geometry: FrameGeometry): Uint8Array {
  const { resize, rotation } = geometry;
  const region = geometry.region ?? { x: 0, y: 0, width: mask.width, height: mask.height };
  const { scaled, left, top, cut } = placementOf(region, resize, rotation);
  const columns = nearest(region.x, region.width, scaled.width, left, cut.width);
  const rows = nearest(region.y, region.height, scaled.height, top, cut.height);
  const channels = mask.format === "RGB" ? 3 : 1;
  const truth = new Uint8Array(resize.width * resize.height);
  for (let y = 0; y < cut.height; y++) {
    for (let x = 0; x < cut.width; x++) {
      const pixel = (rows[y]! * mask.width + columns[x]!) * channels;
      // Of a coloured mask any channel will do: a red area is as defective as a white one.
      const level = channels === 1 ? mask.data[pixel]! : Math.max(...mask.data.subarray(pixel, pixel + channels));
      if (level > HALF_LEVEL) truth[turned(x, y, cut, rotation)] = 255;
    }
  }
  return truth;
}

/** @returns for each of `count` places from `start` on of a side resized from `length` to `scaled`: which source place */
function nearest(offset: number, length: number, scaled: number, start: number, count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) =>
    Math.min(offset + length - 1, offset + Math.floor(((start + i + 0.5) * length) / scaled)),
  );
}

/** @returns where pixel (x, y) of a picture lies after a clockwise turn */
function turned(x: number, y: number, { width, height }: Size, rotation: Rotation): number {
  switch (rotation) {
    case 0:
      return y * width + x;
    case 90:
      return x * height + (height - 1 - y);
    case 180:
      return (height - 1 - y) * width + (width - 1 - x);
    case 270:
      return (width - 1 - x) * height + y;
    default:
      return rotation satisfies never;
  }
}
