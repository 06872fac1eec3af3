import { mkdir, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { decodeImageFile, listImageFiles } from "../../backbone/decode.ts";
import { InputError } from "../../shared/errors.ts";
import { evenlySpread } from "../../shared/evenly-spread.ts";
import type { RawImage } from "../../shared/image.ts";
import { DEFECT_KINDS } from "./part-geometry.ts";
import { renderPart } from "./render-part.ts";

/** One part that will pass the camera, in the order of the files in the parts folder. */
export interface PlannedPart {
  /** `nominal`, or the name of the defect. */
  readonly truth: string;
  readonly anomalous: boolean;
}

export interface DemoFolders {
  /** Receives the nominal images for the fit. */
  readonly nominal: string;
  /** Receives 0001.png, 0002.png … for the camera. */
  readonly parts: string;
}

const NOMINAL_RENDERS = 60;
/** Nominal images of a user's own set that are used at most, so that the fit stays short. */
const MOST_NOMINAL = 120;
/** 24 of 60 parts have a defect. */
const DEFECT_SHARE = 0.4;

/** Renders the nominal images and the parts. @returns the truth of each part */
export async function planRendered(folders: DemoFolders, count: number, seed: number): Promise<PlannedPart[]> {
  await mkdir(folders.nominal, { recursive: true });
  await mkdir(folders.parts, { recursive: true });
  for (let i = 0; i < NOMINAL_RENDERS; i += 1) {
    const { image } = await renderPart({ seed: seed * 100_000 + i, defect: null });
    await writePng(image, join(folders.nominal, fileName(i)));
  }
  const defects = Math.max(1, Math.round(count * DEFECT_SHARE));
  const kinds = Array.from({ length: count }, (_, i) =>
    i < defects ? (DEFECT_KINDS[i % DEFECT_KINDS.length] ?? null) : null,
  );
  const shuffled = shuffle(kinds, seed);
  for (const [i, defect] of shuffled.entries()) {
    const { image } = await renderPart({ seed: seed * 100_000 + 50_000 + i, defect });
    await writePng(image, join(folders.parts, fileName(i)));
  }
  return shuffled.map((defect) => ({ truth: defect ?? "nominal", anomalous: defect !== null }));
}

/**
 * Takes a folder in MVTec's layout: train/good, test/good, test/<defect>. Everything is written as PNG in the size of
 * the first nominal image, since a camera has one size.
 *
 * @throws InputError "mvtec-layout"
 */
export async function planFromMvtec(
  folders: DemoFolders,
  source: string,
  count: number,
  seed: number,
): Promise<PlannedPart[]> {
  const all = await listMvtecParts(source);
  await mkdir(folders.nominal, { recursive: true });
  await mkdir(folders.parts, { recursive: true });
  const nominal = evenlySpread(await listImageFiles(join(source, "train", "good")), MOST_NOMINAL);
  const first = await decodeImageFile(nominal[0] ?? "");
  for (const [i, file] of nominal.entries()) {
    await writePng(await decodeImageFile(file), join(folders.nominal, fileName(i)), first);
  }
  const chosen = shuffle(all, seed).slice(0, count);
  for (const [i, { file }] of chosen.entries()) {
    await writePng(await decodeImageFile(file), join(folders.parts, fileName(i)), first);
  }
  return chosen.map(({ truth }) => ({ truth, anomalous: truth !== "nominal" }));
}

interface MvtecPart {
  readonly file: string;
  readonly truth: string;
}

/** All test images below a folder in MVTec's layout, by kind and name. @throws InputError "mvtec-layout" */
async function listMvtecParts(source: string): Promise<MvtecPart[]> {
  const layout = `Expected a folder in MVTec's layout (train/good, test/good, test/<defect>) in ${source}`;
  const missing: string[] = [];
  for (const folder of [join("train", "good"), join("test", "good")]) {
    if (!(await isFolder(join(source, folder)))) missing.push(folder);
  }
  if (missing.length > 0) throw new InputError("mvtec-layout", `${layout} but there is no ${missing.join(" and no ")}`);
  const entries = await readdir(join(source, "test"), { withFileTypes: true });
  const kinds = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith(".")).map(({ name }) => name);
  if (kinds.length < 2) throw new InputError("mvtec-layout", `${layout} but test holds good parts alone`);
  const parts: MvtecPart[] = [];
  for (const kind of kinds.sort()) {
    const truth = kind === "good" ? "nominal" : kind;
    for (const file of await listImageFiles(join(source, "test", kind))) parts.push({ file, truth });
  }
  return parts;
}

async function isFolder(path: string): Promise<boolean> {
  const entry = await stat(path).catch(() => undefined);
  return entry?.isDirectory() === true;
}

function fileName(index: number): string {
  return `${String(index + 1).padStart(4, "0")}.png`;
}

async function writePng(image: RawImage, path: string, size: RawImage = image): Promise<void> {
  const channels = image.format === "RGB" ? 3 : 1;
  await sharp(image.data, { raw: { width: image.width, height: image.height, channels } })
    .resize(size.width, size.height, { fit: "fill" })
    .toColourspace("srgb")
    .png({ compressionLevel: 1 })
    .toFile(path);
}

/** Fisher–Yates with a small seeded generator (mulberry32): the demo shows the same parts each time. */
function shuffle<T>(items: readonly T[], seed: number): T[] {
  const shuffled = [...items];
  let state = seed >>> 0;
  const random = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  for (let i = shuffled.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    const [a, b] = [shuffled[i], shuffled[j]];
    if (a === undefined || b === undefined) continue;
    shuffled[i] = b;
    shuffled[j] = a;
  }
  return shuffled;
}
