/** Size of the drawing, in units of its view box; room below for numbers. */
const WIDTH = 720;
const HEIGHT = 160;
const FOOT = 24;
const MOST_BINS = 40;

/**
 * Histogram of scores with the threshold as a line, as inline SVG in the page's colours.
 *
 * @param scores at least one
 */
export function histogramSvg(scores: readonly number[], threshold: number): string {
  const low = Math.min(threshold, ...scores);
  const high = Math.max(threshold, ...scores);
  const span = high > low ? (high - low) * 1.05 : 1;
  const bins = Math.min(MOST_BINS, Math.max(8, 2 * Math.ceil(Math.sqrt(scores.length))));
  const counts = new Array<number>(bins).fill(0);
  for (const score of scores) {
    const bin = Math.min(bins - 1, Math.floor(((score - low) / span) * bins));
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const most = Math.max(...counts);
  const width = WIDTH / bins;
  const bars = counts.map((count, bin) => {
    const height = ((HEIGHT - 20) * count) / most;
    const place = `x="${(bin * width + 1).toFixed(1)}" y="${(HEIGHT - height).toFixed(1)}"`;
    return `<rect ${place} width="${(width - 2).toFixed(1)}" height="${height.toFixed(1)}"><title>${count}</title></rect>`;
  });
  const at = (((threshold - low) / span) * WIDTH).toFixed(1);
  const text = (x: number, anchor: string, value: number): string =>
    `<text x="${x}" y="${HEIGHT + 17}" text-anchor="${anchor}">${Number(value.toPrecision(4))}</text>`;
  return `<svg class="histogram" viewBox="0 0 ${WIDTH} ${HEIGHT + FOOT}" role="img" aria-label="Histogram of ${scores.length} scores, threshold ${Number(threshold.toPrecision(4))}">
${bars.join("")}
<line x1="${at}" y1="0" x2="${at}" y2="${HEIGHT}"/>
${text(0, "start", low)}${text(WIDTH, "end", low + span)}
</svg>`;
}
