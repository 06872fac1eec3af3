import { createHash } from "node:crypto";
import sharp from "sharp";
import type { RawImage } from "../shared/image.ts";
import type { Picture, Pictures, PictureSettings } from "./protocol.ts";

/** What the pictures of one frame are drawn from. All three share width and height, the network's input size. */
export interface PictureInput {
  /** The prepared frame, RGB. */
  readonly frame: RawImage;
  /** Anomaly map, row by row, in the unit of the patch scores. */
  readonly map: Float32Array;
  /** 0 or 255 a pixel. */
  readonly mask: Uint8Array;
  /** Map values from here on are defective; the colours are scaled by it. */
  readonly maskThreshold: number;
  /** Width over height of the region that was stretched to the input, so that the pictures show it undistorted. */
  readonly aspect: number;
}

const MASK_OUTLINE: readonly [number, number, number] = [255, 255, 255];
/** The heat begins at this share of the mask threshold; below it the frame stays as it is. */
const HEAT_FLOOR = 0.5;
/** Opacity of the heat at and above `HEAT_CEILING` times the mask threshold. */
const HEAT_OPACITY = 0.6;
const HEAT_CEILING = 2;

/**
 * Encodes the mask (PNG, one channel) and the overlay (frame, heat of the anomaly map, outline of the mask).
 *
 * @param mapMs time spent on the map and mask so far, reported along
 * @returns the pictures that `settings` asks for, longer side `settings.size` pixels, each with its SHA-256
 */
export async function drawPictures(input: PictureInput, settings: PictureSettings, mapMs: number): Promise<Pictures> {
  const begun = performance.now();
  const [width, height] = pictureSize(input.aspect, settings.size);
  const mask = settings.mask ? await encodeMask(input, width, height) : undefined;
  const overlay = settings.overlay ? await encodeOverlay(input, settings, width, height) : undefined;
  return {
    ...(mask === undefined ? {} : { mask }),
    ...(overlay === undefined ? {} : { overlay }),
    mapMs,
    encodeMs: performance.now() - begun,
  };
}

/** @returns [width, height] in pixels with the given aspect and `size` as the longer side, each at least 1 */
export function pictureSize(aspect: number, size: number): [number, number] {
  return aspect >= 1 ? [size, Math.max(1, Math.round(size / aspect))] : [Math.max(1, Math.round(size * aspect)), size];
}

async function encodeMask(input: PictureInput, width: number, height: number): Promise<Picture> {
  const data = await sharp(input.mask, { raw: { width: input.frame.width, height: input.frame.height, channels: 1 } })
    .resize(width, height, { fit: "fill", kernel: "nearest" })
    .toColourspace("b-w")
    .png({ compressionLevel: 6, palette: false })
    .toBuffer();
  return picture("image/png", data);
}

async function encodeOverlay(
  input: PictureInput,
  settings: PictureSettings,
  width: number,
  height: number,
): Promise<Picture> {
  const pixels = blendOverlay(input);
  const image = sharp(pixels, { raw: { width: input.frame.width, height: input.frame.height, channels: 3 } }).resize(
    width,
    height,
    { fit: "fill", kernel: "linear" },
  );
  if (settings.overlayFormat === "webp") {
    return picture("image/webp", await image.webp({ quality: settings.overlayQuality, effort: 0 }).toBuffer());
  }
  return picture("image/jpeg", await image.jpeg({ quality: settings.overlayQuality }).toBuffer());
}

/** @returns RGB pixels of the frame with the heat blended in and the mask outlined */
function blendOverlay({ frame, map, mask, maskThreshold }: PictureInput): Uint8Array {
  const { width, height, data } = frame;
  const out = new Uint8Array(data);
  const floor = HEAT_FLOOR * maskThreshold;
  const span = HEAT_CEILING * maskThreshold - floor;
  for (let y = 0, i = 0; y < height; y += 1) {
    for (let x = 0; x < width; x += 1, i += 1) {
      if (isOutline(mask, i, x, y, width, height)) {
        out.set(MASK_OUTLINE, i * 3);
        continue;
      }
      const heat = span > 0 ? Math.min(1, ((map[i] ?? 0) - floor) / span) : 0;
      if (!(heat > 0)) continue;
      const alpha = HEAT_OPACITY * Math.min(1, heat * 2);
      // Yellow at the floor, red at the ceiling.
      const green = 220 * (1 - heat);
      out[i * 3] = (data[i * 3] ?? 0) * (1 - alpha) + 255 * alpha;
      out[i * 3 + 1] = (data[i * 3 + 1] ?? 0) * (1 - alpha) + green * alpha;
      out[i * 3 + 2] = (data[i * 3 + 2] ?? 0) * (1 - alpha);
    }
  }
  return out;
}

/** A pixel of the mask with a neighbour outside the mask; the picture's border counts as inside. */
function isOutline(mask: Uint8Array, i: number, x: number, y: number, width: number, height: number): boolean {
  if (mask[i] === 0) return false;
  return (
    (x > 0 && mask[i - 1] === 0) ||
    (x < width - 1 && mask[i + 1] === 0) ||
    (y > 0 && mask[i - width] === 0) ||
    (y < height - 1 && mask[i + width] === 0)
  );
}

function picture(contentType: Picture["contentType"], data: Uint8Array): Picture {
  return { contentType, data, sha256: createHash("sha256").update(data).digest("hex") };
}
