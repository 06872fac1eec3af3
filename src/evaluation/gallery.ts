import sharp from "sharp";
import { decodeImageFile } from "../backbone/decode.ts";
import type { FrameScorer } from "../inference/frame-scorer.ts";
import { drawPictures, pictureSize } from "../inference/pictures.ts";
import { BugError } from "../shared/errors.ts";
import { contourPath } from "./contour.ts";
import type { EvaluatedImage, Evaluation } from "./evaluation.ts";
import { readTruth } from "./ground-truth.ts";

/** One image of the report, drawn. */
export interface GalleryPicture {
  readonly image: EvaluatedImage;
  /** The frame as the network sees it, JPEG. */
  readonly frame: Uint8Array;
  /** The same with the heat of the anomaly map and the outline of the found mask, JPEG. */
  readonly overlay: Uint8Array;
  /** Outline of the ground truth as an SVG path in pixels of the network's input; null where there is none. */
  readonly contour: string | null;
  /** Network input, pixels. */
  readonly width: number;
  readonly height: number;
}

export interface Gallery {
  /** Anomalous images that passed, the lowest score first. */
  readonly misses: readonly GalleryPicture[];
  /** Nominal images that failed, the highest score first. */
  readonly falseRejects: readonly GalleryPicture[];
}

/** Longer side of a picture, pixels: two stand side by side on a card. */
const PICTURE_SIZE = 320;
const JPEG_QUALITY = 80;

/**
 * Draws the worst mistakes of an evaluation. They are scored once more: keeping every image's picture until the worst
 * are known would take gigabytes.
 *
 * @param most pictures of each kind
 */
export async function drawGallery(
  evaluation: Evaluation,
  scorer: FrameScorer,
  most: number,
  signal: AbortSignal,
): Promise<Gallery> {
  const draw = async (images: readonly EvaluatedImage[]): Promise<GalleryPicture[]> => {
    const drawn: GalleryPicture[] = [];
    for (const image of images.slice(0, most)) {
      signal.throwIfAborted();
      drawn.push(await drawOne(image, scorer, evaluation));
    }
    return drawn;
  };
  const { misses, falseRejects } = worstMistakes(evaluation.images);
  return { misses: await draw(misses), falseRejects: await draw(falseRejects) };
}

/** The images with a wrong verdict, the farthest from the right one first. */
export function worstMistakes(images: readonly EvaluatedImage[]): {
  readonly misses: readonly EvaluatedImage[];
  readonly falseRejects: readonly EvaluatedImage[];
} {
  return {
    misses: images
      .filter(({ defect, verdict }) => defect !== null && verdict === "PASS")
      .sort((a, b) => a.score - b.score),
    falseRejects: images
      .filter(({ defect, verdict }) => defect === null && verdict === "FAIL")
      .sort((a, b) => b.score - a.score),
  };
}

async function drawOne(image: EvaluatedImage, scorer: FrameScorer, evaluation: Evaluation): Promise<GalleryPicture> {
  const decoded = await decodeImageFile(image.file);
  const input = scorer.pictureInput(await scorer.score(decoded));
  const settings = { mask: false, overlay: true, overlayFormat: "jpeg", overlayQuality: JPEG_QUALITY } as const;
  const { overlay } = await drawPictures(input, { ...settings, size: PICTURE_SIZE }, 0);
  if (overlay === undefined)
    throw new BugError("no-overlay", `Expected an overlay of ${image.file} but none was drawn`);
  const { width, height, data } = input.frame;
  const [shownWidth, shownHeight] = pictureSize(input.aspect, PICTURE_SIZE);
  const frame = await sharp(data, { raw: { width, height, channels: 3 } })
    .resize(shownWidth, shownHeight, { fit: "fill", kernel: "linear" })
    .jpeg({ quality: JPEG_QUALITY })
    .toBuffer();
  const unusable = evaluation.dataset.unusable.some(({ file }) => file === image.mask);
  const truth =
    image.mask === null || unusable ? null : await readTruth(image.mask, decoded, scorer.bank.manifest.parameters);
  return {
    image,
    frame,
    overlay: overlay.data,
    contour: truth === null ? null : contourPath(truth, width, height),
    width,
    height,
  };
}
