import { readdir, stat } from "node:fs/promises";
import { basename, extname, join, resolve } from "node:path";
import { listImageFiles } from "../backbone/decode.ts";
import { InputError } from "../shared/errors.ts";
import type { LabelledImage, LabelledSet } from "./labelled-images.ts";

/** The folder of nominal images in train/ and test/. */
const NOMINAL = "good";

/**
 * Reads the test images of a folder in MVTec's layout: test/good, test/<defect>, and for each defective image
 * `ground_truth/<defect>/<name>_mask.<kind>` (or `<name>.<kind>`). Images without a mask count for image metrics alone.
 *
 * @returns by kind and name, in code-unit order
 * @throws InputError "mvtec-layout" without test/, "no-images" for a kind without images, "stray-mask" for a mask
 *   without an image, which shows that names do not fit each other
 */
export async function readMvtecFolder(folder: string): Promise<LabelledSet> {
  const kinds = await subfolders(join(folder, "test"));
  if (kinds === null || kinds.length === 0) {
    const text = `Expected a folder in MVTec's layout (test/good, test/<defect>, ground_truth/<defect>) in ${folder} but ${kinds === null ? "there is no test" : "test holds no folders"}`;
    throw new InputError("mvtec-layout", text);
  }
  const images: LabelledImage[] = [];
  for (const kind of kinds) {
    const files = await listImageFiles(join(folder, "test", kind));
    if (kind === NOMINAL) images.push(...files.map((file) => ({ file, defect: null, mask: null })));
    else images.push(...(await withMasks(files, kind, join(folder, "ground_truth", kind))));
  }
  return { name: basename(resolve(folder)), images };
}

/** @returns the nominal images that a bank is fitted on, train/good @throws InputError "no-images" */
export function listTrainImages(folder: string): Promise<string[]> {
  return listImageFiles(join(folder, "train", NOMINAL));
}

async function withMasks(files: readonly string[], defect: string, folder: string): Promise<LabelledImage[]> {
  const there = (await isFolder(folder)) ? await listImageFiles(folder) : [];
  const masks = new Map(there.map((mask) => [stemOf(mask).replace(/_mask$/, ""), mask]));
  const images = files.map((file) => {
    const mask = masks.get(stemOf(file)) ?? null;
    masks.delete(stemOf(file));
    return { file, defect, mask };
  });
  const [stray] = masks.values();
  if (stray !== undefined) {
    const text = `Expected every mask of ${folder} to belong to an image of ${defect} but ${masks.size} of ${there.length} do not, the first ${basename(stray)}`;
    throw new InputError("stray-mask", text);
  }
  return images;
}

function stemOf(file: string): string {
  return basename(file, extname(file));
}

/** @returns names in code-unit order, hidden ones left out; null when there is no such folder */
async function subfolders(folder: string): Promise<string[] | null> {
  if (!(await isFolder(folder))) return null;
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith("."));
  return names.map(({ name }) => name).sort();
}

/** @returns whether `path` is a folder; what cannot be looked at counts as none, and the caller says so */
async function isFolder(path: string): Promise<boolean> {
  const entry = await stat(path).catch(() => undefined);
  return entry?.isDirectory() === true;
}
