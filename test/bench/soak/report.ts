import { linePlot } from "../../../src/evaluation/report/line-plot.ts";
import { trendOf, type Trend } from "./trend.ts";
import { QUANTITIES, type Look, type QuantityName } from "./watch.ts";

export interface SoakSample {
  readonly atS: number;
  readonly look: Look;
}

/** What was done to the daemon, and when. */
export interface SoakEvent {
  readonly atS: number;
  readonly what: string;
}

export interface SoakRun {
  readonly samples: readonly SoakSample[];
  readonly events: readonly SoakEvent[];
  /** From when on growth counts, s. */
  readonly warmUpS: number;
}

export function csvOf({ samples }: SoakRun): string {
  const head = ["time_s", ...QUANTITIES.map(({ name, unit }) => (unit === "" ? name : `${name} ${unit}`))];
  const rows = samples.map(({ atS, look }) => [
    atS.toFixed(1),
    ...QUANTITIES.map(({ name }) => look[name]?.toFixed(2) ?? ""),
  ]);
  return `${[head, ...rows].map((row) => row.join(",")).join("\n")}\n`;
}

export function trendsOf({ samples, warmUpS }: SoakRun): ReadonlyMap<QuantityName, Trend> {
  return new Map(
    QUANTITIES.map(({ name, allowed }) => {
      const values = samples.flatMap(({ atS, look }) =>
        atS < warmUpS || look[name] === undefined ? [] : [{ atS, value: look[name] }],
      );
      return [name, trendOf(values, allowed)];
    }),
  );
}

/** A Markdown table with a verdict for each quantity. */
export function tableOf(trends: ReadonlyMap<QuantityName, Trend>): string {
  const rows = QUANTITIES.map(({ name, unit, allowed }) => {
    const trend = trends.get(name);
    if (trend === undefined) return `| ${name} | | | | | | |`;
    const number = (value: number): string => `${value.toFixed(2)} ${unit}`.trim();
    const { median, largest, slopePerHour, slopeLimits, growthLimit, verdict } = trend;
    const [low, high] = slopeLimits.map((limit) => limit.toFixed(2));
    const slope = `${number(slopePerHour)} (${low} to ${high})`;
    return `| ${name} | ${[number(median), number(largest), slope, number(growthLimit), number(allowed), verdict].join(" | ")} |`;
  });
  return [
    "| quantity | median | largest | slope per hour (95 %) | growth after the warm-up, at most | allowed | verdict |",
    "|---|---|---|---|---|---|---|",
    ...rows,
  ].join("\n");
}

const PLOTS = [
  { plot: "memory", y: "RSS, MiB" },
  { plot: "descriptors", y: "file descriptors" },
  { plot: "slots", y: "files in shared memory" },
  { plot: "database", y: "database with its log, KiB" },
] as const;
/** Plain colours: viewers of single SVG files know no custom properties. */
const STYLE = `
text { font: 11px sans-serif; fill: #57606a; } .axis { stroke: #d6dae0; fill: none; }
.grid { stroke: #d6dae0; stroke-dasharray: 2 3; } .mark { stroke: #1b1f24; stroke-dasharray: 5 3; }
.line { fill: none; stroke-width: 1.5; stroke-linejoin: round; } .name { font-weight: 600; }
.line.series0 { stroke: #1f6fb2; } .line.series1 { stroke: #b4540a; } .line.series2 { stroke: #6b4fa0; }
.name.series0 { fill: #1f6fb2; } .name.series1 { fill: #b4540a; } .name.series2 { fill: #6b4fa0; }
`;
const [PLOT_WIDTH, PLOT_HEIGHT] = [480, 300] as const;

/** One picture with a plot for each kind of quantity; a vertical line ends the warm-up, the foot names what was done. */
export function svgOf({ samples, events, warmUpS }: SoakRun): string {
  const plots = PLOTS.map(({ plot, y }, i) => {
    const inner = linePlot({
      title: `${y} over time`,
      x: "minutes",
      y,
      series: QUANTITIES.filter((quantity) => quantity.plot === plot).map(({ name }) => ({
        name,
        points: samples.flatMap(({ atS, look }) => (look[name] === undefined ? [] : [[atS / 60, look[name]] as const])),
      })),
      mark: { at: warmUpS / 60, name: "warm-up" },
    });
    const [x, top] = [(i % 2) * PLOT_WIDTH, Math.floor(i / 2) * PLOT_HEIGHT];
    return inner.replace("<svg ", `<svg x="${x}" y="${top}" width="${PLOT_WIDTH}" height="${PLOT_HEIGHT}" `);
  });
  const counts = new Map<string, number>();
  for (const { what } of events) counts.set(what, (counts.get(what) ?? 0) + 1);
  const foot = [...counts].map(([what, count]) => `${what} ${count} times`).join(", ");
  const height = 2 * PLOT_HEIGHT + 24;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${2 * PLOT_WIDTH} ${height}" width="${2 * PLOT_WIDTH}" height="${height}">
<style>${STYLE}</style>
<rect width="100%" height="100%" fill="#fff"/>
${plots.join("\n")}
<text x="10" y="${height - 8}">${foot}</text>
</svg>
`;
}
