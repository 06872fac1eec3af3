/** One line of Prometheus' text format: `name{label="value",…} number`. */
const SAMPLE = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;

/** @returns name and labels of every sample */
export function seriesOf(text: string): string[] {
  return text.split("\n").flatMap((line) => {
    if (line === "" || line.startsWith("#")) return [];
    const match = SAMPLE.exec(line);
    if (match === null) throw new Error(`Expected a sample but received ${line}`);
    return [`${match[1] ?? ""}{${match[2] ?? ""}}`];
  });
}

/** @returns the value of the one sample with just these labels; null when there is none */
export function valueOf(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number | null {
  const wanted = JSON.stringify(Object.entries(labels).sort());
  for (const line of text.split("\n")) {
    const [, found, pairs = "", value] = SAMPLE.exec(line) ?? [];
    if (found !== name) continue;
    const given = [...pairs.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, label, of]) => [label, of]);
    if (JSON.stringify(given.sort()) === wanted) return Number(value);
  }
  return null;
}

/** @returns names that have a sample; those of a histogram with _bucket, _sum and _count */
export function namesOf(text: string): Set<string> {
  return new Set(seriesOf(text).map((series) => series.slice(0, series.indexOf("{"))));
}
