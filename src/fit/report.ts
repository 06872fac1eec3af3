import { basename } from "node:path";
import sharp from "sharp";
import { decodeImageFile } from "../backbone/decode.ts";
import { FramePreparer } from "../backbone/prepare.ts";
import type { BankManifest } from "../bank/manifest.ts";
import type { FitResult } from "./fit-bank.ts";
import { histogramSvg } from "./histogram.ts";
import type { Unlike } from "./hygiene.ts";
import { REPORT_STYLE } from "./report-style.ts";
import { thresholdLines } from "./summary.ts";

/** Longer side of a thumbnail, pixels. */
const THUMBNAIL = 240;
const JPEG_QUALITY = 80;

/** Duplicates and broken files that are listed. */
const MOST_LISTED = 100;

/**
 * The report of a fit as one HTML page without any outside resource: what the bank is, the nominal images' scores with
 * the threshold, and what a person should look at, with pictures as the network saw them.
 *
 * @throws InputError of decoding when a file has changed since the fit
 */
export async function fitReport(result: FitResult): Promise<string> {
  const { manifest, bankId, hygiene, broken } = result;
  const cards: string[] = [];
  const preparer = new FramePreparer(manifest.parameters);
  for (const one of hygiene.unlike) cards.push(await card(one, preparer, manifest));
  const duplicates = hygiene.duplicates.map((group) => group.map((file) => basename(file)).join(" = "));
  const sizes = hygiene.sizes.map(({ width, height, images }) => `${width} × ${height}: ${images} images`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Fit of ${escapeHtml(bankId)}</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<h1>Fit of ${escapeHtml(bankId)}</h1>
<table>
${facts(manifest)
  .map(([name, value]) => `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(value)}</td></tr>`)
  .join("\n")}
</table>
<h2>Scores of the nominal images</h2>
<p>Each image was scored against rows of other images, as a new part would be. The line is the threshold.</p>
${histogramSvg(manifest.calibration.scores, manifest.calibration.threshold)}
<ul class="plain">
${thresholdLines(manifest)
  .map((line) => `<li>${escapeHtml(line.replace("threshold  ", "Threshold ").trim())}</li>`)
  .join("\n")}
</ul>
<h2>Least like the others</h2>
<p>A defect among the good images is the commonest mistake of a fit: the bank then takes it for good. The frame marks the patch that is least like any patch of the other images. ⚠ marks scores far outside the others'.</p>
<ol class="cards">
${cards.join("\n")}
</ol>
${list("Duplicates", "Pictures that are one and the same to the network; they teach the bank nothing new.", duplicates)}
${list(
  "Broken files",
  "Left out of the bank.",
  broken.map(({ file, reason }) => `${basename(file)}: ${reason}`),
)}
${list("Sizes", "A camera has one size; several mean that the images come from several sources.", sizes.length > 1 ? sizes : [])}
</body>
</html>
`;
}

function facts({
  nominal,
  grid,
  rows,
  dims,
  parameters,
  backbone,
  createdAt,
  createdBy,
}: BankManifest): [string, string][] {
  return [
    ["nominal images", String(nominal.images)],
    ["memory bank", `${rows} of ${nominal.patches} patches in ${dims} dimensions`],
    ["patch grid", `${grid.rows} × ${grid.cols}`],
    ["preset", `${parameters.preset}, ${parameters.resize.width} × ${parameters.resize.height} pixels`],
    ["backbone", `${backbone.name}, ${parameters.layers.join(" + ")}`],
    ["made", `${createdAt} by ${createdBy}`],
  ];
}

async function card(one: Unlike, preparer: FramePreparer, { parameters, grid }: BankManifest): Promise<string> {
  const { width, height } = parameters.resize;
  const frame = preparer.prepare(await decodeImageFile(one.file));
  const jpeg = await sharp(frame.data, { raw: { width, height, channels: 3 } })
    .resize(THUMBNAIL, THUMBNAIL, { fit: "inside" })
    .jpeg({ quality: JPEG_QUALITY })
    .toBuffer();
  const row = Math.floor(one.worstPatch / grid.cols);
  const left = (100 * (one.worstPatch % grid.cols)) / grid.cols;
  const mark = `left:${left.toFixed(2)}%;top:${((100 * row) / grid.rows).toFixed(2)}%;width:${(100 / grid.cols).toFixed(2)}%;height:${(100 / grid.rows).toFixed(2)}%`;
  const name = escapeHtml(basename(one.file));
  return `<li${one.suspicious ? ' class="suspicious"' : ""}>
<div class="picture"><img src="data:image/jpeg;base64,${jpeg.toString("base64")}" alt="${name}"><span class="mark" style="${mark}"></span></div>
<p><b>${one.suspicious ? "⚠ " : ""}${name}</b><br>score ${Number(one.score.toPrecision(4))}, ${one.ratio.toFixed(2)} × the median</p>
</li>`;
}

function list(title: string, why: string, items: readonly string[]): string {
  if (items.length === 0) return "";
  const shown = items.slice(0, MOST_LISTED).map((item) => `<li>${escapeHtml(item)}</li>`);
  const more = items.length > MOST_LISTED ? `<li>and ${items.length - MOST_LISTED} more</li>` : "";
  return `<h2>${title} (${items.length})</h2>\n<p>${why}</p>\n<ul>\n${shown.join("\n")}${more}\n</ul>`;
}

/** Names of files may hold anything. */
function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
