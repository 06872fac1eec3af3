import type { PlannedPart } from "./demo-plan.ts";
import type { DemoSummary } from "./demo-summary.ts";
import type { ReceivedPart } from "./line-subscriber.ts";

const SHOWN = 24;

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
<title>nominald demo</title>
<style>
:root { color-scheme: light dark; font: 15px/1.4 system-ui, sans-serif; }
body { margin: 2rem auto; max-width: 76rem; padding: 0 1rem; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); gap: 1rem; }
figure { margin: 0; border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: 6px; overflow: hidden; }
img { display: block; width: 100%; background: #000; }
figcaption { padding: .5rem .6rem; font-size: .85rem; }
.PASS { color: #1a8a3c; } .FAIL { color: #d0342c; } .NO_VERDICT { color: #b07400; }
.bar { position: relative; height: 6px; margin-top: .4rem; background: color-mix(in srgb, currentColor 15%, transparent); }
.bar i { position: absolute; inset: 0 auto 0 0; background: currentColor; }
.bar b { position: absolute; left: 50%; top: -2px; bottom: -2px; width: 2px; background: CanvasText; }
td, th { padding: .1rem 1rem .1rem 0; text-align: right; } th:first-child { text-align: left; }
</style>
</head>
<body>
<h1>nominald demo</h1>
<table>
<tr><th></th><th>PASS</th><th>FAIL</th></tr>
<tr><th>nominal parts</th><td>${summary.nominalPassed}</td><td>${summary.nominalFailed}</td></tr>
<tr><th>anomalous parts</th><td>${summary.anomalousPassed}</td><td>${summary.anomalousFailed}</td></tr>
</table>
<p>Image AUROC ${summary.imageAuroc?.toFixed(4) ?? "–"} · frame to subscriber: median ${summary.latencyMedianMs.toFixed(0)} ms, P99 ${summary.latencyP99Ms.toFixed(0)} ms.
The pictures came over MQTT: heat where the part is unlike every nominal one, the mask outlined in white. The bar's mark is the threshold.</p>
<main>
${cards.join("\n")}
</main>
</body>
</html>
`;
}

function card({ result, record, overlay }: ReceivedPart, planned: PlannedPart | undefined): string {
  const type = record?.images.overlay?.contentType ?? "image/jpeg";
  const source = `data:${type};base64,${Buffer.from(overlay ?? new Uint8Array()).toString("base64")}`;
  // A score of 1,000 is the threshold, drawn at the middle of the bar.
  const percent = Math.min(100, result.score / 20);
  const truth = escapeHtml(planned?.truth ?? "?");
  return `<figure><img src="${source}" alt="Part ${result.seq}, ${truth}, ${result.verdict}"><figcaption>#${result.seq} <strong class="${result.verdict}">${result.verdict}</strong> · truth: ${truth}<br>score ${(result.score / 10).toFixed(1)} % of the threshold<div class="bar ${result.verdict}"><i style="width:${percent.toFixed(1)}%"></i><b></b></div></figcaption></figure>`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
