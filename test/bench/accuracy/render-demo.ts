/**
 * Renders the demo's parts as a data set in MVTec layout, for the accuracy experiments: nominal parts to train on, nominal
 * parts to test, and every kind of defect in turn, with its true mask.
 *
 *     node --import tsx test/bench/accuracy/render-demo.ts FOLDER [TRAIN=150] [GOOD=60] [DEFECTS=100]
 *
 * The same counts give the same pictures.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { DEFECT_KINDS } from "../../../src/cli/demo/part-geometry.ts";
import type { DefectKind } from "../../../src/cli/demo/part-geometry.ts";
import { renderPart } from "../../../src/cli/demo/render-part.ts";

/** Far enough apart that no part is rendered twice. */
const SEEDS = { train: 100_000, good: 200_000, defect: 300_000 };

const [folder, train = "150", good = "60", defects = "100"] = process.argv.slice(2);
if (folder === undefined)
  throw new Error("Expected the folder of the data set as the first argument but received none");

async function render(kind: DefectKind | null, seed: number, picture: string, truth: string | null): Promise<void> {
  const { image, mask } = await renderPart({ seed, defect: kind });
  const raw = { width: image.width, height: image.height };
  await sharp(image.data, { raw: { ...raw, channels: 3 } })
    .png({ compressionLevel: 1 })
    .toFile(picture);
  if (mask !== null && truth !== null)
    await sharp(mask, { raw: { ...raw, channels: 1 } })
      .png()
      .toFile(truth);
}

const name = (i: number): string => String(i).padStart(3, "0");
const goods = [
  { to: join(folder, "train", "good"), count: Number(train), seed: SEEDS.train },
  { to: join(folder, "test", "good"), count: Number(good), seed: SEEDS.good },
];
for (const { to, count, seed } of goods) {
  await mkdir(to, { recursive: true });
  for (let i = 0; i < count; i += 1) await render(null, seed + i, join(to, `${name(i)}.png`), null);
}
for (const kind of DEFECT_KINDS) {
  await mkdir(join(folder, "test", kind), { recursive: true });
  await mkdir(join(folder, "ground_truth", kind), { recursive: true });
}
for (let i = 0; i < Number(defects); i += 1) {
  const kind = DEFECT_KINDS[i % DEFECT_KINDS.length];
  if (kind === undefined) throw new Error(`Expected one kind of defect or more but received ${DEFECT_KINDS.length}`);
  const truth = join(folder, "ground_truth", kind, `${name(i)}_mask.png`);
  await render(kind, SEEDS.defect + i, join(folder, "test", kind, `${name(i)}.png`), truth);
}
