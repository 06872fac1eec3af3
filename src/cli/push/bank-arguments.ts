import { MOST_SHADOW_PARTS, MOST_SHADOW_SECONDS, type ShadowTerms } from "../../bank/offer.ts";
import { parseCommandLine } from "../command-line/parse.ts";
import { PUSH_BANK } from "../commands/push.ts";
import { parseFleet, type FleetArguments } from "./fleet/arguments.ts";

export interface PushBankArguments {
  readonly help: boolean;
  readonly what: "bank" | "promote" | "rollback" | "withdraw";
  readonly bank: string;
  readonly to: string;
  /** null: the one site on the broker that has the station. */
  readonly site: string | null;
  /** The one station; meaningless with `fleet`. */
  readonly line: string;
  readonly station: string;
  /** null: one station. */
  readonly fleet: FleetArguments | null;
  /** Of one station of a fleet. */
  readonly timeoutMs: number;
  /** null: unsigned. */
  readonly key: string | null;
  /** null: blocks come over the broker. */
  readonly url: string | null;
  /** null: it goes to work when it has passed its gate. */
  readonly shadow: ShadowTerms | null;
  readonly models: readonly string[];
  readonly until: "probation" | "committed";
  readonly username: string | null;
  readonly passwordFile: string | null;
  readonly ca: string | null;
}

const STATION = /^[a-z0-9_-]{1,32}\/[a-z0-9_-]{1,32}$/;
const SITE = /^[a-z0-9_-]{1,32}$/;
const DEFAULT_TIMEOUT_S = 3_600;
/** Timers count no further. */
const MOST_TIMEOUT_S = 2_000_000;
const DEFAULT_SHADOW_S = 86_400;
const BROKER = /^mqtts?:\/\/\S+$/;

/**
 * @returns the checked command line, or everything that is wrong with it, one line each
 * @throws TypeError of util.parseArgs for unknown options
 */
export function parsePushBank(args: string[]): PushBankArguments | { readonly problems: readonly string[] } {
  const { values, positionals } = parseCommandLine(PUSH_BANK, args);
  const { to = "", until = "committed" } = values;
  const station = values.station?.[0] ?? "";
  const site = values.site ?? null;
  const problems: string[] = [];
  const expect = (holds: boolean, problem: string): void => void (holds || problems.push(problem));
  const orders = (["promote", "rollback", "withdraw"] as const).filter((order) => values[order] === true);
  const asked = orders.length;
  expect(positionals.length + asked === 1, "Expected one BANK, or --promote, or --rollback, or --withdraw");
  expect(BROKER.test(to), `Expected mqtt://HOST or mqtts://HOST for --to but received ${JSON.stringify(to)}`);
  const url = values.url ?? null;
  expect(
    url === null || (asked === 0 && URL.canParse(url) && url.startsWith("https://")),
    `Expected https://… for --url, beside a BANK, but received ${url}`,
  );
  const fleet = parseFleet(values, problems);
  const shadow = parseShadow(values.shadow, values["shadow-for"], expect);
  expect(shadow === null || asked === 0, "Expected --shadow beside a BANK");
  expect(
    fleet === null || (shadow === null && values.promote !== true),
    "Expected one station for --shadow and --promote",
  );
  expect(
    fleet !== null || STATION.test(station),
    `Expected LINE/NAME for --station but received ${JSON.stringify(station)}`,
  );
  expect(site === null || SITE.test(site), `Expected a site's name for --site but received ${JSON.stringify(site)}`);
  expect((values.key !== undefined) !== (values.unsigned === true), "Expected --key FILE, or --unsigned");
  expect(
    until === "probation" || until === "committed",
    `Expected probation or committed for --until but received ${until}`,
  );
  const timeoutS = Number(values.timeout ?? DEFAULT_TIMEOUT_S);
  expect(timeoutS > 0 && timeoutS <= MOST_TIMEOUT_S, `Expected --timeout in seconds but received ${values.timeout}`);
  expect(fleet !== null || values.timeout === undefined, "Expected several stations for --timeout");
  expect(
    fleet === null || asked === 0 || fleet.state !== null,
    "Expected --state FILE for --rollback and --withdraw of several stations",
  );
  if (problems.length > 0 && values.help !== true) return { problems };
  const [line = "", name = ""] = station.split("/");
  return {
    help: values.help === true,
    what: orders[0] ?? "bank",
    bank: positionals[0] ?? "",
    ...{ to, site, line, station: name, fleet, timeoutMs: timeoutS * 1_000 },
    key: values.key ?? null,
    ...{ url, shadow },
    models: values.models ?? [],
    until: until === "probation" ? "probation" : "committed",
    username: values.username ?? null,
    passwordFile: values["password-file"] ?? null,
    ca: values.ca ?? null,
  };
}

function parseShadow(
  parts: string | undefined,
  seconds: string | undefined,
  expect: (holds: boolean, problem: string) => void,
): ShadowTerms | null {
  expect(parts !== undefined || seconds === undefined, "Expected --shadow N beside --shadow-for");
  if (parts === undefined) return null;
  const terms = { parts: Number(parts), seconds: Number(seconds ?? DEFAULT_SHADOW_S) };
  const holds = (value: number, most: number): boolean => Number.isInteger(value) && value >= 1 && value <= most;
  expect(
    holds(terms.parts, MOST_SHADOW_PARTS),
    `Expected 1 to ${MOST_SHADOW_PARTS} parts for --shadow but received ${parts}`,
  );
  expect(
    holds(terms.seconds, MOST_SHADOW_SECONDS),
    `Expected 1 to ${MOST_SHADOW_SECONDS} seconds for --shadow-for but received ${seconds}`,
  );
  return terms;
}
