import type { PlannedPart } from "./demo-plan.ts";
import { PAGE_STYLE } from "./demo-page-style.ts";
import { isRight, latencyOf } from "./demo-summary.ts";
import type { DemoSummary } from "./demo-summary.ts";
import type { ReceivedPart } from "./line-subscriber.ts";

const SHOWN = 24;
/** `plc/result` tells 1,000 × score / threshold. */
const SCORE_AT_THRESHOLD = 1_000;
/** Not by colour alone. */
const SIGN: Readonly<Record<ReceivedPart["result"]["verdict"], string>> = { PASS: "✓", FAIL: "✕", NO_VERDICT: "?" };

/** @returns a page without any outside resource: the summary and the last overlays, as they came over MQTT */
export function demoPage(
  plan: readonly PlannedPart[],
  parts: ReadonlyMap<number, ReceivedPart>,
  summary: DemoSummary,
): string {
  const shown = [...parts.values()].filter(({ overlay }) => overlay !== undefined).slice(-SHOWN);
  const cards = shown.map((part) => card(part, plan[part.result.seq - 1]));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>nominald demo: ${summary.parts} parts</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<header>
<h1>nominald demo</h1>
<p>${summary.parts} parts passed the camera. Verdicts and pictures are those that a subscriber received over MQTT.</p>
</header>
<main>
${summarySection(summary)}
<h2>The last ${cards.length} parts</h2>
<p>Heat shows where a part is unlike every nominal one; the white outline and the small picture are the mask. In the bar the mark is the threshold. A red frame: the verdict differs from the truth.</p>
<ol class="parts">
${cards.join("\n")}
</ol>
</main>
</body>
</html>
`;
}

function summarySection(summary: DemoSummary): string {
  const tile = (name: string, value: string): string =>
    `<div class="tile"><dl><dt>${name}</dt><dd>${value}</dd></dl></div>`;
  const slip = (count: number): string => (count === 0 ? "<td>0</td>" : `<td class="slip">${count}</td>`);
  return `<div class="summary">
<div class="tile"><table>
<caption>Verdicts by truth</caption>
<thead><tr><td></td><th scope="col">PASS</th><th scope="col">FAIL</th></tr></thead>
<tbody>
<tr><th scope="row">nominal</th><td>${summary.nominalPassed}</td>${slip(summary.nominalFailed)}</tr>
<tr><th scope="row">anomalous</th>${slip(summary.anomalousPassed)}<td>${summary.anomalousFailed}</td></tr>
</tbody>
</table></div>
${tile("Without a verdict", String(summary.withoutVerdict))}
${tile("Image AUROC", summary.imageAuroc?.toFixed(4) ?? "–")}
${tile("Frame to subscriber, median", `${summary.latencyMedianMs.toFixed(0)} ms`)}
${tile("Frame to subscriber, P99", `${summary.latencyP99Ms.toFixed(0)} ms`)}
</div>`;
}

function card(part: ReceivedPart, planned: PlannedPart | undefined): string {
  const { result, record, overlay, mask } = part;
  const truth = escapeHtml(planned?.truth ?? "unknown");
  const type = escapeHtml(record?.images.overlay?.contentType ?? "image/jpeg");
  const percent = (100 * result.score) / SCORE_AT_THRESHOLD;
  const score =
    result.verdict === "NO_VERDICT"
      ? `code ${escapeHtml(result.code)}`
      : `score ${percent.toFixed(1)} % of the threshold`;
  const latency = latencyOf(part);
  const wrong = isRight(part, planned) ? "" : ' class="wrong"';
  const maskPicture =
    mask === undefined ? "" : `<img class="mask" src="${dataUri("image/png", mask)}" alt="Mask of part ${result.seq}">`;
  return `<li${wrong}>
<img class="overlay" src="${dataUri(type, overlay ?? new Uint8Array())}" alt="Part ${result.seq}, ${truth}, with its anomaly map">
<div class="facts">
<h3><span>Part ${result.seq}</span><span class="${result.verdict}">${SIGN[result.verdict]} ${result.verdict}</span></h3>
${maskPicture}<p>truth: ${truth}${wrong === "" ? "" : ", so this verdict is wrong"}<br>${score}${latency === null ? "" : `<br>${latency.toFixed(0)} ms from frame to subscriber`}</p>
<div class="bar ${result.verdict}" aria-hidden="true"><span style="width:${Math.min(100, percent / 2).toFixed(1)}%"></span><b></b></div>
</div>
</li>`;
}

function dataUri(type: string, data: Uint8Array): string {
  return `data:${type};base64,${Buffer.from(data).toString("base64")}`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
