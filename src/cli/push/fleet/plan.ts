/** How many stations a wave takes: so many, a share of the whole fleet, or all that are left. */
export type WaveSize = { readonly count: number } | { readonly percent: number } | "all";

/** What became of one station. */
export type Outcome = "done" | "rolled_back" | "refused" | "failed" | "timeout" | "offline";

/** What can end a rollout, by --halt-on. */
export const HALTING = ["rolled_back", "refused", "failed", "timeout", "offline"] as const;

/** @returns null when the text is no size */
export function parseWaveSize(text: string): WaveSize | null {
  if (text === "all") return "all";
  const [, digits = "", percent = ""] = /^(\d{1,5})(%?)$/.exec(text) ?? [];
  const number = Number(digits);
  if (number < 1 || (percent !== "" && number > 100)) return null;
  return percent === "" ? { count: number } : { percent: number };
}

/**
 * Divides the stations into waves, in their order. A share is one of all stations, rounded up; a wave that finds none left
 * falls away. What no size reaches is left alone.
 */
export function planWaves(stations: readonly string[], sizes: readonly WaveSize[]): readonly (readonly string[])[] {
  let left = stations;
  return sizes.flatMap((size) => {
    const wave = left.slice(0, sizeIn(size, stations.length, left.length));
    left = left.slice(wave.length);
    return wave.length === 0 ? [] : [wave];
  });
}

function sizeIn(size: WaveSize, fleet: number, left: number): number {
  if (size === "all") return left;
  return "count" in size ? size.count : Math.ceil((fleet * size.percent) / 100);
}
