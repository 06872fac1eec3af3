/** A plot's inner area in the units of its viewBox, and where its values lie. */
export interface Frame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly x: Range;
  readonly y: Range;
}

/** Ends of an axis; `high` is above `low`. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** @returns the values' range, widened where all are equal; [0, 1] for none */
export function rangeOf(values: readonly number[]): Range {
  if (values.length === 0) return { low: 0, high: 1 };
  const low = values.reduce((least, value) => Math.min(least, value), Infinity);
  const high = values.reduce((most, value) => Math.max(most, value), -Infinity);
  if (high > low) return { low, high };
  const half = low === 0 ? 0.5 : Math.abs(low) / 2;
  return { low: low - half, high: high + half };
}

/** Round numbers (1, 2, 5 times a power of ten) that divide a range into at most `count` parts. */
export function ticksOf({ low, high }: Range, count: number): readonly number[] {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough * (1 - 1e-9)) ?? 10 * power;
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  // From the whole number of steps, so that 0.1 + 0.2 does not become 0.30000000000000004.
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

export function xAt(frame: Frame, value: number): number {
  return frame.left + (frame.width * (value - frame.x.low)) / (frame.x.high - frame.x.low);
}

export function yAt(frame: Frame, value: number): number {
  return frame.top + frame.height - (frame.height * (value - frame.y.low)) / (frame.y.high - frame.y.low);
}

/** The border, grid lines and numbers of both axes, as SVG. */
export function axes(
  frame: Frame,
  x: { readonly name: string; readonly ticks: readonly number[]; readonly text?: (value: number) => string },
  y: { readonly name: string; readonly ticks: readonly number[]; readonly text?: (value: number) => string },
): string {
  const { left, top, width, height } = frame;
  const [right, bottom] = [left + width, top + height];
  const columns = x.ticks.map((tick) => {
    const at = coordinate(xAt(frame, tick));
    const text = (x.text ?? String)(tick);
    return `<path class="grid" d="M${at} ${top}V${bottom}"/><text x="${at}" y="${bottom + 14}" text-anchor="middle">${text}</text>`;
  });
  const rows = y.ticks.map((tick) => {
    const at = coordinate(yAt(frame, tick));
    const text = (y.text ?? String)(tick);
    return `<path class="grid" d="M${left} ${at}H${right}"/><text x="${left - 5}" y="${at + 4}" text-anchor="end">${text}</text>`;
  });
  return `${columns.join("")}${rows.join("")}<path class="axis" d="M${left} ${top}V${bottom}H${right}"/>
<text x="${left + width / 2}" y="${bottom + 29}" text-anchor="middle">${x.name}</text>
<text x="${left}" y="${top - 6}">${y.name}</text>`;
}

/** Two decimals of a viewBox unit are below what a screen shows. */
export function coordinate(value: number): number {
  return Math.round(value * 100) / 100;
}
