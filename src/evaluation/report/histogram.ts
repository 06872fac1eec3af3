import { axes, coordinate, rangeOf, ticksOf, xAt, yAt, type Frame } from "./axis.ts";
import { markOf } from "./line-plot.ts";

const WIDTH = 480;
const HEIGHT = 300;
const MARGIN = { left: 52, right: 14, top: 24, bottom: 36 } as const;
const BINS = 40;

/**
 * Image scores of nominal images above the axis and of anomalous ones below it, each as shares of its class, so that few
 * defects among many good parts show as well; a line where the threshold lies.
 */
export function scoreHistogram(nominal: readonly number[], anomalous: readonly number[], threshold: number): string {
  const x = rangeOf([...nominal, ...anomalous, threshold]);
  const up = sharesOf(nominal, x.low, x.high);
  const down = sharesOf(anomalous, x.low, x.high);
  const most = Math.max(...up, ...down, 1 / BINS);
  const frame: Frame = {
    left: MARGIN.left,
    top: MARGIN.top,
    width: WIDTH - MARGIN.left - MARGIN.right,
    height: HEIGHT - MARGIN.top - MARGIN.bottom,
    x,
    y: { low: -most * 1.05, high: most * 1.05 },
  };
  const percentText = (value: number): string => `${Math.round(Math.abs(value) * 1000) / 10} %`;
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="Histogram of image scores with the threshold">
${axes(frame, { name: "image score", ticks: ticksOf(x, 8) }, { name: "share of the class", ticks: ticksOf(frame.y, 6), text: percentText })}
<g class="series0">${bars(frame, up, 1)}</g><g class="series1">${bars(frame, down, -1)}</g>
<path class="axis" d="M${frame.left} ${coordinate(yAt(frame, 0))}H${frame.left + frame.width}"/>
<text x="${WIDTH - MARGIN.right}" y="${MARGIN.top - 6}" text-anchor="end"><tspan class="name series0">nominal, above</tspan><tspan> · </tspan><tspan class="name series1">anomalous, below</tspan></text>
${markOf(frame, { at: threshold, name: "threshold" })}
</svg>`;
}

function sharesOf(values: readonly number[], low: number, high: number): readonly number[] {
  const shares = new Array<number>(BINS).fill(0);
  for (const value of values) {
    const bin = Math.min(BINS - 1, Math.floor((BINS * (value - low)) / (high - low)));
    shares[bin] = (shares[bin] ?? 0) + 1 / values.length;
  }
  return shares;
}

function bars(frame: Frame, shares: readonly number[], sign: 1 | -1): string {
  const width = frame.width / BINS;
  const zero = yAt(frame, 0);
  return shares
    .map((share, bin) => {
      if (share === 0) return "";
      const value = frame.x.low + ((frame.x.high - frame.x.low) * bin) / BINS;
      const y = yAt(frame, sign * share);
      const box = `x="${coordinate(xAt(frame, value) + 0.5)}" y="${coordinate(Math.min(y, zero))}" width="${coordinate(width - 1)}"`;
      return `<rect class="bar" ${box} height="${coordinate(Math.abs(y - zero))}"/>`;
    })
    .join("");
}
