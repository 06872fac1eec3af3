/** A station that works in an inference process, or is to. */
export interface Placed {
  /** Of its backbone, to be known again by; null: nobody knows it. */
  readonly backbone: string | null;
}

/**
 * Which inference process a station works in. Stations of one backbone share its session, so they stay together as long as
 * their process has no more stations than its share; else the process with the fewest takes it. Nobody else moves.
 *
 * @param processes the stations of each one
 * @param planned stations that there will be when all have their place
 * @returns its number
 */
export function placeStation(processes: readonly (readonly Placed[])[], station: Placed, planned: number): number {
  const stations = processes.reduce((sum, members) => sum + members.length, 1);
  const share = Math.ceil(Math.max(planned, stations) / processes.length);
  const numbers = [...processes.keys()];
  const members = (number: number): readonly Placed[] => processes[number] ?? [];
  const together = numbers.filter(
    (number) =>
      station.backbone !== null &&
      members(number).length < share &&
      members(number).some(({ backbone }) => backbone === station.backbone),
  );
  const candidates = together.length > 0 ? together : numbers;
  return candidates.reduce((best, number) => (members(number).length < members(best).length ? number : best));
}
