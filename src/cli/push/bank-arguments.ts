import { parseCommandLine } from "../command-line/parse.ts";
import { PUSH_BANK } from "../commands/push.ts";

export interface PushBankArguments {
  readonly help: boolean;
  readonly what: "bank" | "rollback" | "withdraw";
  readonly bank: string;
  readonly to: string;
  /** null: the one site on the broker that has the station. */
  readonly site: string | null;
  readonly line: string;
  readonly station: string;
  /** null: unsigned. */
  readonly key: string | null;
  readonly models: readonly string[];
  readonly until: "probation" | "committed";
  readonly username: string | null;
  readonly passwordFile: string | null;
  readonly ca: string | null;
}

const STATION = /^[a-z0-9_-]{1,32}\/[a-z0-9_-]{1,32}$/;
const SITE = /^[a-z0-9_-]{1,32}$/;
const BROKER = /^mqtts?:\/\/\S+$/;

/**
 * @returns the checked command line, or everything that is wrong with it, one line each
 * @throws TypeError of util.parseArgs for unknown options
 */
export function parsePushBank(args: string[]): PushBankArguments | { readonly problems: readonly string[] } {
  const { values, positionals } = parseCommandLine(PUSH_BANK, args);
  const { to = "", station = "", until = "committed" } = values;
  const site = values.site ?? null;
  const problems: string[] = [];
  const expect = (holds: boolean, problem: string): void => void (holds || problems.push(problem));
  const asked = (values.rollback === true ? 1 : 0) + (values.withdraw === true ? 1 : 0);
  expect(positionals.length + asked === 1, "Expected one BANK, or --rollback, or --withdraw");
  expect(BROKER.test(to), `Expected mqtt://HOST or mqtts://HOST for --to but received ${JSON.stringify(to)}`);
  expect(STATION.test(station), `Expected LINE/NAME for --station but received ${JSON.stringify(station)}`);
  expect(site === null || SITE.test(site), `Expected a site's name for --site but received ${JSON.stringify(site)}`);
  expect((values.key !== undefined) !== (values.unsigned === true), "Expected --key FILE, or --unsigned");
  expect(
    until === "probation" || until === "committed",
    `Expected probation or committed for --until but received ${until}`,
  );
  if (problems.length > 0 && values.help !== true) return { problems };
  const [line = "", name = ""] = station.split("/");
  return {
    help: values.help === true,
    what: values.rollback === true ? "rollback" : values.withdraw === true ? "withdraw" : "bank",
    bank: positionals[0] ?? "",
    ...{ to, site, line, station: name },
    key: values.key ?? null,
    models: values.models ?? [],
    until: until === "probation" ? "probation" : "committed",
    username: values.username ?? null,
    passwordFile: values["password-file"] ?? null,
    ca: values.ca ?? null,
  };
}
