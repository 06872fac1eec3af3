import { basename } from "node:path";
import type { Evaluation } from "../evaluation.ts";
import type { Gallery, GalleryPicture } from "../gallery.ts";
import { worstMistakes } from "../gallery.ts";
import { dataUri, escapeHtml } from "./html.ts";

/** Not by colour alone. */
const SIGN = { PASS: "✓", FAIL: "✕" } as const;

/** The worst mistakes: frame and heat side by side, the ground truth's outline over both. */
export function gallerySection(evaluation: Evaluation, gallery: Gallery): string {
  const { misses, falseRejects } = worstMistakes(evaluation.images);
  return `<h2>Worst misses</h2>
<p>${countText(misses.length, gallery.misses.length, "anomalous images pass, those with the lowest scores first")} Left the frame as the network sees it, right the heat of the anomaly map, white the mask it finds, cyan the ground truth.</p>
${cards(gallery.misses, evaluation.bank.threshold)}
<h2>Worst false rejects</h2>
<p>${countText(falseRejects.length, gallery.falseRejects.length, "nominal images fail, those with the highest scores first")}</p>
${cards(gallery.falseRejects, evaluation.bank.threshold)}`;
}

function countText(all: number, shown: number, what: string): string {
  if (all === 0) return `No ${what.split(",")[0] ?? what}.`;
  return `${all} ${what}${shown < all ? `; ${shown} are shown` : ""}.`;
}

function cards(pictures: readonly GalleryPicture[], threshold: number): string {
  if (pictures.length === 0) return "";
  return `<ol class="gallery">\n${pictures.map((picture) => card(picture, threshold)).join("\n")}\n</ol>`;
}

function card(picture: GalleryPicture, threshold: number): string {
  const { image } = picture;
  const name = basename(image.file);
  const truth = image.defect ?? "nominal";
  return `<li class="card">
<div class="pair">${one(picture, picture.frame, `${name}, ${truth}`)}${one(picture, picture.overlay, `Anomaly map of ${name}`)}</div>
<div class="facts"><h3><span>${escapeHtml(truth)}</span><span class="slip">${SIGN[image.verdict]} ${image.verdict}</span></h3>
<p>${escapeHtml(name)}<br>score ${image.score.toPrecision(5)}, ${((100 * image.score) / threshold).toFixed(1)} % of the threshold</p></div>
</li>`;
}

function one({ contour, width, height }: GalleryPicture, jpeg: Uint8Array, alt: string): string {
  const outline =
    contour === null
      ? ""
      : `<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" aria-hidden="true"><path d="${contour}"/></svg>`;
  return `<div class="picture"><img src="${dataUri("image/jpeg", jpeg)}" alt="${escapeHtml(alt)}">${outline}</div>`;
}
