import { axes, coordinate, rangeOf, ticksOf, xAt, yAt, type Frame, type Range } from "./axis.ts";
import { escapeHtml } from "./html.ts";

export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Marks every point; for few points that were measured one by one. */
  readonly dots?: boolean;
}

export interface LinePlot {
  /** For readers who do not see the picture. */
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
  readonly xRange?: Range;
  readonly yRange?: Range;
  /** Labels under given x values instead of round numbers. */
  readonly xTicks?: readonly { readonly at: number; readonly text: string }[];
  /** A vertical line with its name. */
  readonly mark?: { readonly at: number; readonly name: string };
}

const WIDTH = 480;
const HEIGHT = 300;
const MARGIN = { left: 52, right: 14, top: 24, bottom: 36 } as const;
/** So many classes of line are in the style sheet. */
const STYLES = 4;

/** A line plot as inline SVG; colours come from the page's style sheet, dashes tell lines apart without them. */
export function linePlot(plot: LinePlot): string {
  const points = plot.series.flatMap((series) => series.points);
  const frame: Frame = {
    left: MARGIN.left,
    top: MARGIN.top,
    width: WIDTH - MARGIN.left - MARGIN.right,
    height: HEIGHT - MARGIN.top - MARGIN.bottom,
    x: plot.xRange ?? rangeOf(points.map(([x]) => x)),
    y: plot.yRange ?? rangeOf(points.map(([, y]) => y)),
  };
  const texts = new Map(plot.xTicks?.map(({ at, text }) => [at, text]));
  const x = {
    name: escapeHtml(plot.x),
    ticks: plot.xTicks?.map(({ at }) => at) ?? ticksOf(frame.x, 8),
    text: (value: number): string => escapeHtml(texts.get(value) ?? String(value)),
  };
  const y = { name: escapeHtml(plot.y), ticks: ticksOf(frame.y, 6) };
  const lines = plot.series.map((series, i) => lineOf(frame, series, i % STYLES));
  return `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeHtml(plot.title)}">
${axes(frame, x, y)}
${lines.join("\n")}
${markOf(frame, plot.mark)}
${legend(plot.series)}
</svg>`;
}

function lineOf(frame: Frame, series: Series, style: number): string {
  const at = series.points.map(([x, y]) => [coordinate(xAt(frame, x)), coordinate(yAt(frame, y))] as const);
  const line = at.map(([x, y], i) => `${i === 0 ? "M" : "L"}${x} ${y}`).join("");
  const dots = series.dots === true ? at.map(([x, y]) => `<circle class="dot" cx="${x}" cy="${y}" r="3.5"/>`) : [];
  return `<g class="series${style}"><path class="line series${style}" d="${line}"/>${dots.join("")}</g>`;
}

/** A vertical line across the frame; nothing when it lies outside. */
export function markOf(frame: Frame, mark: { readonly at: number; readonly name: string } | undefined): string {
  if (mark === undefined || mark.at < frame.x.low || mark.at > frame.x.high) return "";
  const x = coordinate(xAt(frame, mark.at));
  const onLeft = x > frame.left + frame.width * 0.7;
  const anchor = onLeft ? "end" : "start";
  return `<path class="mark" d="M${x} ${frame.top}V${frame.top + frame.height}"/><text class="marked" x="${x + (onLeft ? -5 : 5)}" y="${frame.top + 11}" text-anchor="${anchor}">${escapeHtml(mark.name)}</text>`;
}

function legend(series: readonly Series[]): string {
  if (series.length < 2) return "";
  const right = WIDTH - MARGIN.right;
  const parts = series.map(({ name }, i) => `<tspan class="name series${i % STYLES}">${escapeHtml(name)}</tspan>`);
  return `<text x="${right}" y="${MARGIN.top - 6}" text-anchor="end">${parts.join("<tspan> · </tspan>")}</text>`;
}
