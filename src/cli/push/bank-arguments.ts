import { parseCommandLine } from "../command-line/parse.ts";
import { PUSH_BANK } from "../commands/push.ts";
import { parseFleet, type FleetArguments } from "./fleet/arguments.ts";

export interface PushBankArguments {
  readonly help: boolean;
  readonly what: "bank" | "rollback" | "withdraw";
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
  const asked = (values.rollback === true ? 1 : 0) + (values.withdraw === true ? 1 : 0);
  expect(positionals.length + asked === 1, "Expected one BANK, or --rollback, or --withdraw");
  expect(BROKER.test(to), `Expected mqtt://HOST or mqtts://HOST for --to but received ${JSON.stringify(to)}`);
  const url = values.url ?? null;
  expect(
    url === null || (asked === 0 && URL.canParse(url) && url.startsWith("https://")),
    `Expected https://… for --url, beside a BANK, but received ${url}`,
  );
  const fleet = parseFleet(values, problems);
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
    what: values.rollback === true ? "rollback" : values.withdraw === true ? "withdraw" : "bank",
    bank: positionals[0] ?? "",
    ...{ to, site, line, station: name, fleet, timeoutMs: timeoutS * 1_000 },
    key: values.key ?? null,
    url,
    models: values.models ?? [],
    until: until === "probation" ? "probation" : "committed",
    username: values.username ?? null,
    passwordFile: values["password-file"] ?? null,
    ca: values.ca ?? null,
  };
}
