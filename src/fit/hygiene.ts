import { percentile } from "../patchcore/percentile.ts";
import type { Calibrated } from "./calibrate.ts";
import type { EmbeddedImage } from "./embed-images.ts";

/** A nominal image and how unlike the other folds' images it is. */
export interface Unlike {
  readonly file: string;
  readonly image: number;
  /** Its cross-fitted score. */
  readonly score: number;
  /** The score over the median of all. */
  readonly ratio: number;
  /** Far outside what the others score. */
  readonly suspicious: boolean;
  /** Number in the patch grid of the patch that is least like any other, in raster order. */
  readonly worstPatch: number;
}

/** What a person should look at: a defect among the good ones is the commonest mistake of a fit. */
export interface Hygiene {
  /** Files that are one and the same picture to the network, in groups of two and more. */
  readonly duplicates: readonly (readonly string[])[];
  /** Sizes of the files, most frequent first; a camera has one. */
  readonly sizes: readonly { readonly width: number; readonly height: number; readonly images: number }[];
  /** The images least like the others, the least like them first. */
  readonly unlike: readonly Unlike[];
}

/** So many are shown. */
const MOST_UNLIKE = 12;

/** Tukey's outer fence: three interquartile ranges above the upper quartile. */
const FENCE = 3;

export function inspectNominal(
  images: readonly EmbeddedImage[],
  { record: { scores }, worstPatches }: Pick<Calibrated, "record" | "worstPatches">,
): Hygiene {
  const [lower, median, upper] = [25, 50, 75].map((percent) => percentile(scores, percent)) as [number, number, number];
  const fence = upper + FENCE * (upper - lower);
  const unlike = images
    .map(({ file }, image) => {
      const score = scores[image]!;
      const worstPatch = worstPatches[image]!;
      return { file, image, score, ratio: score / median, suspicious: score > fence, worstPatch };
    })
    .sort((a, b) => b.score - a.score || a.image - b.image)
    .slice(0, MOST_UNLIKE);
  return { duplicates: duplicatesOf(images), sizes: sizesOf(images), unlike };
}

function duplicatesOf(images: readonly EmbeddedImage[]): string[][] {
  const groups = new Map<string, string[]>();
  for (const { picture, file } of images) {
    const group = groups.get(picture);
    if (group === undefined) groups.set(picture, [file]);
    else group.push(file);
  }
  return [...groups.values()].filter((group) => group.length > 1);
}

function sizesOf(images: readonly EmbeddedImage[]): Hygiene["sizes"] {
  const counts = new Map<string, { width: number; height: number; images: number }>();
  for (const { width, height } of images) {
    const key = `${width} × ${height}`;
    const size = counts.get(key) ?? { width, height, images: 0 };
    size.images++;
    counts.set(key, size);
  }
  return [...counts.values()].sort((a, b) => b.images - a.images);
}
