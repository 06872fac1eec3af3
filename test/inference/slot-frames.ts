import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { renderPart } from "../../src/cli/demo/render-part.ts";
import type { FrameReference, RawImage } from "../../src/shared/image.ts";

/** Edge of the rendered parts, pixels. */
const SIZE = 480;

/** @returns a nominal part, RGB */
export async function partImage(seed: number): Promise<RawImage> {
  const { image } = await renderPart({ seed, defect: null, size: SIZE });
  return image;
}

/** Writes a frame as a capture process would. @returns the reference to it */
export async function slotFrame(folder: string, slot: number, image: RawImage): Promise<FrameReference> {
  const path = join(folder, `${slot}.raw`);
  await writeFile(path, image.data);
  const { width, height, format } = image;
  return { slot, path, seq: slot + 1, width, height, format, capturedAtMs: 0, deliveredAtMs: 0 };
}
