import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import type { DefectKind } from "../../src/cli/demo/part-geometry.ts";
import { renderPart } from "../../src/cli/demo/render-part.ts";

export interface MvtecParts {
  readonly train: number;
  readonly nominal: number;
  /** One test image each, with its mask; equal kinds share a folder. */
  readonly defects: readonly DefectKind[];
  /** Edge of the pictures, pixels. */
  readonly size: number;
  readonly seed: number;
}

/** Renders a data set in MVTec's layout: train/good, test/good, test/<defect>, ground_truth/<defect>. */
export async function writeMvtecParts(folder: string, parts: MvtecParts): Promise<void> {
  const { size, seed } = parts;
  const write = async (data: Uint8Array, channels: 1 | 3, path: readonly string[]): Promise<void> => {
    await mkdir(join(folder, ...path.slice(0, -1)), { recursive: true });
    await sharp(data, { raw: { width: size, height: size, channels } })
      .png({ compressionLevel: 1 })
      .toFile(join(folder, ...path));
  };
  for (let i = 0; i < parts.train + parts.nominal; i++) {
    const { image } = await renderPart({ seed: seed + i, defect: null, size });
    await write(image.data, 3, [i < parts.train ? "train" : "test", "good", fileName(i)]);
  }
  for (const [i, defect] of parts.defects.entries()) {
    const { image, mask } = await renderPart({ seed: seed + 10_000 + i, defect, size });
    await write(image.data, 3, ["test", defect, fileName(i)]);
    if (mask !== null) await write(mask, 1, ["ground_truth", defect, fileName(i).replace(".png", "_mask.png")]);
  }
}

function fileName(index: number): string {
  return `${String(index).padStart(3, "0")}.png`;
}
