import type { StationRecord } from "./state-file.ts";

/** @returns lines of columns: station, wave, when (UTC), what it came to; and the sum */
export function rolloutTable(stations: readonly StationRecord[]): string {
  const rows = stations.map(({ target, wave, outcome, atWallMs, detail }) => [
    target,
    String(wave),
    atWallMs === null ? "" : new Date(atWallMs).toISOString().slice(0, 19).replace("T", " "),
    outcome ?? "not begun",
    detail.split("\n")[0] ?? "",
  ]);
  const table = [["station", "wave", "at (UTC)", "outcome", ""], ...rows];
  const widths = [0, 1, 2, 3].map((at) => Math.max(...table.map((row) => row[at]?.length ?? 0)));
  const lines = table.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join("  ")
      .trimEnd(),
  );
  const counts = new Map<string, number>();
  for (const { outcome } of stations) {
    const word = outcome ?? "not begun";
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const sum = [...counts].map(([word, count]) => `${count} ${word}`).join(", ");
  return [...lines, `${stations.length} stations: ${sum}`].join("\n");
}
