import { HALTING, parseWaveSize, type Outcome, type WaveSize } from "./plan.ts";

export interface FleetArguments {
  /** Each `LINE/NAME`, either of them maybe `+`. */
  readonly patterns: readonly string[];
  readonly waves: readonly WaveSize[];
  readonly haltOn: ReadonlySet<Outcome>;
  readonly parallel: number;
  /** null: beside what is sent. */
  readonly state: string | null;
}

interface FleetValues {
  readonly station?: readonly string[];
  readonly canary?: string;
  readonly then?: readonly string[];
  readonly "halt-on"?: string;
  readonly parallel?: string;
  readonly state?: string;
}

const SEGMENT = "(?:\\+|[a-z0-9_-]{1,32})";
const PATTERN = new RegExp(`^${SEGMENT}/${SEGMENT}$`);
const DEFAULT_PARALLEL = 4;
const MOST_PARALLEL = 64;

/** @returns null for a push to a single station; what is wrong goes to `problems` */
export function parseFleet(values: FleetValues, problems: string[]): FleetArguments | null {
  const { station: patterns = [], canary, then = [], parallel = String(DEFAULT_PARALLEL), state = null } = values;
  const rest = [canary, values["halt-on"], values.parallel, values.state, ...then];
  const isFleet = patterns.length > 1 || patterns.some((one) => one.includes("+"));
  if (!isFleet) {
    const isAsked = rest.some((one) => one !== undefined && one !== null);
    if (isAsked)
      problems.push("Expected several stations (--station line1/+) for --canary, --then and what goes with them");
    return null;
  }
  for (const pattern of patterns) {
    if (!PATTERN.test(pattern)) {
      problems.push(`Expected LINE/NAME, or + for either, for --station but received ${JSON.stringify(pattern)}`);
    }
  }
  const waves = [...(canary === undefined ? [] : [canary]), ...then].flatMap((text) => {
    const size = parseWaveSize(text);
    if (size === null) problems.push(`Expected N, N% or all for --canary and --then but received ${text}`);
    return size ?? [];
  });
  if (canary === undefined && then.length === 0) {
    problems.push("Expected --canary N, or --then all, to say how several stations are to get it");
  }
  const haltOn = (values["halt-on"] ?? HALTING.join(",")).split(",");
  for (const word of haltOn) {
    if (!HALTING.some((one) => one === word)) {
      problems.push(`Expected of ${HALTING.join(", ")} for --halt-on but received ${JSON.stringify(word)}`);
    }
  }
  const count = Number(parallel);
  if (!Number.isInteger(count) || count < 1 || count > MOST_PARALLEL) {
    problems.push(`Expected 1 to ${MOST_PARALLEL} for --parallel but received ${parallel}`);
  }
  return { patterns, waves, haltOn: new Set(HALTING.filter((one) => haltOn.includes(one))), parallel: count, state };
}
