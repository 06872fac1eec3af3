/** From when to when the broker was away, ms. */
export type Absence = readonly [fromMs: number, toMs: number];

export interface Gaps {
  /** Results that were never heard. */
  readonly missing: number;
  /** Gaps between two results that no absence of the broker explains. */
  readonly unexplained: number;
}

/**
 * Of more results than the outbox keeps while the broker is away the oldest are lost, and flag 04 says so; of no others.
 *
 * @param heardAtMs when each result of a station was heard first, by its `seq`
 */
export function gapsOf(heardAtMs: ReadonlyMap<number, number>, absences: readonly Absence[]): Gaps {
  let [missing, unexplained] = [0, 0];
  const heard = [...heardAtMs].sort(([one], [other]) => one - other);
  for (const [i, [seq, lastMs]] of heard.entries()) {
    const [next, nextMs] = heard[i + 1] ?? [seq + 1, lastMs];
    missing += next - seq - 1;
    if (next > seq + 1 && !absences.some(([fromMs, toMs]) => fromMs < nextMs && toMs > lastMs)) unexplained++;
  }
  return { missing, unexplained };
}
